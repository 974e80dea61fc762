"""Strokes to pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles.stroke import Stroke
from napari_ivos.types import Mask

# OpenCV's whole-number coordinates overflow far outside of the picture.
_FAR = 1e6


def rasterise(stroke: Stroke, shape: tuple[int, int]) -> Mask:
    """Pixels that a stroke covers.

    Parameters
    ----------
    stroke : Stroke
    shape : (H, W)

    Returns
    -------
    (H, W) bool
        The pixels whose centres lie within the stroke's radius of its line (the line alone when
        the radius is None), and the inside of its outline when it is `filled`; cut at the frame's
        border.
    """
    # A line that is farther away than the frame is large does not reach in, however thick.
    margin = 0 if stroke.radius is None else math.ceil(min(stroke.radius, max(shape)))
    points = np.round(np.clip(stroke.path, -_FAR, _FAR)).astype(np.int32)
    # Only the part of the frame that the stroke can reach; the line outside of it may reach in.
    top, left = np.maximum(points.min(axis=0) - margin, -margin).tolist()
    bottom, right = np.minimum(points.max(axis=0), np.array(shape) - 1 + margin).tolist()
    mask = np.zeros(shape, dtype=bool)
    height, width = bottom + margin - top + 1, right + margin - left + 1
    if height <= 0 or width <= 0 or top >= shape[0] or left >= shape[1]:
        return mask
    canvas = np.zeros((height, width), dtype=np.uint8)
    line = (points - (top, left))[:, None, ::-1].astype(np.int32)
    if stroke.filled and len(line) >= 3:
        cv2.fillPoly(canvas, [line], 1)
    # A single point is a line to itself.
    cv2.polylines(canvas, [line if len(line) > 1 else np.repeat(line, 2, 0)], stroke.filled, 1)
    covered = canvas > 0
    if stroke.radius is not None and covered.any():
        distance = cv2.distanceTransform(1 - canvas, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        covered = distance <= min(stroke.radius, _FAR)
    y, x = max(top, 0), max(left, 0)
    inside = covered[y - top : shape[0] - top, x - left : shape[1] - left]
    mask[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return mask


def rasterise_all(strokes: Iterable[Stroke], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Which object's stroke covers each pixel.

    Parameters
    ----------
    strokes : iterable of Stroke
        Oldest first; where two overlap the later one counts.
    shape : (H, W)

    Returns
    -------
    (H, W) int32
        The object's id, 0 for background strokes, −1 where there is no stroke.
    """
    out = np.full(shape, -1, dtype=np.int32)
    for stroke in strokes:
        out[rasterise(stroke, shape)] = stroke.object_id
    return out
