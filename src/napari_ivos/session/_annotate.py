"""What a person puts on a frame, as edits of the history."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import StrokeError
from napari_ivos.masks import MAX_ID
from napari_ivos.scribbles import Stroke
from napari_ivos.session._history import Edit, History
from napari_ivos.session._rules import absent_objects
from napari_ivos.session._state import Absence, Annotated
from napari_ivos.session._store import FrameStore
from napari_ivos.types import AnyArray, LabelMap, ObjectId


def add_strokes(history: History, edit: Edit, strokes: list[Stroke]) -> None:
    """Note strokes as drawn in the present round."""
    now = len(history.state.rounds)
    added = tuple(Annotated(stroke.frame, now, stroke) for stroke in strokes)
    history.set_fields(edit, annotated=history.state.annotated + added)
    for stroke in strokes:
        say_present(history, edit, stroke.frame, (stroke.object_id,))


def check_strokes(strokes: Any) -> list[Stroke]:
    """The strokes as a list.

    Raises
    ------
    StrokeError
        They are something else.
    """
    given = list(strokes) if isinstance(strokes, Iterable) else [strokes]
    for item in given:
        if not isinstance(item, Stroke):
            raise StrokeError(
                f"{item!r} is not a stroke.",
                "Session.strokes() gives strokes, and Session.add_stroke takes a path.",
            )
    return given


def say_present(history: History, edit: Edit, index: int, object_ids: Collection[ObjectId]) -> None:
    """Objects that a person has just put on a frame are absent from it no more."""
    absences = history.state.absences
    if absent_objects(absences, index).isdisjoint(object_ids):
        return
    left: list[Absence] = []
    for item in absences:
        here = item.object_id in object_ids and item.start <= index < item.stop
        parts = [(item.start, index), (index + 1, item.stop)] if here else [(item.start, item.stop)]
        left += [Absence(item.object_id, a, b) for a, b in parts if a < b]
    history.set_fields(edit, absences=tuple(left))


def give_pixels(
    history: History,
    store: FrameStore,
    edit: Edit,
    index: int,
    human: NDArray[np.int32],
    shown: LabelMap,
    *,
    binding: bool,
    trusted: bool,
) -> None:
    """Put a person's pixels (−1 elsewhere) on a frame and show them at once, over `shown`."""
    now = history.frame(index)
    labels = np.where(human >= 0, human, shown).astype(np.uint16)
    given = replace(
        now,
        mask=store.put(labels),
        probs=None,
        objects=(),
        human=store.put(human),
        human_objects=frozenset(history.state.ids),
        binding=binding,
        trusted=trusted,
        source="human",
        reliability=1.0 if trusted else now.reliability,
        object_reliability=(),
        relabelled=(),
        human_relabelled=(),
    )
    history.set_frame(edit, index, given)
    note = Annotated(index, len(history.state.rounds))
    history.set_fields(edit, annotated=(*history.state.annotated, note))


def check_where(where: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels are meant, as bool.

    Raises
    ------
    StrokeError
        Another size.
    """
    there = np.asarray(where)
    if there.shape != size or there.dtype.kind not in "biu":
        raise StrokeError(
            f"The pixels to paint are told by {there.dtype} of shape {there.shape}, "
            f"the frames are {size}.",
            "Give (height, width) of True and False.",
        )
    return there.astype(bool)


def check_labels(labels: AnyArray, size: tuple[int, int]) -> NDArray[np.int32]:
    """A label map as int32.

    Raises
    ------
    StrokeError
        Another size, a type other than whole numbers, or ids that are not possible.
    """
    array = np.asarray(labels)
    if array.shape != size:
        raise StrokeError(
            f"The labels have the shape {array.shape}, the frames {size}.",
            "Give one (height, width) label map of the same size.",
        )
    if array.dtype.kind not in "biu":
        raise StrokeError(f"Labels must be whole numbers, not {array.dtype}.")
    if array.size and (array.min() < 0 or array.max() > MAX_ID):
        wrong = array.min() if array.min() < 0 else array.max()
        raise StrokeError(
            f"Object ids must lie between 1 and {MAX_ID} (0 is background); these labels have "
            f"{wrong}.",
            "Number them anew first.",
        )
    return array.astype(np.int32)
