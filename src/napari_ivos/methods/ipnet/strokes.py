"""Strokes as the interaction network was trained on them: thin lines, widened by two pixels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods._guide import line
from napari_ivos.scribbles import Stroke, make_stroke, rasterise
from napari_ivos.types import Mask, ObjectId

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_TIMES = 2
_DIGITS = 12


def hints(owners: NDArray[np.int32], object_id: ObjectId) -> tuple[Mask, Mask]:
    """Where a person says that an object is, and where it is not.

    Parameters
    ----------
    owners : (H, W) int32
        What `stroke_map` gave. Strokes of other objects are negative, like the background's.
    object_id : int

    Returns
    -------
    positive, negative : (H, W) bool
        They do not overlap: where both would be, it is positive.
    """
    positive = widened(owners == object_id)
    negative = widened((owners >= 0) & (owners != object_id)) & ~positive
    return positive, negative


def stroke_map(strokes: Iterable[Stroke], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Which object's line covers each pixel.

    Parameters
    ----------
    strokes : iterable of Stroke
        Oldest first; where two overlap the later one counts. A radius is passed over; filled
        outlines are areas.
    shape : (H, W)

    Returns
    -------
    (H, W) int32
        The object's id, 0 for background strokes, −1 where there is no stroke.
    """
    owners = np.full(shape, -1, np.int32)
    for stroke in strokes:
        if stroke.filled:
            area = make_stroke(0, 0, stroke.path, filled=True)
            owners[rasterise(area, shape)] = stroke.object_id
        else:
            owners[_pixels(stroke, shape)] = stroke.object_id
    return owners


def widened(mask: Mask) -> Mask:
    """A mask grown to the diamond of radius 2 around each of its pixels."""
    if not mask.any():
        return mask
    grown: Mask = cv2.dilate(mask.astype(np.uint8), _CROSS, iterations=_TIMES) > 0
    return grown


def _pixels(stroke: Stroke, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of a stroke's line.

    The authors multiply shares of the frame by its last index and cut off the fraction; a path in
    pixels is a share times the frame's size.
    """
    path = np.clip(stroke.path, -1e6, 1e6)
    shares = np.stack(
        [_share(along, size) for along, size in zip(path.T, shape, strict=True)], axis=1
    )
    corners = np.trunc(shares * (np.array(shape) - 1)).astype(np.intp)
    pieces = [line(a, b) for a, b in pairwise(corners)]
    points = np.concatenate(pieces) if pieces else corners
    rows, columns = points[((points >= 0) & (points < shape)).all(axis=1)].T
    return rows, columns


def _share(pixels: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """``pixels / size``, without the rounding error of the product that `pixels` comes from.

    Cutting off fractions is sensitive to the last digit. Shares are in practice decimal numbers,
    or pixels by the last index; that one is taken which gives the very same product.
    """
    shares = pixels / size
    last = max(size - 1, 1)
    for simple in (np.round(shares * last) / last, np.round(shares, _DIGITS)):
        shares = np.where(simple * size == pixels, simple, shares)
    return shares
