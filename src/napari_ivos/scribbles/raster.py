"""Strokes to pixels."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles.stroke import Stroke
from napari_ivos.types import Mask

_SUBPIXEL_BITS = 4
# OpenCV's fixed-point coordinates overflow far outside of the picture.
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
        A disk of the stroke's radius swept along its path (one pixel wide when the radius is None),
        or the inside of its outline when it is `filled`; cut at the frame's border.
    """
    canvas = np.zeros(shape, dtype=np.uint8)
    points = np.clip(stroke.path[:, ::-1], -_FAR, _FAR)
    scale = 1 << _SUBPIXEL_BITS
    fixed = np.round(points * scale).astype(np.int32).reshape(-1, 1, 2)
    if stroke.filled and len(points) >= 3:
        cv2.fillPoly(canvas, [fixed], 1, shift=_SUBPIXEL_BITS)
    if stroke.radius is None or stroke.radius <= 0.5:
        whole = np.round(points).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [whole], isClosed=stroke.filled, color=1, thickness=1)
        return canvas.astype(bool)
    # cv2 draws thick lines with round caps, but only of whole widths: disks at the points give the
    # exact ends, the line the stretches between them.
    width = max(round(2 * stroke.radius), 1)
    if len(points) > 1:
        cv2.polylines(
            canvas, [fixed], isClosed=stroke.filled, color=1, thickness=width, shift=_SUBPIXEL_BITS
        )
    radius = round(stroke.radius * scale)
    for x, y in fixed[:, 0].tolist():
        cv2.circle(canvas, (x, y), radius, 1, thickness=-1, shift=_SUBPIXEL_BITS)
    return canvas.astype(bool)


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
