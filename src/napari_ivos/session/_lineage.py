"""Divisions: a parent ends, its daughters begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_ivos.errors import StrokeError
from napari_ivos.session._history import Edit, History
from napari_ivos.session._objects import (
    change_objects,
    change_strokes,
    check_unlocked,
    create_objects,
)
from napari_ivos.session._state import Absence, State
from napari_ivos.types import ObjectId


def ancestors(parents: Mapping[ObjectId, ObjectId], object_id: ObjectId) -> tuple[ObjectId, ...]:
    """The parent of an object, the parent's parent, and so on."""
    found: list[ObjectId] = []
    now = parents.get(object_id, 0)
    while now and now not in found:
        found.append(now)
        now = parents.get(now, 0)
    return tuple(found)


def check_division(
    state: State, parent: ObjectId, frame: int, daughters: Sequence[ObjectId] | None
) -> None:
    """Whether an object can divide into these on a frame.

    Raises
    ------
    StrokeError
        There is none of these, or it is locked, is a daughter or an ancestor already; the parent
        divides already; or it is the first frame.
    """
    check_unlocked(state, (parent, *(daughters or ())), "divided")
    if frame == 0:
        raise StrokeError(
            "No object can divide on the first frame: its parent would be nowhere.",
            "Choose the first frame that shows the daughters.",
        )
    parents = {item.id: item.parent for item in state.objects}
    have = [child for child, its_parent in parents.items() if its_parent == parent]
    if have:
        raise StrokeError(
            f"Object {parent} divides already, into {' and '.join(map(str, have))}.",
            "Undo that division first, or divide a daughter.",
        )
    if daughters is None:
        return
    if len(set(daughters)) < 2 or len(set(daughters)) < len(daughters):
        raise StrokeError("A division has two different daughters, or more.")
    line = (parent, *ancestors(parents, parent))
    for daughter in daughters:
        if daughter in line or parents[daughter]:
            raise StrokeError(
                f"Object {daughter} cannot be a daughter of object {parent}: it is its ancestor "
                "or has a parent already.",
                "Leave it out, or leave the daughters out to have new ones made.",
            )


def divide(
    history: History,
    edit: Edit,
    parent: ObjectId,
    frame: int,
    daughters: Sequence[ObjectId] | None,
    length: int,
    count: int = 2,
) -> tuple[ObjectId, ...]:
    """End an object and begin its daughters, in a video of that length; gives their ids.

    When there are none yet, so many are made.
    """
    if daughters is None:
        (name,) = (item.name for item in history.state.objects if item.id == parent)
        first = history.state.next_id
        daughters = tuple(range(first, first + count))
        for number, object_id in enumerate(daughters, start=1):
            create_objects(history, edit, [object_id], f"{name}.{number}", parent)
    else:
        change_objects(history, edit, daughters, parent=parent)
    begun = tuple(Absence(daughter, 0, frame) for daughter in daughters)
    absences = (*history.state.absences, Absence(parent, frame, length), *begun)
    history.set_fields(edit, absences=absences)
    # What was drawn of an object where it is not says nothing any more.
    change_strokes(
        history,
        edit,
        lambda s: (
            None
            if (s.object_id == parent and s.frame >= frame)
            or (s.object_id in daughters and s.frame < frame)
            else s
        ),
    )
    return tuple(daughters)
