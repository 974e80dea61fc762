"""Boxes within a frame: a brush changes little of a large one, and only that is looked at."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Box: TypeAlias = tuple[slice, slice]
"""Rows and columns, each from a start up to, not including, a stop, both ≥ 0."""


def box_of(index: tuple[Any, ...], shape: tuple[int, ...]) -> Box:
    """The box in a frame (H, W) that an index of it lies in; empty when it names nothing."""
    whole = (slice(None), slice(None))
    rows, columns = (*index, *whole[len(index) :]) if len(index) < 3 else whole
    return _extent(rows, shape[0]), _extent(columns, shape[1])


def united(one: Box | None, other: Box) -> Box:
    """The smallest box around two."""
    if one is None:
        return other
    rows, columns = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns


def shared(one: Box, other: Box) -> tuple[Box, Box]:
    """What two boxes have in common, as it lies in the one and in the other."""
    found = []
    for a, b in zip(one, other, strict=True):
        start = max(a.start, b.start)
        stop = max(start, min(a.stop, b.stop))
        found.append([slice(start - side.start, stop - side.start) for side in (a, b)])
    (rows, other_rows), (columns, other_columns) = found
    return (rows, columns), (other_rows, other_columns)


def _extent(index: Any, length: int) -> slice:
    """From where to where an index of one axis goes."""
    if isinstance(index, slice):
        places: Any = np.arange(length)[index]
    else:
        places = np.asarray(index)
    if places.dtype.kind not in "iu" or (places.size and places.min() < 0):
        return slice(0, length)
    return slice(int(places.min()), int(places.max()) + 1) if places.size else slice(0, 0)
