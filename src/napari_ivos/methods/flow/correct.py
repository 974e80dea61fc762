"""Corrections: what else is wrong round a stroke that contradicts the mask."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, log_ratio
from napari_ivos.methods.flow.cues import cues, stroke_length
from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray, Mask

# fmt: off
# By logistic regression on public still images with made-up errors, as in `annotate`; the first
# 13 belong to the cues of a fresh stroke. Rows: colour, grey.
_ADD = np.array([
    [1.343, -0.555, 0.574, 0.769, 0.923, -0.792, -2.194, -1.285, 0.405, 0.202, 0.177, 0.326,
     0.293, 0.187, 0.249, -0.112, -0.380, 0.470, -1.992, -0.459],
    [1.203, -0.836, -0.303, 0.462, -1.536, -0.084, -1.480, 0.447, 0.274, -0.037, 0.078, 0.252,
     0.0, 0.443, 0.945, -0.162, -1.306, 0.060, -1.892, -0.177],
], dtype=np.float32)
_ADD_OFFSET = (1.857, 0.193)
_REMOVE = np.array([
    [0.128, 0.126, -0.241, -0.786, 1.868, 0.756, 0.195, -1.612, 0.201, 0.115, 0.101, -0.146,
     -0.088, 0.446, 0.418, -0.158, -0.687, 1.002, -2.388, -0.272],
    [2.478, -0.518, 2.395, -3.390, 1.838, -2.688, 0.965, -0.799, 0.163, 0.148, 0.024, 0.332,
     0.0, 0.558, 0.895, -0.563, -2.680, 0.558, -1.436, -0.512],
], dtype=np.float32)
_REMOVE_OFFSET = (3.031, -0.152)
# fmt: on


def flips(
    channels: AnyArray,
    grey: bool,
    marks: Mask,
    against: Mask,
    wrong_side: Mask,
    motion: Sequence[Flow],
    *,
    adding: bool,
) -> Plane:
    """Log-odds that a pixel is as wrong as the marked ones.

    Parameters
    ----------
    channels : (h, w, 3) float32
        From `look`.
    grey : bool
        Whether `channels` are those of a grey image.
    marks : (h, w) bool
        Strokes where the mask is wrong; at least one pixel.
    against : (h, w) bool
        Strokes that say the opposite.
    wrong_side : (h, w) bool
        Where the mask has the label that `marks` contradict.
    motion : sequence of (h, w, 2) float32
    adding : bool
        Whether the marks add to the object (else they take away from it).

    Returns
    -------
    (h, w) float32
        Has a meaning on `wrong_side` only.
    """
    fresh = cues(channels, marks, against, motion)
    stack = np.concatenate([fresh, _relative(channels, marks, wrong_side)])
    weights, offset = (_ADD, _ADD_OFFSET) if adding else (_REMOVE, _REMOVE_OFFSET)
    odds = np.tensordot(weights[int(grey)], stack, axes=1) + np.float32(offset[int(grey)])
    return np.asarray(odds, dtype=np.float32)


def _relative(channels: AnyArray, marks: Mask, wrong_side: Mask) -> NDArray[np.float32]:
    # A person strikes through the middle of an error, and one side of it is the mask's own
    # boundary: how far that is tells how wide the error is.
    depth = cv2.distanceTransform(wrong_side.astype(np.uint8), cv2.DIST_L2, 5)
    distance, nearest = cv2.distanceTransformWithLabels(
        (~marks).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    depths = np.zeros(int(nearest.max()) + 1, dtype=np.float32)
    depths[nearest[marks]] = depth[marks]
    reach = np.minimum(depths[nearest], np.float32(0.3 * stroke_length(marks) + 6))
    near = np.minimum(distance / (reach + 1), 5)
    size = float(max(1, min(int(wrong_side.sum()), int((~wrong_side).sum()))))
    return np.stack(
        [
            near,
            np.log1p(reach),
            near * np.log1p(reach),
            np.minimum(depth / (reach + 1), 4),
            _alike(channels, wrong_side, distance / (3 * reach + 4)),
            np.minimum(near, 1.5),
            np.clip(depth / (2 + 0.05 * size**0.5), 0, 5),
        ]
    ).astype(np.float32)


def _alike(channels: AnyArray, wrong_side: Mask, away: Plane) -> Plane:
    """Log-ratio of looking like the mask's other side, not like this side far from the marks."""
    bins = Bins.fit(channels, (16, 16, 16))
    index = bins.index(channels)
    there = bins.histogram(index, (~wrong_side).astype(np.float32))
    here = bins.histogram(index, wrong_side * np.clip(away, 0, 1) + np.float32(1e-3))
    return np.clip(log_ratio(there, here), -4, 4)[index]
