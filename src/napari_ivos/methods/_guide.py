"""From strokes and masks to the three channels that guide the network on an annotated frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles import Stroke, make_stroke, rasterise
from napari_ivos.types import LabelMap, Mask, ObjectId

_BRUSH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_SIGMA = 6.0
UNKNOWN = 0.5
"""Prior of an object of which no mask is known yet."""


def guide(
    strokes: Sequence[Stroke],
    object_id: ObjectId,
    labels: LabelMap | None,
    known: bool,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Prior mask, positive and negative strokes of one object.

    Parameters
    ----------
    strokes : sequence of Stroke
        All of the frame. Those of other objects are negative, like those of the background.
    object_id : int
    labels : (H, W) uint16, optional
        The frame's mask so far. Negative strokes count only where it shows the object.
    known : bool
        Whether the mask says anything about this object; else the prior is 0.5 everywhere.
    shape : (H, W)

    Returns
    -------
    (3, H, W) float32 in [0, 1]
    """
    channels = np.zeros((3, *shape), dtype=np.float32)
    mask = None if labels is None else labels == object_id
    channels[0] = mask if known and mask is not None else UNKNOWN
    channels[1] = stroke_image((s for s in strokes if s.object_id == object_id), shape)
    if mask is not None and mask.any():
        negative = stroke_image((s for s in strokes if s.object_id != object_id), shape)
        channels[2] = np.where(mask, negative, 0)
    return channels


def stroke_image(strokes: Iterable[Stroke], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Strokes as the network was trained on them: thin lines, dilated and blurred.

    Parameters
    ----------
    strokes : iterable of Stroke
        A radius is passed over; filled outlines are areas.
    shape : (H, W)

    Returns
    -------
    (H, W) float32 in [0, 1]
    """
    image = np.zeros(shape, dtype=np.float64)
    for stroke in strokes:
        image[_pixels(stroke, shape)] = 1
    if image.any():
        image = cv2.dilate(image, _BRUSH)
        image = cv2.GaussianBlur(image, (5, 5), _SIGMA)
    return image.astype(np.float32)


def _pixels(stroke: Stroke, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of a stroke, one up and one left of where it was drawn.

    The authors set pixel [y − 1, x − 1], so that is what the network was trained with. At 0 their
    index runs off to the opposite border of the frame; here it stays at this one.
    """
    if stroke.filled:
        area: Mask = rasterise(make_stroke(0, 0, stroke.path, filled=True), shape)
        points = np.argwhere(area)
    else:
        corners = np.round(np.clip(stroke.path, -1e6, 1e6)).astype(np.intp)
        pieces = [line(a, b) for a, b in pairwise(corners)]
        points = np.concatenate(pieces) if pieces else corners
        points = points[((points >= 0) & (points <= shape)).all(axis=1)]
    rows, columns = np.maximum(points - 1, 0).T
    return rows, columns


def line(start: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.intp]:
    """Bresenham's line between two points, both included; halves are rounded away from `start`."""
    step = end - start
    length = np.abs(step)
    longest = int(length.max())
    if longest == 0:
        return start[None]
    along = np.arange(longest + 1)[:, None]
    return np.asarray(start + np.sign(step) * ((2 * along * length + longest) // (2 * longest)))
