"""Whether a pixel moves as its object does, or as what is behind it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane

_SAMPLES = 2000
_LEAST = 30
_ROUNDS = 4
# Square of an error of flow, in pixels.
_NOISE = 0.1
_MOST = 4.0
# Share of what is known of a pixel's motion that counts at the next step.
KEPT = 0.85


def moves_with(flow: Flow, region: Plane) -> Plane:
    """Log-ratio of moving as a region does, not as what is round it.

    Both motions are affine, fitted robustly: the object's where `region` is sure, the other one
    in the rest of the window.

    Parameters
    ----------
    flow : (h, w, 2) float32
    region : (h, w) float32 in [0, 1]

    Returns
    -------
    (h, w) float32 in [-4, 4]
        0 where either is too small to tell.
    """
    height, width = region.shape
    across = np.arange(width, dtype=np.float32) / width - np.float32(0.5)
    down = np.arange(height, dtype=np.float32)[:, None] / height - np.float32(0.5)
    misses = []
    for part in (region > 0.6, region < 0.1):
        places = np.flatnonzero(part)
        if len(places) < _LEAST:
            return np.zeros_like(region)
        places = places[:: max(len(places) // _SAMPLES, 1)]
        y, x = np.unravel_index(places, region.shape)
        points = np.column_stack([across[x], down[y, 0], np.ones(len(x), np.float32)])
        affine, spread = _fit(points, flow[y, x])
        miss = np.zeros_like(region)
        for moves, (by_x, by_y, shift) in zip(cv2.split(flow), affine.T, strict=True):
            miss += np.square(moves - (by_x * across + shift) - by_y * down)
        misses.append(np.log1p(miss / np.float32(spread)) + np.float32(np.log(spread)))
    ratio = np.clip(misses[1] - misses[0], -_MOST, _MOST)
    return np.asarray(ratio, dtype=np.float32)


def _fit(
    points: NDArray[np.float32], moves: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float]:
    """Affine motion (3, 2) of most points (N, 3), and the typical square of their errors."""
    affine = np.zeros((3, 2), dtype=np.float32)
    affine[2] = np.median(moves, axis=0)
    spread = _NOISE
    for _ in range(_ROUNDS):
        miss = np.square(moves - points @ affine).sum(axis=1)
        spread = float(np.median(miss)) + _NOISE
        weight = 1 / np.square(1 + miss / spread)
        left = (points * weight[:, None]).T
        affine = np.linalg.lstsq(left @ points + 1e-4 * np.eye(3), left @ moves, rcond=None)[0]
        affine = affine.astype(np.float32)
    return affine, spread
