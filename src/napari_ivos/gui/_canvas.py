"""The array behind the layer that people draw strokes in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ivos.gui._boxes import Box, box_of, shared, united
from napari_ivos.scribbles import Stroke, rasterise, strokes_from_labels
from napari_ivos.scribbles.layers import BACKGROUND_LABEL
from napari_ivos.types import AnyArray, LabelMap, Mask


class StrokeCanvas:
    """Looks like a writable (T, H, W) uint16 array, and keeps only the frames that have strokes.

    napari paints into it; `take` says what was painted since the session's strokes were drawn
    last. A background stroke is drawn chequered, so that it is told apart without its colour.

    Parameters
    ----------
    shape : (T, H, W)
    """

    dtype = np.dtype(np.uint16)
    ndim = 3

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._painted: dict[int, LabelMap] = {}
        self._drawn: dict[int, LabelMap] = {}
        self._strokes: dict[int, tuple[Stroke, ...]] = {}
        self._touched: dict[int, Box] = {}
        self._stale: dict[int, Box] = {}

    @property
    def size(self) -> int:
        """Number of pixels in all frames."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> AnyArray:
        first, rest = _split(index)
        if isinstance(first, int | np.integer):
            return np.asarray(self._frame(int(first))[rest])
        if not isinstance(first, slice):
            return self._scattered(*np.broadcast_arrays(first, *rest))
        frames = np.arange(len(self))[first]
        if frames.shape == (1,):  # what a brush reads at each of its steps: no copy
            return self._frame(int(frames[0]))[None][(slice(None), *rest)]
        stack = np.stack([self._frame(int(t)) for t in frames])
        return stack[(slice(None), *rest)]

    def __setitem__(self, index: Any, value: Any) -> None:
        first, rest = _split(index)
        single = isinstance(first, int | np.integer)
        if not single and not isinstance(first, slice):
            # Single pixels, each with its own frame: what a bucket writes.
            places, *pixels = np.broadcast_arrays(first, *rest)
            values = np.broadcast_to(value, places.shape)
            for frame in np.unique(places).tolist():
                here = places == frame
                self._put(frame, tuple(part[here] for part in pixels), values[here])
            return
        frames = [int(first)] if single else np.arange(len(self))[first].tolist()
        for position, frame in enumerate(frames):
            stacked = not single and np.ndim(value) == 3
            self._put(frame, rest, value[position] if stacked else value)

    def _put(self, frame: int, rest: tuple[Any, ...], value: Any) -> None:
        if frame not in self._painted:
            self._painted[frame] = self._blank()
        self._painted[frame][rest] = value
        box = box_of(rest, self.shape[1:])
        for boxes in (self._touched, self._stale):
            boxes[frame] = united(boxes.get(frame), box)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All frames; a copy, always."""
        if copy is False:
            raise ValueError("the strokes of all frames cannot be had without a copy")
        stack = np.zeros(self.shape, dtype=self.dtype)
        for frame, picture in self._painted.items():
            stack[frame] = picture
        return stack if dtype is None else stack.astype(dtype, copy=False)

    def astype(self, dtype: Any) -> AnyArray:
        """All frames in another type, as napari asks for them; a copy."""
        return self.__array__(dtype)

    def take(
        self, followed: Stroke | None = None
    ) -> tuple[list[Stroke], dict[int, Mask], set[int]]:
        """What was painted since this was asked last, on the frames that were painted on.

        Parameters
        ----------
        followed : Stroke, optional
            The way of the mouse. It is taken as it is where just that was painted; what was
            painted otherwise is covered with strokes.

        Returns
        -------
        strokes : list of Stroke
        erased : dict of int to (H, W) bool
            Where something was wiped out, on the frames on which it was.
        frames : set of int
            The frames painted on; they are to be drawn anew.
        """
        strokes: list[Stroke] = []
        erased: dict[int, Mask] = {}
        touched, self._touched = self._touched, {}
        for frame, around in sorted(touched.items()):
            painted = self._painted[frame]
            box, changed = self._changed(frame, around)
            if not changed.size:
                continue
            labels = np.where(changed, painted[box], 0)
            wiped = changed & (painted[box] == 0)
            if wiped.any():
                erased[frame] = np.zeros(painted.shape, dtype=bool)
                erased[frame][box] = wiped
            if followed is not None and _is_what_changed(followed, frame, box, changed, painted):
                strokes.append(followed)
                continue
            corner = box[0].start, box[1].start
            strokes.extend(_moved(s, corner) for s in strokes_from_labels(labels, frame))
        return strokes, erased, set(touched)

    def _changed(self, frame: int, around: Box) -> tuple[Box, Mask]:
        """Where what is painted is not what was drawn, and the box that it lies in."""
        drawn = self._drawn.get(frame)
        changed = self._painted[frame][around] != (0 if drawn is None else drawn[around])
        rows, columns = (_extent(changed.any(axis)) for axis in (1, 0))
        top, left = around[0].start, around[1].start
        box = (
            slice(top + rows.start, top + rows.stop),
            slice(left + columns.start, left + columns.stop),
        )
        return box, changed[rows, columns]

    def draw(self, frame: int, strokes: Iterable[Stroke]) -> bool:
        """Make a frame show these strokes, oldest first, and nothing else.

        Returns
        -------
        bool
            Whether it showed anything else before.
        """
        wanted, known = tuple(strokes), self._strokes.get(frame, ())
        stale = self._stale.pop(frame, None)
        if wanted and len(wanted) >= len(known) and all(map(is_, wanted, known)):
            return self._draw_more(frame, wanted[len(known) :], stale)
        for known_of in (self._drawn, self._painted, self._strokes):
            known_of.pop(frame, None)
        if wanted:
            self._draw_more(frame, wanted, None)
        return bool(wanted or known) or stale is not None

    def _draw_more(self, frame: int, more: tuple[Stroke, ...], stale: Box | None) -> bool:
        """Draw over what is drawn, in a part of the frame, and nothing else over that."""
        for pictures in (self._drawn, self._painted):
            if frame not in pictures:
                pictures[frame] = self._blank()
        drawn, painted = self._drawn[frame], self._painted[frame]
        self._strokes[frame] = (*self._strokes.get(frame, ()), *more)
        boxes = [_stamp(drawn, stroke) for stroke in more] + ([] if stale is None else [stale])
        different = [box for box in boxes if not np.array_equal(painted[box], drawn[box])]
        for box in different:
            painted[box] = drawn[box]
        return bool(different)

    def _scattered(self, places: AnyArray, *pixels: AnyArray) -> AnyArray:
        """Single pixels, each of its own frame."""
        found = np.zeros(places.shape, dtype=self.dtype)
        for frame in np.unique(places).tolist():
            here = places == frame
            found[here] = self._frame(frame)[tuple(part[here] for part in pixels)]
        return found

    def _frame(self, index: int) -> LabelMap:
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} is outside of a video of {len(self)} frames")
        picture = self._painted.get(index % len(self))
        return self._blank() if picture is None else picture

    def _blank(self) -> LabelMap:
        return np.zeros(self.shape[1:], dtype=self.dtype)


def _split(index: Any) -> tuple[Any, tuple[Any, ...]]:
    first, *rest = index if isinstance(index, tuple) else (index,)
    return first, tuple(rest)


def _moved(stroke: Stroke, by: tuple[float, float]) -> Stroke:
    path = stroke.path + np.asarray(by, dtype=np.float64)
    path.setflags(write=False)
    return replace(stroke, path=path)


def _extent(there: NDArray[np.bool_]) -> slice:
    """From the first to the last that is True."""
    places = np.flatnonzero(there)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _inside(stroke: Stroke, shape: tuple[int, ...]) -> tuple[Box, Mask]:
    """The box around a stroke, and the stroke's pixels in it."""
    margin = (stroke.radius or 0) + 2
    low = np.clip(np.floor(stroke.path.min(0) - margin), 0, shape).astype(int)
    high = np.clip(np.ceil(stroke.path.max(0) + margin) + 1, low, shape).astype(int)
    (top, left), (bottom, right) = low.tolist(), high.tolist()
    box = slice(top, bottom), slice(left, right)
    if top == bottom or left == right:
        return box, np.zeros((bottom - top, right - left), dtype=bool)
    return box, rasterise(_moved(stroke, (-top, -left)), (bottom - top, right - left))


def _stamp(picture: LabelMap, stroke: Stroke) -> Box:
    """Draw a stroke within the box around it, which it gives."""
    (rows, columns), inside = _inside(stroke, picture.shape)
    if stroke.object_id == 0:
        picture[rows, columns][inside] = 0
        y, x = np.ogrid[rows, columns]
        inside &= (y // 2 + x // 2) % 2 == 0
    picture[rows, columns][inside] = stroke.object_id or BACKGROUND_LABEL
    return rows, columns


def _is_what_changed(
    stroke: Stroke, frame: int, box: Box, changed: Mask, painted: LabelMap
) -> bool:
    """Whether a stroke is what was painted, but for rounding at its edge.

    `changed` is a part of the frame, which lies in `box`.
    """
    around, inside = _inside(stroke, painted.shape)
    missing = inside & (painted[around] != (stroke.object_id or BACKGROUND_LABEL))
    here, there = shared(box, around)
    outside = np.count_nonzero(changed) - np.count_nonzero(changed[here] & inside[there])
    wrong = np.count_nonzero(missing) + outside
    return stroke.frame == frame and bool(wrong <= 0.1 * np.count_nonzero(inside) + 8)
