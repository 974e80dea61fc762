"""Textures from seeded noise."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray

Image = NDArray[np.float32]
"""(H, W) float32."""


def clouds(
    rng: np.random.Generator,
    shape: tuple[int, int],
    grain: float,
    *,
    octaves: int = 4,
    stretch: float = 1.0,
) -> Image:
    """Noise of several sizes, as in fur, sand or clouds.

    Parameters
    ----------
    rng : numpy Generator
    shape : (H, W)
    grain : float
        Size of the largest spots in pixels; each further octave is half as large and as strong.
    octaves : int
    stretch : float
        How many times longer than high the spots are.

    Returns
    -------
    (H, W) float32
        Mean 0, standard deviation 1.
    """
    height, width = shape
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        size = max(grain / 2**octave, 1.0)
        coarse = rng.standard_normal(
            (int(height / size) + 3, int(width / (size * stretch)) + 3), dtype=np.float32
        )
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.asarray((total - total.mean()) / total.std(), dtype=np.float32)


def mix(first: Sequence[float], second: Sequence[float], weight: Image) -> NDArray[np.float32]:
    """Blend two colours: (H, W, 3) float32 that is `first` where the weight is 0, else `second`."""
    a, b = np.asarray(first, dtype=np.float32), np.asarray(second, dtype=np.float32)
    share = np.clip(weight, 0, 1)[..., None]
    return np.asarray(a + (b - a) * share, dtype=np.float32)


def smooth_step(value: AnyArray) -> Image:
    """0 below 0, 1 above 1, and without an edge between."""
    t = np.clip(value, 0, 1).astype(np.float32, copy=False)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
