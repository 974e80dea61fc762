"""Frames from arrays: numpy, memory-mapped, dask, zarr, TIFF, anything that is indexed alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray
from napari_ivos.video._axes import Layout, find_layout
from napari_ivos.video._channels import Channels, choose_channels
from napari_ivos.video._source import check_size


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Stack:
    """An array, lazily readable, and what its file says about it."""

    data: Any
    """With shape, dtype and ``[...]`` by whole numbers and full slices."""
    axes: str | None = None
    scale: tuple[float, float] | None = None
    frame_rate: float | None = None
    close: Callable[[], None] = field(default=_nothing)
    unit: str | None = None
    """Of the scale, as OME has it, such as "µm"; None where nothing tells."""
    tones: AnyArray | None = None
    """(N,) grey values or (N, 3) colours that the values 0 to N − 1 stand for; None: themselves."""


def is_array_like(data: object) -> bool:
    """Whether an object can be indexed as an array."""
    return all(hasattr(data, name) for name in ("shape", "dtype", "__getitem__"))


class ArraySource:
    """Frames of an array.

    Parameters
    ----------
    open_stack : callable
        Gives the array anew; called once here and once per `reopen`.
    name : str
        The video's name.
    path : Path or None
        Where it comes from.
    axes : str or None
        The user's axes; None: the file's, or what the shape says.
    channels : int, sequence of int, or None
        See `choose_channels`.

    Raises
    ------
    VideoError
        The array cannot be read as a video.
    """

    def __init__(
        self,
        open_stack: Callable[[], Stack],
        name: str,
        path: Path | None = None,
        axes: str | None = None,
        channels: Channels | None = None,
    ) -> None:
        self._open, self._axes, self._wish = open_stack, axes, channels
        self.name, self.path = name, path
        self._stack = open_stack()
        what = path.name if path is not None else f"The {name}"
        try:
            shape, self.dtype = _shape_and_type(self._stack.data, what)
            self._layout = find_layout(shape, self.dtype, axes, self._stack.axes, what)
            count = self._layout.count(shape)
            # Where channels lie apart, a file's one table of colours is not theirs.
            self._tones = self._stack.tones if self._layout.channels is None else None
            if self._tones is not None:
                self.dtype = self._tones.dtype
                count = 1 if self._tones.ndim == 1 else self._tones.shape[1]
            self._chosen = choose_channels(channels, count, self._layout.per_channel, what)
            self.size = (shape[self._layout.y], shape[self._layout.x])
            self.channels = len(self._chosen)
            check_size(what, self.size, self.channels, self.dtype.itemsize)
        except VideoError:
            self._stack.close()
            raise
        self.length = self._layout.length(shape)
        self.per_channel = self._layout.per_channel
        self.scale, self.unit = self._stack.scale, self._stack.unit
        self.frame_rate = self._stack.frame_rate

    def read(self, index: int, also: Callable[[int], bool]) -> Iterator[tuple[int, AnyArray]]:
        """Read one frame; see `FrameSource`."""
        if self._tones is None:
            yield index, read_frame(self._stack.data, self._layout, index, self._chosen)
            return
        values = read_frame(self._stack.data, self._layout, index, (0,))[..., 0]
        shown = np.take(self._tones, values.astype(np.intp), axis=0, mode="clip")
        yield index, shown.reshape(*values.shape, -1)[..., list(self._chosen)]

    def reopen(self) -> ArraySource:
        """Independent reader; an array that was given as such is shared, for it is only read."""
        return ArraySource(self._open, self.name, self.path, self._axes, self._wish)

    def close(self) -> None:
        """Close the file, if the array comes from one."""
        self._stack.close()


def _shape_and_type(data: Any, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        shape = tuple(int(size) for size in data.shape)
        dtype = np.dtype(data.dtype)
    except (TypeError, ValueError) as error:
        raise VideoError(
            f"{name} has a shape or a type of values that is not a numpy array's.",
            "Give it as a numpy array, np.asarray(data).",
        ) from error
    if dtype.kind not in "buif":
        raise VideoError(
            f"{name} holds values of type {dtype}, which are not intensities.",
            "Give whole or floating-point numbers, such as abs(data) for complex ones.",
        )
    return shape, dtype.newbyteorder("=")


def read_frame(data: Any, layout: Layout, index: int, chosen: tuple[int, ...]) -> AnyArray:
    """Read chosen channels of a frame, and nothing else, from an array.

    Parameters
    ----------
    data : array-like
    layout : Layout
        Of `data`.
    index : int
        Number of the frame.
    chosen : tuple of int
        Channels, in the order wanted.

    Returns
    -------
    (H, W, C) array in native byte order
        C is the number of chosen channels.
    """
    if layout.channels is None:
        raw = _plane(data, layout, index, 0)[..., None]
        return raw if chosen == (0,) else np.repeat(raw, len(chosen), axis=2)
    if layout.channels > max(layout.y, layout.x):
        # Interleaved with the pixels: they lie, and are compressed, together.
        whole = np.asarray(data[layout.key(index, slice(None))])
        if layout.x < layout.y:
            whole = whole.swapaxes(0, 1)
        return _native(whole[..., list(chosen)])
    planes = {channel: _plane(data, layout, index, channel) for channel in set(chosen)}
    return np.stack([planes[channel] for channel in chosen], axis=2)


def _plane(data: Any, layout: Layout, index: int, channel: int) -> AnyArray:
    plane = _native(np.asarray(data[layout.key(index, channel)]))
    return plane.T if layout.x < layout.y else plane


def _native(array: AnyArray) -> AnyArray:
    return array.astype(array.dtype.newbyteorder("="), copy=False)
