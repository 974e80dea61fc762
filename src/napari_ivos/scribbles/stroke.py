"""The stroke: what a person draws on one frame."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ivos.errors import StrokeError
from napari_ivos.types import ObjectId


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One stroke on one frame.

    Two strokes are equal when all their values are.
    """

    frame: int
    object_id: ObjectId
    """The object that it marks; 0 for the background."""
    path: NDArray[np.float64]
    """(N, 2) points (y, x) in pixels, N ≥ 1, pixel centres at integers; read-only."""
    radius: float | None = None
    """Half the brush's width in pixels; None: a line as thin as the method draws it."""
    filled: bool = False
    """Whether the path is the outline of an area (polygon, lasso) that is marked as a whole."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stroke):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        points = (self.path.shape, self.path.tobytes())
        return (self.frame, self.object_id, self.radius, self.filled, *points)


def make_stroke(
    frame: int,
    object_id: ObjectId,
    path: ArrayLike,
    radius: float | None = None,
    *,
    filled: bool = False,
) -> Stroke:
    """Check what a stroke is made of and make it.

    Parameters
    ----------
    frame : int
    object_id : int
        ≥ 0; 0 is the background.
    path : array-like of float, shape (N, 2)
        Points (y, x) in pixels; N ≥ 1. May leave the frame.
    radius : float, optional
        Half the brush's width in pixels, > 0.
    filled : bool
        Whether the path is the outline of an area.

    Returns
    -------
    Stroke

    Raises
    ------
    StrokeError
        The path is empty, has another shape or holds a value that is not finite; the radius is not
        positive; the id is negative.
    """
    try:
        points = np.array(path, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise StrokeError(
            "The path of a stroke is not an array of numbers.", "Give (N, 2) points (y, x)."
        ) from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise StrokeError(
            f"The path of a stroke has shape {points.shape}.",
            "Give at least one point (y, x), as an array of shape (N, 2).",
        )
    if not np.isfinite(points).all():
        raise StrokeError("The path of a stroke holds a value that is not a finite number.")
    thickness = None if radius is None else _positive(radius)
    index, marked = whole_number(frame, "frame"), whole_number(object_id, "object")
    if marked < 0:
        raise StrokeError(f"An object's id cannot be negative ({marked}).")
    points.setflags(write=False)
    return Stroke(index, marked, points, thickness, filled)


def whole_number(value: SupportsIndex, what: str) -> int:
    """The number of a frame or of an object, which is not rounded to one.

    Raises
    ------
    StrokeError
        It is not a whole number.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise StrokeError(
            f"{value!r} is not the number of {'an' if what[0] in 'aeiou' else 'a'} {what}.",
            "Give a whole number.",
        ) from None


def _positive(radius: float) -> float:
    try:
        thickness = float(radius)
    except (TypeError, ValueError, OverflowError):
        thickness = math.nan
    if not (math.isfinite(thickness) and thickness > 0):
        raise StrokeError(f"A stroke's radius must be a positive number, not {str(radius)[:40]}.")
    return thickness
