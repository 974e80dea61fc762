"""What propagations changed, frame by frame; and taking it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from enum import IntEnum
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import StrokeError
from napari_ivos.session._history import Edit, History
from napari_ivos.session._state import Draft, FrameState
from napari_ivos.types import LabelMap

Sides: TypeAlias = tuple[FrameState, FrameState]
"""A frame before and after."""
Compared: TypeAlias = tuple[int, Sides, bool]
"""A frame, what of it was compared, and whether its masks differ."""


class Change(IntEnum):
    """What became of a pixel."""

    NONE = 0
    GAINED = 1
    """Background before, an object now."""
    LOST = 2
    """An object before, background now."""
    MOVED = 3
    """Another object than before."""


class Changes:
    """What some propagations changed.

    Masks are read when they are asked for, a frame at a time; a run that is still going on may add
    frames.

    Parameters
    ----------
    runs : sequence of Edit
        Oldest first.
    read : callable
        Gives the (H, W) mask of a frame in a state of it.
    """

    def __init__(self, runs: Sequence[Edit], read: Callable[[int, FrameState], LabelMap]) -> None:
        self.runs, self._read = tuple(runs), read
        self._seen: dict[int, tuple[Sides, bool]] = {}

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames that the runs gave a result for, ascending."""
        return tuple(sorted(sides_of(self.runs)))

    @property
    def changed(self) -> tuple[int, ...]:
        """Those of them that have another mask than before, ascending, as far as is known."""
        return tuple(sorted(index for index, (_, other) in self._seen.items() if other))

    def sides(self, index: int) -> Sides | None:
        """A frame before and after; None where the runs gave no result."""
        return sides_of(self.runs).get(index)

    def refresh(self, seconds: float = 0.008) -> bool:
        """Compare frames, for about so long.

        Returns
        -------
        bool
            Whether all are compared; else more calls are needed.
        """
        end = time.perf_counter() + seconds
        for frame in self.pending():
            if time.perf_counter() > end:
                return False
            self.note(next(self.compare([frame])))
        return True

    def pending(self) -> list[tuple[int, Sides]]:
        """What is not compared yet."""
        return [
            (index, sides)
            for index, sides in sides_of(self.runs).items()
            if index not in self._seen or self._seen[index][0] != sides
        ]

    def compare(self, frames: Iterable[tuple[int, Sides]]) -> Generator[Compared]:
        """Compare frames, in any thread; `note` takes what comes out."""
        for index, sides in frames:
            yield index, sides, self._differ(index, sides)

    def note(self, found: Compared) -> None:
        """Take note of what was compared."""
        index, sides, differ = found
        self._seen[index] = (sides, differ)

    def difference(self, index: int) -> NDArray[np.uint8]:
        """What became of each pixel of a frame.

        Returns
        -------
        (H, W) uint8
            `Change`; all 0 where the runs gave no result.
        """
        sides = self.sides(index)
        if sides is None:
            return np.zeros_like(self._read(index, FrameState()), dtype=np.uint8)
        before, after = (self._read(index, side) for side in sides)
        was, there = before != 0, after != 0
        # Gained and moved end in an object, lost and moved begin in one: the bits of `Change`.
        found = (there * np.uint8(Change.GAINED)) | (was * np.uint8(Change.LOST))
        return np.asarray(found * (before != after))

    def _differ(self, index: int, sides: Sides) -> bool:
        before, after = sides
        if (before.mask, before.relabelled) == (after.mask, after.relabelled):
            return False
        return not np.array_equal(self._read(index, before), self._read(index, after))


def last_runs(history: History, count: int) -> list[Edit]:
    """The latest propagations, oldest first; none where they were taken back."""
    found: list[Edit] = []
    for edit in reversed(history.done):
        before, after = edit.fields.get("rounds", ((), ()))
        if len(found) == count or len(after) < len(before):
            break
        if len(after) > len(before):
            if not edit.frames:  # it has just begun
                break
            found.append(edit)
    return found[::-1]


def sides_of(runs: Sequence[Edit]) -> dict[int, Sides]:
    """Each frame before the first of the runs and after the last."""
    found: dict[int, Sides] = {}
    for edit in runs:
        for index, (before, after) in edit.frames.items():
            found[index] = (found[index][0] if index in found else before, after)
    return found


def take_back(history: History, edit: Edit, runs: Sequence[Edit]) -> int:
    """Undo what the latest propagations did, as a new edit, and nothing that was done since.

    Their strokes stay, and are not propagated any more; frames that a person has changed since
    stay as they are. The method's memory is rebuilt when it is needed.

    Returns
    -------
    int
        How many frames went back.

    Raises
    ------
    StrokeError
        A person has changed all of them since.
    """
    state = history.state
    rounds = state.rounds[: len(state.rounds) - len(runs)]
    back = {
        index: before
        for index, (before, after) in sides_of(runs).items()
        if history.frame(index) is after
    }
    if not back:
        raise StrokeError(
            "All frames of the last propagation were changed since, so nothing of it can go back.",
            "Undo takes back one step after the other.",
        )
    for index, frame in back.items():
        history.set_frame(edit, index, frame)
    # What was drawn since was drawn in a round that comes sooner now.
    annotated = tuple(
        replace(item, round=len(rounds)) if item.round > len(rounds) else item
        for item in state.annotated
    )
    history.set_fields(
        edit,
        rounds=rounds,
        annotated=annotated,
        drafts=MappingProxyType(_drafts(history, runs, back)),
        memory=None,
        memory_current=all(item.empty for item in rounds),
    )
    return len(back)


def _drafts(
    history: History, runs: Sequence[Edit], back: dict[int, FrameState]
) -> dict[int, Draft]:
    """Previews as before on frames that went back, and as they are on the others."""
    kept = {i: draft for i, draft in history.state.drafts.items() if i not in back}
    for edit in reversed(runs):
        before, _ = edit.fields.get("drafts", ({}, {}))
        kept.update({i: draft for i, draft in before.items() if i in back})
    return kept
