"""The window of a frame that the networks see, and the way there and back (section 3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray, Mask

SIDE = 256
"""Of the networks' input, in pixels."""

THRESHOLD = 0.49
"""From this value on a pixel counts for the window (everywhere else it is 0.5)."""

_SMALLEST = 128
_BEYOND = 5
Planes = NDArray[np.float32]


class Window(NamedTuple):
    """A rectangle of a frame, in pixels, which may reach beyond it."""

    y: float
    """Of its centre."""
    x: float
    height: float
    width: float


def around(planes: Iterable[AnyArray]) -> Window:
    """The window around all that is marked.

    Parameters
    ----------
    planes : iterable of (H, W) bool or float
        Masks and strokes; values from `THRESHOLD` on count. The whole frame where there are none.
    """
    found = [plane if plane.dtype == bool else plane >= THRESHOLD for plane in planes]
    marked: Mask = np.logical_or.reduce(found)
    y, height = _extent(np.logical_or.reduce(marked, 1))
    x, width = _extent(np.logical_or.reduce(marked, 0))
    return Window(y, x, height, width)


def _extent(marked: AnyArray) -> tuple[float, float]:
    """Centre and length along one side."""
    length = len(marked)
    places = np.flatnonzero(marked)
    # The authors' value where nothing is marked: one beyond the last pixel.
    first, last = (float(places[0]), float(places[-1])) if len(places) else (0.0, float(length))
    if last - first < _SMALLEST:
        more = int((_SMALLEST - (last - first)) / 2)
        first, last = first - more, last + more
    reach = (last - first + 1) / 4
    first, last = max(-_BEYOND, first - reach), min(length + _BEYOND, last + reach)
    return (first + last) / 2, last - first + 1


class _Taps(NamedTuple):
    """Linear interpolation along one axis: two samples for each place, with their weights."""

    places: slice
    """Those that the source reaches; all others are 0."""
    reach: slice
    """The part of the source that is used."""
    first: NDArray[np.intp]
    """Within `reach`, like `second`."""
    second: NDArray[np.intp]
    share: NDArray[np.float32]
    """(2, N): weights of the two, 0 beyond the source's ends."""

    def apply(self, array: AnyArray, axis: int) -> Planes:
        """Interpolate along an axis of `array`, which is cut to `reach`."""
        shape = [1] * array.ndim
        shape[axis] = -1
        one, two = (share.reshape(shape) for share in self.share)
        out: Planes = array.take(self.first, axis) * one
        out += array.take(self.second, axis) * two
        return out


def _taps(positions: NDArray[np.float32], length: int) -> _Taps:
    reached = np.flatnonzero((positions > -1) & (positions < length))
    if not len(reached):
        none = np.zeros(0, np.intp)
        return _Taps(slice(0, 0), slice(0, 1), none, none, np.zeros((2, 0), np.float32))
    places = slice(int(reached[0]), int(reached[-1]) + 1)
    inside = positions[places]
    first = np.floor(inside).astype(np.intp)
    share = np.stack([first + 1 - inside, inside - first])
    share *= np.stack([first >= 0, first + 1 < length])
    first, second = np.maximum(first, 0), np.minimum(first + 1, length - 1)
    start = int(first[0])
    reach = slice(start, int(second[-1]) + 1)
    return _Taps(places, reach, first - start, second - start, share.astype(np.float32))


def _sample(array: AnyArray, rows: _Taps, columns: _Taps, size: tuple[int, int]) -> Planes:
    out = np.zeros((*size, *array.shape[2:]), np.float32)
    used = array[rows.reach, columns.reach]
    out[rows.places, columns.places] = columns.apply(rows.apply(used, 0), 1)
    return out


def _transform(centre: float, extent: float, length: int) -> tuple[np.float32, np.float32]:
    """Scale and offset from the window to the frame, both from −1 to 1 and in float32.

    Corners lie at the window's corners, half a pixel beyond its outer pixels' centres. A frame of
    one pixel has no extent from centre to centre, so there the unit is the pixel.
    """
    low, high = _ends(centre, extent)
    last = np.float32(max(length - 1, 1))
    return (high - low) / last, (low + high - np.float32(length - 1)) / last


def _ends(centre: float, extent: float) -> tuple[np.float32, np.float32]:
    return np.float32(centre - extent / 2), np.float32(centre + extent / 2)


def _there(centre: float, extent: float, length: int) -> _Taps:
    scale, offset = _transform(centre, extent, length)
    return _taps((scale * _grid(SIDE) + offset + 1) * np.float32((length - 1) / 2), length)


def _back(centre: float, extent: float, length: int) -> _Taps:
    """Not quite the inverse: the scale has the frame's length where it would be that less one."""
    scale, offset = _transform(centre, extent, length)
    low, high = _ends(centre, extent)
    # A reciprocal first, which is how torch divides a number by a tensor.
    stretch = np.float32(1) / (high - low) * np.float32(length)
    positions = stretch * _grid(length) - offset / scale
    return _taps((positions + 1) * np.float32((SIDE - 1) / 2), SIDE)


def _grid(count: int) -> NDArray[np.float32]:
    """From −1 to 1, each half counted from its own end, as torch does it; 0 for one place.

    The last digit counts: the networks see edges of strokes and masks, which are steep.
    """
    if count == 1:
        return np.zeros(1, np.float32)
    places, step = np.arange(count), float(np.float32(2) / np.float32(count - 1))
    ends = np.where(places < count // 2, step * places - 1, 1 - step * (count - 1 - places))
    return ends.astype(np.float32)


def cut(array: AnyArray, window: Window) -> Planes:
    """What a window shows, at the networks' size.

    Parameters
    ----------
    array : (H, W) or (H, W, C)
        Of any kind of number.

    Returns
    -------
    (256, 256) or (256, 256, C) float32
        Bilinear; 0 beyond the frame.
    """
    rows = _there(window.y, window.height, array.shape[0])
    columns = _there(window.x, window.width, array.shape[1])
    return _sample(array, rows, columns, (SIDE, SIDE))


def put_back(plane: Planes, window: Window, size: tuple[int, int]) -> Planes:
    """A plane of the window's, in the frame.

    Parameters
    ----------
    plane : (256, 256) float32
    window : Window
    size : (H, W)

    Returns
    -------
    (H, W) float32
        Bilinear; 0 beyond the window, which it fades to at its border.
    """
    rows = _back(window.y, window.height, size[0])
    columns = _back(window.x, window.width, size[1])
    return _sample(plane, rows, columns, size)
