"""The masks of a session as a lazily read array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_ivos.session._relabel import read_mask
from napari_ivos.session._state import FrameState, Relabels
from napari_ivos.session._store import FrameStore
from napari_ivos.types import AnyArray, LabelMap


class ShownMasks:
    """Reads masks as they are shown, and keeps the latest: a viewer asks for one several times.

    May be used from any thread.

    Parameters
    ----------
    store : FrameStore
    size : (H, W)
    """

    def __init__(self, store: FrameStore, size: tuple[int, int]) -> None:
        self._store = store
        self._blank = np.zeros(size, dtype=np.uint16)
        self._blank.setflags(write=False)
        self._latest: tuple[object, LabelMap] = (None, self._blank)

    def read(self, frame: FrameState, pairs: Relabels = ()) -> LabelMap:
        """The mask of a frame, (H, W) uint16, read-only; what is not stored is background.

        Parameters
        ----------
        frame : FrameState
        pairs : Relabels
            What ids read as, besides what the frame says itself.
        """
        if frame.mask is None:
            return self._blank
        wanted = (frame.mask, frame.relabelled, pairs)
        latest, mask = self._latest
        if latest != wanted:
            found = read_mask(self._store, frame, pairs)
            assert found is not None
            found.setflags(write=False)
            mask = found
            self._latest = (wanted, mask)
        return mask


class MaskView:
    """Masks of all frames: looks like a (T, H, W) uint16 array, reads a frame when asked for it.

    Always shows the session's present state. Indexing gives read-only arrays of single frames and
    copies of several.

    Parameters
    ----------
    shape : (T, H, W)
    read : callable
        Gives the (H, W) mask of a frame.
    """

    dtype = np.dtype(np.uint16)
    ndim = 3

    def __init__(self, shape: tuple[int, int, int], read: Callable[[int], LabelMap]) -> None:
        self.shape = shape
        self._read = read

    @property
    def size(self) -> int:
        """Number of pixels in all frames."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> AnyArray:
        """As numpy's indexing; only the frames that the first index names are read."""
        first, *rest = (index if isinstance(index, tuple) else (index,)) or (slice(None),)
        if first is Ellipsis or first is None or isinstance(first, bool | np.bool_):
            return np.asarray(np.asarray(self)[index])
        if isinstance(first, int | np.integer):
            frame = int(first)
            if not -len(self) <= frame < len(self):
                raise IndexError(f"frame {frame} is outside of a video of {len(self)} frames")
            mask: AnyArray = self._read(frame % len(self))
            return np.asarray(mask[(*rest,)]) if rest else mask
        if np.ndim(first) > 1 and np.asarray(first).dtype == bool:
            first, rest = self._numbers(np.asarray(first), rest)
        frames = np.arange(len(self))[first]
        if frames.ndim == 0:
            return self[(int(frames), *rest)]
        if not isinstance(first, slice) and any(np.ndim(other) > 0 for other in rest):
            # Together with others an index array of frames names points, each in its own frame.
            known, places = np.unique(frames, return_inverse=True)
            return np.asarray(self[known][(places.reshape(frames.shape), *rest)])
        stack = np.empty((*frames.shape, *self.shape[1:]), dtype=self.dtype)
        for position, number in np.ndenumerate(frames):
            stack[position] = self._read(int(number))
        return stack[(slice(None),) * frames.ndim + tuple(rest)] if rest else stack

    def _numbers(self, where: AnyArray, rest: list[Any]) -> tuple[AnyArray, list[Any]]:
        """Index arrays in place of True and False over the first axes."""
        if where.shape != self.shape[: where.ndim]:
            raise IndexError(f"a mask of shape {where.shape} does not fit {self.shape}")
        frames, *others = np.nonzero(where)
        return frames, [*others, *rest]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All frames; a copy, always."""
        if copy is False:
            raise ValueError("the masks of a session cannot be had without a copy")
        stack = self[:]
        return stack if dtype is None else stack.astype(dtype, copy=False)
