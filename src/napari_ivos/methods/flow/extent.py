"""How far a region reaches: the level of the evidence at which it is cut."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.cues import stroke_length
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray, Mask

# fmt: off
# By ridge regression on the quality of such regions in public microscopy and electron microscopy.
_WEIGHTS = np.array([
    -0.102, 0.076, 0.073, 0.070, 0.040, 0.073, -0.059, 0.509, -0.022, -0.079, -0.033, 0.061,
    0.035, -0.010, 0.003, 0.002,
])
# fmt: on
LEVELS = tuple(np.arange(-3.0, 3.1, 0.5).tolist())
_SQUARE = np.ones((3, 3), np.uint8)


def best_level(channels: AnyArray, seeds: Mask, evidence: Plane) -> float:
    """Level at which a grey image's evidence gives the likeliest object; 0 when none does.

    Parameters
    ----------
    channels : (h, w, 3) float32
        From `look`.
    seeds : (h, w) bool
    evidence : (h, w) float32
        Log-odds.
    """
    levels, features = candidates(channels, True, seeds, evidence)
    return levels[int(np.argmax(features @ _WEIGHTS))] if levels else 0.0


def candidates(
    channels: AnyArray, grey: bool, seeds: Mask, evidence: Plane
) -> tuple[list[float], NDArray[np.float64]]:
    """Regions that evidence gives when cut at several levels, described.

    Parameters
    ----------
    channels : (h, w, 3) float32
        From `look`.
    grey : bool
        Whether `channels` are those of a grey image.
    seeds : (h, w) bool
    evidence : (h, w) float32
        Log-odds.

    Returns
    -------
    levels : list of float
        Those that give a region, each another one.
    features : (N, F) float64
    """
    relief = _relief(channels, grey)
    steepness = cv2.magnitude(
        *(cv2.Scharr(relief, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1)))
    )
    smooth = cv2.GaussianBlur(evidence, (0, 0), 1.0)
    smooth[seeds] = 9
    levels, features, size = [], [], -1
    for level in LEVELS:
        region = _joined(smooth > level, seeds)
        area = int(np.count_nonzero(region))
        if area == size or area > 0.9 * region.size:
            continue
        size = area
        levels.append(level)
        features.append(_describe(region, relief, steepness, evidence, seeds))
    return levels, np.array(features)


def _relief(channels: AnyArray, grey: bool) -> Plane:
    light = np.ascontiguousarray(channels[..., 0])
    if not grey:
        return np.asarray(cv2.GaussianBlur(light, (0, 0), 0.8), dtype=np.float32)
    # Dim cells next to bright ones are no less cells.
    low, high = np.percentile(light[::2, ::2], [1, 99.7])
    light = np.clip((light - low) / max(high - low, 8), 0, 1)
    relief = (100 * np.sqrt(light)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(relief, (0, 0), 0.8), dtype=np.float32)


def _joined(region: Mask, seeds: Mask) -> Mask:
    """The parts of a region that hold seeds."""
    count, parts = cv2.connectedComponents(region.astype(np.uint8))
    keep = np.zeros(count, dtype=bool)
    keep[np.unique(parts[seeds])] = True
    keep[0] = False
    return np.asarray(keep[parts])


def _describe(
    region: Mask, relief: Plane, steepness: Plane, evidence: Plane, seeds: Mask
) -> list[float]:
    inner = region.astype(np.uint8)
    grown = cv2.dilate(inner, _SQUARE)
    kernel = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 1}
    rim = inner > cv2.erode(inner, _SQUARE, **kernel)
    edge = rim | (grown > inner)
    within = inner > cv2.erode(inner, _SQUARE, iterations=3, **kernel)
    beside = cv2.dilate(inner, _SQUARE, iterations=4) > grown
    around = cv2.dilate(inner, _SQUARE, iterations=10) > grown
    if not around.any():
        around = beside = edge
    area, marked = float(inner.sum()), float(np.count_nonzero(seeds))
    steep = float(steepness[edge].mean())
    usual = float(steepness.mean()) + 1e-3
    spread = float(relief[region | around].std()) + 1e-3
    contrast = abs(float(relief[within].mean()) - float(relief[beside].mean())) / spread
    border = np.ones(region.shape, dtype=bool)
    border[1:-1, 1:-1] = False
    level = float(np.clip(evidence[edge], -4, 4).mean())
    inside = float(np.clip(evidence[region], -4, 4).mean())
    growth = np.log(area / (marked + 1))
    return [
        np.log(steep / usual + 0.05),
        np.log(float(np.median(steepness[edge])) / usual + 0.05),
        np.log((steep + 1) / (float(steepness[region].mean()) + 1)),
        np.log((steep + 1) / (float(steepness[around].mean()) + 1)),
        min(contrast, 3.0),
        growth,
        np.log(area / (stroke_length(seeds) ** 2 + 25)),
        float(np.count_nonzero(rim & border)) / max(float(np.count_nonzero(rim)), 1),
        np.log(float(np.count_nonzero(rim)) / area**0.5),
        level,
        abs(level),
        inside,
        np.log(float(relief[region].std()) / (float(relief[around].std()) + 1e-3) + 0.1),
        level**2,
        inside**2,
        growth**2,
    ]
