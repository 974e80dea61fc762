"""Label maps of many frames become references: read in any thread, taken on the main one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import IvosError, StrokeError
from napari_ivos.scribbles import whole_number
from napari_ivos.session import _annotate, _objects
from napari_ivos.session._disk import Key
from napari_ivos.session._history import Edit, History
from napari_ivos.session._planner import frame_range
from napari_ivos.session._runs import Runs
from napari_ivos.session._state import Annotated
from napari_ivos.session._store import FrameStore
from napari_ivos.types import ObjectId

if TYPE_CHECKING:
    from napari_ivos.video import LabelStack


@dataclass(frozen=True, slots=True)
class GivenMask:
    """A frame's label map, stored already."""

    index: int
    mask: Key
    human: Key
    ids: tuple[ObjectId, ...]


class MaskImport:
    """Made by `Session.plan_masks`: a worker iterates `run`, each result is committed.

    Parameters
    ----------
    labels : LabelStack
        (T, H, W) of the video's size; or one frame, for the first frame of the range.
    frames : range
        The video's frames that are to be given labels.
    size : (H, W)
    runs, history, store
        Those of the session.
    lock : bool
        Whether the labels are law, or evidence.
    empty : bool
        Whether frames without any label are taken as well.
    """

    def __init__(
        self,
        labels: LabelStack,
        frames: range,
        size: tuple[int, int],
        runs: Runs,
        history: History,
        store: FrameStore,
        *,
        lock: bool,
        empty: bool,
    ) -> None:
        self.frames = frames
        self.taken = 0
        """How many frames were given labels."""
        self.ids: set[ObjectId] = set()
        """The objects in them."""
        self._labels, self._size = labels, size
        self._runs, self._history, self._store = runs, history, store
        self._lock, self._empty = lock, empty
        self._edit: Edit | None = None
        self._before = dict(history.frames)

    @property
    def alive(self) -> bool:
        """Whether results still count: not once what came of it was undone."""
        return self._edit is None or self._edit in self._history.done

    def run(self) -> Generator[GivenMask | None]:
        """Read and store one frame after the other.

        Yields
        ------
        GivenMask or None
            For each frame in order; None for one without labels, which is passed over.

        Raises
        ------
        StrokeError
            Labels of another size than the frames, or ids that are not possible.
        VideoError
            A frame of the labels cannot be read.
        """
        for index, human in checked_labels(self._labels, self.frames, self._size):
            ids = np.unique(human)
            if ids.any() or self._empty:
                yield GivenMask(
                    index,
                    self._store.put(human.astype(np.uint16)),
                    self._store.put(human),
                    tuple(ids[ids > 0].tolist()),
                )
            else:
                yield None

    def commit(self, given: GivenMask | None) -> bool:
        """Make a frame's labels its masks; all of them are one step of undo.

        Returns
        -------
        bool
            False when nothing was taken: it was undone, or a person painted on that frame since
            the import began.
        """
        if given is None or not self.alive or self._painted(given.index):
            self._store.discard([] if given is None else [given.mask, given.human])
            return False
        edit = self._edit
        try:
            with self._runs.step():
                self._take(given)
        except IvosError:
            self._edit = edit
            raise
        self.taken += 1
        self.ids.update(given.ids)
        return True

    def _painted(self, index: int) -> bool:
        before = self._before.get(index)
        return self._history.frame(index).human != (None if before is None else before.human)

    def _take(self, given: GivenMask) -> None:
        history = self._history
        if self._edit is None:
            first, last = self.frames[0], self.frames[-1]
            self._edit = Edit(f"masks on frames {first} to {last}")
            history.push(self._edit)
        _objects.create_objects(history, self._edit, given.ids)
        _annotate.say_present(history, self._edit, given.index, given.ids)
        now = history.frame(given.index)
        labelled = replace(
            now,
            mask=given.mask,
            probs=None,
            objects=(),
            human=given.human,
            human_objects=frozenset(history.state.ids),
            binding=self._lock,
            trusted=self._lock,
            source="human",
            reliability=1.0 if self._lock else now.reliability,
            object_reliability=(),
            relabelled=(),
            human_relabelled=(),
        )
        history.set_frame(self._edit, given.index, labelled)
        note = Annotated(given.index, len(history.state.rounds))
        history.set_fields(self._edit, annotated=(*history.state.annotated, note))


def frames_for(
    labels: LabelStack, shape: tuple[int, int, int], start: int | None, stop: int | None
) -> range:
    """The frames of a video of (T, H, W) that label maps are for.

    Raises
    ------
    StrokeError
        The range is none, or the label maps are not of the frames' size and number.
    """
    length, *size = shape
    if list(labels.shape[1:]) != size:
        raise StrokeError(
            f"The labels '{labels.name}' have frames of {labels.shape[1:]} pixels, and the "
            f"video of {tuple(size)}.",
            "Give labels of the same size.",
        )
    if len(labels) not in (1, length):
        raise StrokeError(
            f"The labels '{labels.name}' have {len(labels)} frames, and the video has {length}.",
            "Give one label map for each frame, or a single one for one frame.",
        )
    if len(labels) > 1:
        return frame_range(start, stop, length)
    first = 0 if start is None else whole_number(start, "frame")
    return frame_range(first, first + 1, length)


def checked_labels(
    labels: LabelStack, frames: range, size: tuple[int, int]
) -> Generator[tuple[int, NDArray[np.int32]]]:
    """Read label maps one after the other, with the frames that they are for.

    Raises
    ------
    StrokeError
        Labels of another size than the frames, or ids that are not possible.
    VideoError
        A frame of the labels cannot be read.
    """
    for index in frames:
        found = labels[0 if len(labels) == 1 else index]
        try:
            human = _annotate.check_labels(found, size)
        except StrokeError as error:
            raise StrokeError(f"Frame {index}: {error.message}", error.hint) from error
        yield index, human
