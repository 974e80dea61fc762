"""The array behind the layer that people draw strokes in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

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
        self._touched: set[int] = set()

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
        frames = np.arange(len(self))[first]
        if frames.shape == (1,):  # what a brush reads at each of its steps: no copy
            return self._frame(int(frames[0]))[None][(slice(None), *rest)]
        stack = np.stack([self._frame(int(t)) for t in frames])
        return stack[(slice(None), *rest)]

    def __setitem__(self, index: Any, value: Any) -> None:
        first, rest = _split(index)
        single = isinstance(first, int | np.integer)
        frames = [int(first)] if single else np.arange(len(self))[first].tolist()
        for position, frame in enumerate(frames):
            picture = self._painted.setdefault(frame, self._blank())
            stacked = not single and np.ndim(value) == 3
            picture[rest] = value[position] if stacked else value
            self._touched.add(frame)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All frames; a copy, always."""
        if copy is False:
            raise ValueError("the strokes of all frames cannot be had without a copy")
        stack = np.zeros(self.shape, dtype=self.dtype)
        for frame, picture in self._painted.items():
            stack[frame] = picture
        return stack if dtype is None else stack.astype(dtype, copy=False)

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
        frames, self._touched = self._touched, set()
        for frame in sorted(frames):
            painted = self._painted[frame]
            changed = painted != self._drawn.get(frame, 0)
            rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
            if len(rows) == 0:
                continue
            # Only the box around the change: a brush stroke in a large frame is a small matter.
            box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            labels = np.where(changed[box], painted[box], 0)
            wiped = changed & (painted == 0)
            if wiped.any():
                erased[frame] = wiped
            if followed is not None and _is_what_changed(followed, frame, changed, painted):
                strokes.append(followed)
                continue
            corner = rows[0], columns[0]
            strokes.extend(_moved(s, corner) for s in strokes_from_labels(labels, frame))
        return strokes, erased, frames

    def draw(self, frame: int, strokes: Iterable[Stroke]) -> None:
        """Make a frame show these strokes, oldest first, and nothing else."""
        picture = self._blank()
        for stroke in strokes:
            _stamp(picture, stroke)
        if picture.any():
            self._drawn[frame], self._painted[frame] = picture, picture.copy()
        else:
            self._drawn.pop(frame, None)
            self._painted.pop(frame, None)

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


def _inside(stroke: Stroke, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Mask]:
    """The box around a stroke, and the stroke's pixels in it."""
    margin = (stroke.radius or 0) + 2
    low = np.clip(np.floor(stroke.path.min(0) - margin), 0, shape).astype(int)
    high = np.clip(np.ceil(stroke.path.max(0) + margin) + 1, low, shape).astype(int)
    (top, left), (bottom, right) = low.tolist(), high.tolist()
    box = slice(top, bottom), slice(left, right)
    if top == bottom or left == right:
        return box, np.zeros((bottom - top, right - left), dtype=bool)
    return box, rasterise(_moved(stroke, (-top, -left)), (bottom - top, right - left))


def _stamp(picture: LabelMap, stroke: Stroke) -> None:
    """Draw a stroke within the box around it."""
    (rows, columns), inside = _inside(stroke, picture.shape)
    if stroke.object_id == 0:
        picture[rows, columns][inside] = 0
        y, x = np.ogrid[rows, columns]
        inside &= (y // 2 + x // 2) % 2 == 0
    picture[rows, columns][inside] = stroke.object_id or BACKGROUND_LABEL


def _is_what_changed(stroke: Stroke, frame: int, changed: Mask, painted: LabelMap) -> bool:
    """Whether a stroke is what was painted, but for rounding at its edge."""
    box, inside = _inside(stroke, painted.shape)
    missing = inside & (painted[box] != (stroke.object_id or BACKGROUND_LABEL))
    outside = np.count_nonzero(changed) - np.count_nonzero(changed[box] & inside)
    wrong = np.count_nonzero(missing) + outside
    return stroke.frame == frame and bool(wrong <= 0.1 * np.count_nonzero(inside) + 8)
