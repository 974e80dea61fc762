"""What objects and background look like: smoothed histograms of a few channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray, Frame

_GREY_TOLERANCE = 4.0


def look(image: Frame) -> NDArray[np.float32]:
    """Channels in which an image is compared with itself and with others.

    Parameters
    ----------
    image : (h, w, 3) uint8

    Returns
    -------
    (h, w, 3) float32
        CIE Lab (0–255 each) of a colour image; of a grey one the brightness, its local mean and
        its local contrast, since texture is then all there is to go by.
    """
    soft = cv2.GaussianBlur(image, (0, 0), 0.7)
    span = soft.max(axis=2).astype(np.int16) - soft.min(axis=2)
    lab = cv2.cvtColor(soft, cv2.COLOR_RGB2LAB).astype(np.float32)
    if float(span.mean()) > _GREY_TOLERANCE:
        return np.asarray(lab)
    light = lab[..., 0]
    mean, spread = local_statistics(light)
    return np.dstack([light, mean, 4 * spread])


def is_grey(channels: AnyArray) -> bool:
    """Whether `look` took an image for a grey one."""
    mean = local_statistics(np.ascontiguousarray(channels[..., 0]))[0]
    return bool(np.abs(channels[..., 1] - mean).max() < 1e-2)


def local_statistics(light: Plane, sigma: float = 2.5) -> tuple[Plane, Plane]:
    """Mean and standard deviation of brightness round each pixel, both (h, w) float32."""
    mean = cv2.GaussianBlur(light, (0, 0), sigma)
    square = cv2.GaussianBlur(light * light, (0, 0), sigma)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))


@dataclass(frozen=True, slots=True)
class Bins:
    """A grid over the values of some channels."""

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    counts: tuple[int, ...]

    @staticmethod
    def fit(channels: AnyArray, counts: tuple[int, ...]) -> Bins:
        """Grid over the range of (h, w, C) values, leaving out the half per cent at each end."""
        sample = channels[::3, ::3].reshape(-1, channels.shape[-1])
        low, high = np.percentile(sample, [0.5, 99.5], axis=0).astype(np.float32)
        return Bins(low, np.maximum(high, low + np.float32(1e-3)), counts)

    def index(self, channels: AnyArray) -> NDArray[np.int32]:
        """Flat index of the cell of each pixel; (h, w, C) float32 to (h, w)."""
        counts = np.array(self.counts, dtype=np.float32)
        scales = counts / (self.high - self.low)
        index = np.zeros(channels.shape[:-1], dtype=np.int32)
        planes = cv2.split(channels)
        for plane, low, scale, count in zip(planes, self.low, scales, self.counts, strict=True):
            cells = (plane - low) * scale
            np.minimum(np.maximum(cells, 0, out=cells), count - 1, out=cells)
            index *= count
            index += cells.astype(np.int32)
        return index

    def histogram(self, index: NDArray[np.int32], weights: Plane) -> NDArray[np.float64]:
        """Smoothed weight in each cell, flat."""
        size = int(np.prod(self.counts))
        flat = np.asarray(np.bincount(index.ravel(), weights.ravel(), size), dtype=np.float64)
        table = flat.reshape(self.counts)
        for axis, count in enumerate(self.counts):
            table = np.moveaxis(np.tensordot(_smoothing(count), table, axes=(1, axis)), 0, axis)
        return np.ascontiguousarray(table).ravel()


@lru_cache(16)
def _smoothing(count: int) -> NDArray[np.float64]:
    """What smooths so many cells in a row twice with 1, 2, 1, as a matrix; ends repeat."""
    once = np.eye(count) / 2
    for place in range(count):
        once[place, max(place - 1, 0)] += 0.25
        once[place, min(place + 1, count - 1)] += 0.25
    return once @ once


def log_ratio(
    objects: NDArray[np.float64], others: NDArray[np.float64], prior: float = 0.2
) -> NDArray[np.float32]:
    """Log-likelihood ratio of each cell, between two histograms; a uniform prior bounds it."""
    objects = objects / max(float(objects.sum()), 1e-9)
    others = others / max(float(others.sum()), 1e-9)
    base = prior / len(objects)
    return np.log((objects + base) / (others + base)).astype(np.float32)
