"""A simulated user: strokes along the middle of what is wrong, the same each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles.skeleton import skeleton_path
from napari_ivos.scribbles.stroke import Stroke, make_stroke
from napari_ivos.types import AnyArray, Mask, ObjectId

__all__ = ["correction_strokes", "largest_region", "skeleton_path"]


def correction_strokes(
    truth: AnyArray,
    predicted: AnyArray | None,
    frame: int,
    objects: Sequence[ObjectId],
    *,
    radius: float | None = None,
    background: bool = True,
    smallest: int = 1,
) -> list[Stroke]:
    """Strokes that a user would draw on one frame, having seen the masks there.

    For each object one stroke of its own through the largest region that it misses, and one
    through the largest region that it covers but should not: of the background, or of the object
    that the region belongs to.

    Parameters
    ----------
    truth : (H, W) integer
        The right ids; those not in `objects` are background.
    predicted : (H, W) integer or None
        The ids shown to the user; None in round 1, when there is nothing yet.
    frame : int
    objects : sequence of int
        Whom the user cares about.
    radius : float, optional
        Half the brush's width in pixels; None draws lines as thin as can be.
    background : bool
        Whether the user ever marks background.
    smallest : int
        Regions of fewer pixels than this are not worth a stroke.

    Returns
    -------
    list of Stroke
        No two alike, in the order of `objects`; empty when there is nothing to correct.
    """
    wanted = np.where(np.isin(truth, list(objects)), truth, 0)
    shown = np.zeros_like(wanted) if predicted is None else predicted
    strokes: list[Stroke] = []

    def draw(region: Mask, object_id: ObjectId) -> None:
        if np.count_nonzero(region) >= max(smallest, 1):
            stroke = make_stroke(frame, object_id, skeleton_path(region), radius)
            if stroke not in strokes:
                strokes.append(stroke)

    for object_id in objects:
        draw(largest_region((wanted == object_id) & (shown != object_id)), object_id)
        wrong = largest_region((wanted != object_id) & (shown == object_id))
        if not wrong.any():
            continue
        owner = int(np.bincount(wanted[wrong].astype(np.int64)).argmax())
        if owner or background:
            draw(largest_region(wrong & (wanted == owner)), owner)
    return strokes


def largest_region(mask: Mask) -> NDArray[np.bool_]:
    """Largest 8-connected region of a mask; of equally large ones the uppermost.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    (H, W) bool
        Empty when `mask` is.
    """
    from skimage.measure import label

    regions = label(mask, connectivity=2)
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    if len(sizes) == 1:
        return np.zeros(mask.shape, dtype=bool)
    return np.asarray(regions == int(sizes.argmax()))
