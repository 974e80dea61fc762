"""Objects become one: on all frames, or on some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_ivos.scribbles import Stroke
from napari_ivos.session._history import Edit, History
from napari_ivos.session._lineage import ancestors
from napari_ivos.session._objects import change_rounds, change_strokes, relabel, stored_pairs
from napari_ivos.session._relabel import relabel_frame
from napari_ivos.session._state import Absence, Relabels, SessionObject
from napari_ivos.types import Mask, ObjectId


def merge(
    history: History, edit: Edit, into: ObjectId, others: Sequence[ObjectId], length: int
) -> None:
    """Make objects part of another one on all frames of a video of that length."""
    pairs = tuple((other, into) for other in others)
    _merge_absences(history, edit, into, others, range(length))
    _merge_strokes(history, edit, pairs, range(length))
    state = history.state
    table = dict(pairs)
    rounds = tuple(
        replace(item, objects=tuple(sorted({table.get(i, i) for i in item.objects})))
        for item in state.rounds
    )
    history.set_fields(
        edit,
        objects=_merged_objects(state.objects, into, table),
        merged=state.merged + pairs,
        absences=tuple(item for item in state.absences if item.object_id not in others),
    )
    change_rounds(history, edit, rounds)


def merge_on(
    history: History, edit: Edit, into: ObjectId, others: Sequence[ObjectId], frames: range
) -> None:
    """Give the pixels and strokes that objects have on some frames to another one."""
    pairs = tuple((other, into) for other in others)
    _merge_absences(history, edit, into, others, frames)
    _merge_strokes(history, edit, pairs, frames)
    relabel(history, edit, pairs, frames)


def _merge_strokes(history: History, edit: Edit, pairs: Relabels, frames: range) -> None:
    """Strokes count as the other object's, and did so in past rounds."""
    table, stored = dict(pairs), stored_pairs(history.state, pairs)

    def change(stroke: Stroke) -> Stroke:
        if stroke.frame not in frames or stroke.object_id not in table:
            return stroke
        return replace(stroke, object_id=table[stroke.object_id])

    change_strokes(history, edit, change)
    rounds = tuple(
        replace(item, before=relabel_frame(item.before, stored)) if item.frame in frames else item
        for item in history.state.rounds
    )
    change_rounds(history, edit, rounds)


def _merge_absences(
    history: History, edit: Edit, into: ObjectId, others: Sequence[ObjectId], frames: range
) -> None:
    """What comes of objects is absent only where all of them were."""
    absences = history.state.absences
    for item in absences:
        if item.object_id in (into, *others):
            # Or hidden pixels would come to light under the other name.
            hidden = range(max(item.start, frames.start), min(item.stop, frames.stop))
            relabel(history, edit, ((item.object_id, 0),), hidden)
    length = max([frames.stop, *(item.stop for item in absences)])
    away = _away(absences, into, length)
    here = slice(frames.start, frames.stop)
    away[here] = np.all([_away(absences, one, length)[here] for one in (into, *others)], axis=0)
    rest = tuple(item for item in absences if item.object_id != into)
    left = tuple(Absence(into, start, stop) for start, stop in _stretches(away))
    if rest + left != absences:
        history.set_fields(edit, absences=rest + left)


def _away(absences: Sequence[Absence], object_id: ObjectId, length: int) -> Mask:
    """(length,) bool: the frames from which an object is absent."""
    away = np.zeros(length, dtype=bool)
    for item in absences:
        if item.object_id == object_id:
            away[item.start : item.stop] = True
    return away


def _stretches(where: Mask) -> list[tuple[int, int]]:
    """Beginnings and ends of where it is True."""
    edges = np.flatnonzero(np.diff(where.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _merged_objects(
    objects: tuple[SessionObject, ...], into: ObjectId, table: dict[ObjectId, ObjectId]
) -> tuple[SessionObject, ...]:
    """Without the merged ones, whose daughters are the other's now, as their parent is."""
    family = {item.id: item.parent for item in objects}
    merged = {
        child: table.get(parent, parent) for child, parent in family.items() if child not in table
    }
    if merged[into] in (0, into):
        found = [family[child] for child in (into, *table)]
        mine = [table.get(parent, parent) for parent in found]
        fit = [p for p in mine if p not in (0, into) and into not in ancestors(merged, p)]
        merged[into] = fit[0] if fit else 0
    return tuple(replace(item, parent=merged[item.id]) for item in objects if item.id not in table)
