"""J and F, as the DAVIS benchmark defines them (Perazzi et al., CVPR 2016, section 4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray, Mask, ObjectId

Metric: TypeAlias = Literal["J", "F", "J_AND_F"]
"""Region similarity, contour accuracy, or the mean of the two."""

TOLERANCE = 0.008
"""How far two boundaries may lie apart, as a share of the frame's diagonal."""


def jaccard(truth: Mask, predicted: Mask) -> float:
    """Region similarity J: intersection over union.

    Parameters
    ----------
    truth, predicted : (H, W) bool

    Returns
    -------
    float
        0–1; 1 when both are empty.
    """
    union = int(np.count_nonzero(truth | predicted))
    return 1.0 if union == 0 else int(np.count_nonzero(truth & predicted)) / union


def f_measure(truth: Mask, predicted: Mask, tolerance: float = TOLERANCE) -> float:
    """Contour accuracy F: harmonic mean of the boundary's precision and recall.

    Parameters
    ----------
    truth, predicted : (H, W) bool
    tolerance : float
        Boundaries match within this share of the frame's diagonal, rounded up to whole pixels
        (1 and more are pixels).

    Returns
    -------
    float
        0–1; 1 when neither has a boundary, 0 when only one has.
    """
    reach = math.ceil(tolerance * math.hypot(*truth.shape)) if tolerance < 1 else int(tolerance)
    window = _window(truth | predicted, reach + 1)
    right, shown = boundary(truth[window]), boundary(predicted[window])
    in_truth, in_shown = int(np.count_nonzero(right)), int(np.count_nonzero(shown))
    if in_truth == 0 or in_shown == 0:
        return float(in_truth == in_shown)
    precision = int(np.count_nonzero(shown & _grown(right, reach))) / in_shown
    recall = int(np.count_nonzero(right & _grown(shown, reach))) / in_truth
    total = precision + recall
    return 0.0 if total == 0 else 2 * precision * recall / total


def boundary(mask: Mask) -> NDArray[np.bool_]:
    """Boundary of a mask, one pixel wide.

    A pixel is on it when its right, lower or lower right neighbour is on the other side; beyond the
    last row and column there is nothing to differ from.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    (H, W) bool
    """
    wide = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    edge: NDArray[np.bool_] = (
        (mask ^ wide[:-1, 1:]) | (mask ^ wide[1:, :-1]) | (mask ^ wide[1:, 1:])
    )
    return edge


def score_frame(
    truth: AnyArray, predicted: AnyArray, objects: Sequence[ObjectId]
) -> list[tuple[float, float]]:
    """J and F of each object on one frame.

    Parameters
    ----------
    truth, predicted : (H, W) integer
        Label maps.
    objects : sequence of int

    Returns
    -------
    list of (float, float)
        J and F in the order of `objects`. An object that is on neither map has 1 and 1, one that is
        on only one of them 0 and 0.
    """
    scores = []
    for number in objects:
        right, shown = truth == number, predicted == number
        scores.append((jaccard(right, shown), f_measure(right, shown)))
    return scores


def combine(scores: Iterable[tuple[float, float]], metric: Metric) -> float:
    """Mean over the objects of a frame, of the one metric or of both.

    Parameters
    ----------
    scores : iterable of (J, F)
    metric : {"J", "F", "J_AND_F"}

    Returns
    -------
    float
    """
    table = np.array(list(scores), dtype=np.float64)
    columns = {"J": table[:, 0], "F": table[:, 1], "J_AND_F": table.mean(axis=1)}
    return float(columns[metric].mean())


def _window(mask: Mask, margin: int) -> tuple[slice, slice]:
    """The part of a frame that a mask can matter in: small objects are quick that way."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return slice(0, 1), slice(0, 1)
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def _grown(mask: Mask, reach: int) -> NDArray[np.bool_]:
    import cv2

    offsets = np.arange(-reach, reach + 1)
    disk = (offsets[:, None] ** 2 + offsets**2 <= reach**2).astype(np.uint8)
    # A pixel beyond the frame is no boundary.
    grown = cv2.dilate(mask.view(np.uint8), disk, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(grown, dtype=bool)
