"""Evidence to regions: boundaries that are short and lie on edges of the image."""

from __future__ import annotations

import cv2
import numpy as np

from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray

_STEP = np.float32(0.35)  # σ = τ; convergence needs σ·τ·8 ≤ 1
_FLOOR = 0.1  # share of a boundary's cost that stays on the strongest edge


def edge_weights(channels: AnyArray) -> tuple[Plane, Plane]:
    """Cost of a boundary between each pixel and its neighbour to the right, and below.

    Parameters
    ----------
    channels : (h, w, C) float32

    Returns
    -------
    (h, w) float32 each
        0.1 on a strong edge to 1.1 in a flat place; 0 at the picture's end.
    """
    height, width = channels.shape[:2]
    right = np.zeros((height, width), dtype=np.float32)
    below = np.zeros((height, width), dtype=np.float32)
    for plane in cv2.split(channels):
        right[:, :-1] += np.square(plane[:, 1:] - plane[:, :-1])
        below[:-1] += np.square(plane[1:] - plane[:-1])
    np.sqrt(right, out=right)
    np.sqrt(below, out=below)
    typical = np.float32(right.mean() + below.mean() + 1e-3)
    out = []
    for steps in (right, below):
        weights = np.exp(-steps / typical) + np.float32(_FLOOR)
        out.append(weights.astype(np.float32))
    out[0][:, -1] = 0
    out[1][-1] = 0
    return out[0], out[1]


def regularise(
    evidence: Plane, weights: tuple[Plane, Plane], strength: float, iterations: int = 40
) -> Plane:
    """Minimise evidence against the length of the boundary: a relaxed graph cut.

    First-order primal-dual iterations (Chambolle and Pock, 2011) on weighted total variation.

    Parameters
    ----------
    evidence : (h, w) float32
        Log-odds for the object.
    weights : two of (h, w) float32
        From `edge_weights`.
    strength : float
        Cost of a unit of boundary, in the units of the evidence.

    Returns
    -------
    (h, w) float32 in [0, 1]
        Nearly binary.
    """
    right, below = (weight * np.float32(strength) for weight in weights)
    least_right, least_below = -right, -below
    current = (evidence > 0).astype(np.float32)
    ahead = current.copy()
    change, flow_x, flow_y = (np.zeros_like(current) for _ in range(3))
    # Nothing is allocated on the way: it is done for every object on every frame.
    for _ in range(iterations):
        np.subtract(ahead[:, 1:], ahead[:, :-1], out=change[:, :-1])
        change[:, :-1] *= _STEP
        flow_x[:, :-1] += change[:, :-1]
        np.subtract(ahead[1:], ahead[:-1], out=change[:-1])
        change[:-1] *= _STEP
        flow_y[:-1] += change[:-1]
        np.minimum(np.maximum(flow_x, least_right, out=flow_x), right, out=flow_x)
        np.minimum(np.maximum(flow_y, least_below, out=flow_y), below, out=flow_y)
        np.add(flow_x, flow_y, out=change)
        change += evidence
        change[:, 1:] -= flow_x[:, :-1]
        change[1:] -= flow_y[:-1]
        change *= _STEP
        change += current
        np.minimum(np.maximum(change, 0, out=change), 1, out=change)
        np.multiply(change, 2, out=ahead)
        ahead -= current
        current, change = change, current
    return current


def guided_filter(guide: Plane, values: Plane, radius: int, tolerance: float) -> Plane:
    """Smooth values along the edges of a guide (He, Sun and Tang, 2010).

    Parameters
    ----------
    guide : (h, w) float32
        About 0–1.
    values : (h, w) float32
    radius : int
        Pixels.
    tolerance : float
        Variance of the guide below which it counts as flat.
    """
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(plane: AnyArray) -> Plane:
        blurred = cv2.blur(plane, size, borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred, dtype=np.float32)

    guide_mean, mean_values = mean(guide), mean(values)
    spread = mean(guide * guide) - guide_mean * guide_mean + np.float32(tolerance)
    slope = (mean(guide * values) - guide_mean * mean_values) / spread
    offset = mean_values - slope * guide_mean
    return np.asarray(np.clip(mean(slope) * guide + mean(offset), 0, 1), dtype=np.float32)
