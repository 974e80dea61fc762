"""The state of every object on every frame, kept up to date at little cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ProjectError
from napari_ivos.session._disk import Key
from napari_ivos.session._history import History
from napari_ivos.session._planner import annotations_of
from napari_ivos.session._relabel import read_reliability, relabel_ids
from napari_ivos.session._rules import absent_objects
from napari_ivos.session._state import EMPTY_FRAME, FrameState
from napari_ivos.types import LabelMap, ObjectId


class Status(IntEnum):
    """What is known of an object on a frame."""

    UNSEEN = 0
    """The frame has not been segmented."""
    ABSENT = 1
    """Nothing of the object is there, or a person said so."""
    MODEL = 2
    """A method's mask."""
    HUMAN = 3
    """A person drew or painted on this frame."""
    ACCEPTED = 4
    """A person answers for the frame."""


class Overview:
    """Status of K objects on T frames.

    Parameters
    ----------
    history : History
    length : int
        T.
    read : callable
        Gives the mask that a frame's state names as it is stored, (H, W) uint16, whatever its ids
        read as; each is read once.
    """

    def __init__(self, history: History, length: int, read: Callable[[int], LabelMap]) -> None:
        self._history, self._read = history, read
        self._seen: list[tuple[FrameState, bool]] = [(EMPTY_FRAME, False)] * length
        self._sizes: dict[int, tuple[Key | None, dict[ObjectId, int]]] = {}
        self._known: tuple[object, ...] = ((), ())
        self._dirty: set[int] = set()
        self.ids: tuple[ObjectId, ...] = ()
        self.status = np.zeros((0, length), dtype=np.uint8)
        """(K, T) `Status`, a row for each of `ids`."""
        self.areas = np.zeros((0, length), dtype=np.int32)
        """(K, T) pixels of each object; 0 where it is not there."""
        self.reliability = np.zeros((0, length), dtype=np.float32)
        """(K, T) 0–1, nan where unknown."""
        self.version = 0
        """Grows with each frame that is looked at anew; while it stays, so does all above."""

    def refresh(self, seconds: float = 0.008) -> bool:
        """Take in what has changed, for about so long.

        Returns
        -------
        bool
            Whether all is up to date; else more calls are needed.
        """
        end = time.perf_counter() + seconds
        annotated = {item.frame for item in annotations_of(self._history.state)}
        self._note_changes(annotated)
        while self._dirty:
            self._fill(self._dirty.pop(), annotated)
            if time.perf_counter() >= end:
                break
        return not self._dirty

    def next_unreviewed(self, frame: int) -> int | None:
        """First frame after this one, and then from the start, that only a method has spoken of."""
        open_frames = np.flatnonzero((self.status == Status.MODEL).any(axis=0))
        if len(open_frames) == 0:
            return None
        later = open_frames[open_frames > frame]
        return int(later[0] if len(later) else open_frames[0])

    def _note_changes(self, annotated: set[int]) -> None:
        state = self._history.state
        known = (state.absences, state.merged)
        if state.ids != self.ids or any(
            a is not b for a, b in zip(known, self._known, strict=True)
        ):
            self._known = known
            self._take_rows(state.ids)
            self._dirty.update(range(len(self._seen)))
        # A copy, since a run may commit frames while this goes through them.
        frames = list(self._history.frames.items())
        self._dirty.update(
            index
            for index, frame in frames
            if frame is not self._seen[index][0] or (index in annotated) != self._seen[index][1]
        )
        self._dirty.update(index for index in annotated if not self._seen[index][1])

    def _take_rows(self, ids: tuple[ObjectId, ...]) -> None:
        """Make rows for these objects; what was known of them stays until it is looked at anew."""
        before = {object_id: row for row, object_id in enumerate(self.ids)}
        old = [(row, before[object_id]) for row, object_id in enumerate(ids) if object_id in before]
        shape = (len(ids), len(self._seen))
        status, areas = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
        scores = np.full(shape, np.nan, np.float32)
        if old:
            rows, kept = np.transpose(old)
            status[rows], areas[rows] = self.status[kept], self.areas[kept]
            scores[rows] = self.reliability[kept]
        self.ids, self.status, self.areas, self.reliability = ids, status, areas, scores

    def _fill(self, index: int, annotated: set[int]) -> None:
        frame = self._history.frame(index)
        human = index in annotated
        self.version += 1
        self._seen[index] = (frame, human)
        merged = self._history.state.merged
        self.reliability[:, index] = read_reliability(frame, self.ids, merged)
        self.areas[:, index] = 0
        sizes = None if frame.mask is None else self._counted(index, frame)
        if sizes is None:
            self.status[:, index] = Status.HUMAN if human else Status.UNSEEN
            return
        there = Status.ACCEPTED if frame.trusted else Status.HUMAN if human else Status.MODEL
        hidden = absent_objects(self._history.state.absences, index)
        areas = np.array([0 if i in hidden else sizes.get(i, 0) for i in self.ids], np.int32)
        self.areas[:, index] = areas
        self.status[:, index] = np.where(areas > 0, there, Status.ABSENT)

    def _counted(self, index: int, frame: FrameState) -> dict[ObjectId, int] | None:
        """Pixels of the objects on a frame, those of merged ones as the other's.

        None where the stored mask is damaged: all else that is known of the video is still good.
        """
        # By what is stored: after a merge of thousands of frames none is read from the disk again.
        known = self._sizes.get(index)
        if known is None or known[0] != frame.mask:
            try:
                mask = self._read(index)
            except ProjectError:  # who looks at the frame is told
                return None
            # Most of a large frame is background, and counting that would hold up the window.
            counts = np.bincount(mask[mask > 0])
            there = np.flatnonzero(counts)
            known = frame.mask, dict(zip(there.tolist(), counts[there].tolist(), strict=True))
            self._sizes[index] = known
        pairs = frame.relabelled + self._history.state.merged
        if not pairs:
            return known[1]
        sizes: dict[ObjectId, int] = {}
        for object_id, size in zip(
            relabel_ids(tuple(known[1]), pairs), known[1].values(), strict=True
        ):
            sizes[object_id] = sizes.get(object_id, 0) + size
        return sizes


def shrink(status: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Status of `width` columns; of frames that share one, that which a person must see.

    Parameters
    ----------
    status : (K, T) uint8
    width : int

    Returns
    -------
    (K, min(width, T)) uint8
    """
    length = status.shape[1]
    if length <= width:
        return status
    starts = (np.arange(width) * length) // width
    return np.asarray(np.maximum.reduceat(status, starts, axis=1))
