"""Frames and masks at the size that is worked at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods._frames import Image
from napari_ivos.methods._levels import Level
from napari_ivos.types import Frame

Planes = NDArray[np.float32]


class Working:
    """Frames' own size, or less when memory is short.

    Parameters
    ----------
    level : Level
    """

    def __init__(self, level: Level) -> None:
        self._scale = level.scale

    def size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Working size of frames of a shape (H, W)."""
        height, width = (max(round(side * self._scale), 1) for side in shape)
        return height, width

    def image(self, pixels: Frame) -> Image:
        """A frame, at working size."""
        size = self.size(pixels.shape[:2])
        if size == pixels.shape[:2]:
            return Image(pixels)
        return Image(np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)))

    def planes(self, planes: Planes) -> Planes:
        """(K, H, W) at working size."""
        return resize(planes, self.size(planes.shape[1:]))


def resize(planes: Planes, size: tuple[int, int]) -> Planes:
    """(K, H, W) at another size, bilinear."""
    if planes.shape[1:] == size:
        return planes
    return np.stack(
        [cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in planes]
    )
