"""The one class through which everything sees frames."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self, SupportsIndex, overload

import numpy as np
from numpy.typing import DTypeLike

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray, Frame
from napari_ivos.video._cache import FrameCache, check_bytes
from napari_ivos.video._channels import Channels
from napari_ivos.video._indexing import resolve_key
from napari_ivos.video._mapping import IntensityMapping, decide_mapping, fixed_mapping
from napari_ivos.video._source import FrameSource, as_video_error

DEFAULT_CACHE_BYTES = 128 * 2**20
"""Bytes of frames that a video keeps by default: about 110 frames of 480 × 854."""

_KEPT_ON_THE_WAY = 64
"""Frames before the wanted one that are kept when they had to be decoded anyway."""


class Video:
    """Frames of a movie, stack, folder or array: a lazy, read-only (T, H, W, 3) uint8 array.

    Made by `open_video`. May be read from several threads; each frame is read or decoded once as
    long as it stays within the bytes of the cache. What it reads must not change meanwhile.

    Parameters
    ----------
    source : FrameSource
        Owned by the video from then on.
    cache_bytes : int
        Bytes of frames to keep at most; 0 keeps none.
    mapping : IntensityMapping, optional
        How intensities become 8 bits; by default decided at the first frame, from a sample.
    axes, channels : optional
        What `open_video` was told, to be told again.
    """

    ndim = 4
    dtype: np.dtype[np.uint8] = np.dtype(np.uint8)

    def __init__(
        self,
        source: FrameSource,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        mapping: IntensityMapping | None = None,
        axes: str | None = None,
        channels: Channels | None = None,
    ) -> None:
        check_bytes(cache_bytes)
        self._source = source
        self.axes = axes
        self.channels = channels
        self._cache = FrameCache(cache_bytes)
        self._mapping = mapping if mapping is not None else fixed_mapping(source.dtype)
        self._lock = RLock()
        # Files are let go of with the video, also where nobody thought of closing it.
        self._release = weakref.finalize(self, source.close)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""
        height, width = self._source.size
        return self._source.length, height, width, 3

    @property
    def size(self) -> int:
        """Number of values, T · H · W · 3."""
        length, height, width, samples = self.shape
        return length * height * width * samples

    @property
    def name(self) -> str:
        """Name of the file, folder or layer, without extension."""
        return self._source.name

    @property
    def source(self) -> Path | None:
        """File or folder, absolute; None for arrays."""
        return self._source.path

    @property
    def scale(self) -> tuple[float, float] | None:
        """Pixel size (y, x) in the file's own unit, usually µm; None where nothing tells."""
        scale = self._source.scale
        return scale if scale is not None and all(map(_is_measure, scale)) else None

    @property
    def unit(self) -> str | None:
        """Unit of the pixel size by its sign, such as "µm" or "nm"; None where nothing tells."""
        return None if self.scale is None else self._source.unit

    @property
    def frame_rate(self) -> float | None:
        """Frames per second, the mean if it varies; None where nothing tells."""
        rate = self._source.frame_rate
        return rate if rate is not None and _is_measure(rate) else None

    @property
    def cache_bytes(self) -> int:
        """Bytes of frames that may be kept."""
        return self._cache.limit

    @property
    def mapping(self) -> IntensityMapping:
        """How raw intensities become 0–255, the same for all frames.

        Raises
        ------
        VideoError
            A frame of the sample cannot be read, or none holds a finite number.
        """
        with self._lock:
            if self._mapping is None:
                self._mapping = decide_mapping(
                    self._source.length, self._raw, self._source.per_channel, self.name
                )
            return self._mapping

    def __len__(self) -> int:
        return self._source.length

    def __repr__(self) -> str:
        length, height, width, _ = self.shape
        return f"<Video {self.name}: {length} frames of {height} × {width}>"

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> Frame: ...

    @overload
    def __getitem__(self, key: Any, /) -> AnyArray: ...

    def __getitem__(self, key: Any, /) -> AnyArray:
        """Read frames.

        Parameters
        ----------
        key : int, slice, array of int or bool, or a tuple of one of these and further indices
            The first picks frames; the others pick within each frame, as numpy would.

        Returns
        -------
        (H, W, 3) uint8 for a number, else (N, H, W, 3), less what the further indices take away
            A single frame is shared and read-only.

        Raises
        ------
        IndexError
            There is no such frame.
        VideoError
            The frame cannot be read, or the video is closed.
        """
        frames, rest = resolve_key(key, len(self), self.ndim)
        if isinstance(frames, int):
            part: AnyArray = self._frame(frames)[rest]
            return part
        return self._stack(frames, rest)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> AnyArray:
        if copy is False:
            raise ValueError("a video cannot become an array without a copy")
        frames = self._stack(range(len(self)), ())
        return frames if dtype is None else frames.astype(dtype, copy=False)

    def intensities(self, index: int) -> AnyArray:
        """One frame as the file holds it, before it was brought to 8 bits.

        Returns
        -------
        (H, W, C) array
            The C chosen channels, in the file's own type.

        Raises
        ------
        VideoError
            There is no such frame, or it cannot be read.
        """
        if not 0 <= index < len(self):
            raise VideoError(f"There is no frame {index}.", f"There are {len(self)}.")
        with self._lock:
            return self._raw(index)

    def reopen(self, cache_bytes: int | None = None) -> Video:
        """Independent reader of the same frames, with its own decoder, lock and cache.

        For reading in a thread without waiting for, or disturbing, the reader of another. An array
        that was opened as such is shared.

        Parameters
        ----------
        cache_bytes : int, optional
            As in `open_video`; None: as many as this one.

        Raises
        ------
        VideoError
            The file is gone or damaged.
        """
        limit = self.cache_bytes if cache_bytes is None else cache_bytes
        return Video(self._source.reopen(), limit, self._mapping, self.axes, self.channels)

    def __deepcopy__(self, memo: dict[int, Any]) -> Video:
        """Another reader, as `reopen` gives one: napari copies a layer together with its data."""
        return self.reopen()

    def close(self) -> None:
        """Let go of files and kept frames; reading afterwards is an error. Twice does no harm."""
        with self._lock:
            self._release()
            self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _stack(self, places: Sequence[int], rest: tuple[Any, ...]) -> AnyArray:
        # An array of no memory, that tells what a frame becomes by the further indices.
        blank = np.broadcast_to(np.uint8(0), self.shape[1:])
        stack = np.empty((len(places), *blank[rest].shape), dtype=np.uint8)
        for at, place in enumerate(places):
            stack[at] = self._frame(place)[rest]
        return stack

    def _frame(self, index: int) -> Frame:
        frame = self._cache.get(index)
        if frame is not None:
            return frame
        with self._lock:
            # Another thread may have read it while this one waited.
            frame = self._cache.get(index)
            return self._read(index) if frame is None else frame

    def _read(self, index: int) -> Frame:
        mapping = self.mapping
        _, height, width, samples = self.shape
        # At most half of the cache: what was kept on the way must not drive out what is in use.
        kept = min(_KEPT_ON_THE_WAY, self.cache_bytes // (2 * height * width * samples))

        def also(place: int) -> bool:
            return index - kept <= place and place not in self._cache

        with self._reading(index):
            for place, raw in self._source.read(index, also):
                frame = mapping.apply(raw)
                frame.setflags(write=False)
                self._cache.put(place, frame)
        return frame

    def _raw(self, index: int) -> AnyArray:
        with self._reading(index):
            [(_, raw)] = self._source.read(index, lambda _: False)
            return raw

    def _reading(self, index: int) -> AbstractContextManager[None]:
        if not self._release.alive:
            raise VideoError(f"The video {self.name} is closed.", "Open it again.")
        return as_video_error(
            f"Frame {index} of {self.name} cannot be read.",
            "Its file may be damaged, or was moved or changed; open it again.",
        )


def _is_measure(value: float) -> bool:
    """Whether something can be so large: files claim sizes and rates of −1, nan and infinity."""
    return 0 < value < math.inf
