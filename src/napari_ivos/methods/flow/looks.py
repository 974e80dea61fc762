"""Looks of one object: its colours against those round it, and where on it they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, log_ratio, look
from napari_ivos.methods.flow.window import Plane, box_of, window_round
from napari_ivos.types import AnyArray, Frame

_COUNTS = (16, 16, 16)
_PLACED = (7, 7, 12, 8, 8)
PICTURE_SIDE = 192
_REACH = 3.0  # standard deviations of the object's extent that the places span


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Log-ratios of an object's channels against those of what is round it."""

    bins: Bins
    ratio: NDArray[np.float32]
    placed_bins: Bins
    placed_ratio: NDArray[np.float32]
    """By place relative to the object's middle and extent as well."""
    score: float
    """Mean of `ratio` inside the object where it was learnt."""
    picture: NDArray[np.uint8] | None = None
    """(192, 192, 4) uint8: the object and what is round it, and 255 times its probability; kept
    only on request."""
    span: tuple[int, int] = (0, 0)
    """Pixels of the frame that the picture shows: height, width."""

    def colour(self, channels: AnyArray) -> Plane:
        """Log-ratio of each pixel by its channels alone; (h, w, 3) to (h, w)."""
        return self.ratio[self.bins.index(channels)]

    def placed_colour(self, channels: AnyArray, where: AnyArray) -> Plane:
        """Log-ratio of each pixel by its channels and its place (from `places`)."""
        both = np.concatenate([where, channels], axis=2)
        return self.placed_ratio[self.placed_bins.index(both)]


def places(region: Plane) -> NDArray[np.float32]:
    """Coordinates of each pixel relative to a region's middle, in its standard deviations.

    Parameters
    ----------
    region : (h, w) float32

    Returns
    -------
    (h, w, 2) float32
        (y, x).
    """
    height, width = region.shape
    moments = cv2.moments(region)
    mass = moments["m00"]
    if mass < 1e-3:
        middle, extent = (height / 2, width / 2), (height / 4, width / 4)
    else:
        middle = (moments["m01"] / mass, moments["m10"] / mass)
        extent = (moments["mu02"] / mass) ** 0.5, (moments["mu20"] / mass) ** 0.5
    y = (np.arange(height) - middle[0]) / max(extent[0], 1.0)
    x = (np.arange(width) - middle[1]) / max(extent[1], 1.0)
    out = np.empty((height, width, 2), dtype=np.float32)
    out[..., 0], out[..., 1] = y[:, None], x
    return out


def learn_looks(channels: AnyArray, region: Plane) -> Looks:
    """Looks from one picture.

    Parameters
    ----------
    channels : (h, w, 3) float32
        From `look`.
    region : (h, w) float32
        Probability of the object.
    """
    bins = Bins.fit(channels, _COUNTS)
    index = bins.index(channels)
    ratio = log_ratio(bins.histogram(index, region), bins.histogram(index, 1 - region))
    span = np.full(2, _REACH, dtype=np.float32)
    placed = Bins(np.concatenate([-span, bins.low]), np.concatenate([span, bins.high]), _PLACED)
    cell = placed.index(np.concatenate([places(region), channels], axis=2))
    inside, outside = placed.histogram(cell, region), placed.histogram(cell, 1 - region)
    placed_ratio = np.log((inside + 0.05) / (outside + 0.05)).astype(np.float32)
    return Looks(bins, ratio, placed, placed_ratio, _mean(ratio[index], region))


def learn(frame: Frame, region: Plane, *, picture: bool = False) -> Looks | None:
    """Looks of an object (H, W) on a frame, with a picture on request; None when it is empty."""
    box = box_of(region > 0.5)
    if box is None:
        return None
    size = max(box[1] - box[0], box[3] - box[2])
    window = window_round(box, max(16, 0.5 * size), region.shape)
    image, inside = window.take(frame), window.take(region)
    known = learn_looks(look(image), inside)
    if picture:
        both = np.dstack([image, np.round(255 * inside).astype(np.uint8)])
        side = (PICTURE_SIDE, PICTURE_SIDE)
        small = cv2.resize(both, side, interpolation=cv2.INTER_AREA)
        span = window.bottom - window.top, window.right - window.left
        return replace(known, picture=small, span=span)
    return known


def likeness(frame: Frame, region: Plane, known: Looks) -> float:
    """Mean log-ratio of what a region covers, to compare with ``known.score``."""
    box = box_of(region > 0.5)
    if box is None:
        return -np.inf
    window = window_round(box, 4, region.shape)
    return _mean(known.colour(look(window.take(frame))), window.take(region))


def contrast(frame: Frame, regions: Sequence[Plane], looks: Sequence[Looks]) -> list[float]:
    """How well each of some regions parts what looks like the object from what does not.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    regions : sequence of (H, W) float32
    looks : sequence of Looks
        From the annotated frames.

    Returns
    -------
    list of float
        Mean log-ratio inside less that of a ring outside; -6 for a region that covers nothing.
    """
    box = box_of(np.max([region > 0.5 for region in regions], axis=0))
    if box is None or not looks:
        return [0.0] * len(regions)
    size = max(box[1] - box[0], box[3] - box[2])
    window = window_round(box, max(6, 0.15 * size), frame.shape[:2])
    channels = look(window.take(frame))
    colour = np.mean([np.clip(known.colour(channels), -3, 3) for known in looks], axis=0)
    out = []
    for region in regions:
        inside = window.take(region) > 0.5
        if not inside.any():
            out.append(-6.0)
            continue
        width = 2 * int(2 + 0.1 * float(np.count_nonzero(inside)) ** 0.5) + 1
        ring = cv2.dilate(inside.astype(np.uint8), np.ones((width, width), np.uint8)) > inside
        around = float(colour[ring].mean()) if ring.any() else 0.0
        out.append(float(colour[inside].mean()) - around)
    return out


def _mean(values: Plane, weights: Plane) -> float:
    return float((values * weights).sum()) / max(float(weights.sum()), 1e-6)
