"""Windows: the part of a frame where an object is, brought to a size that is worth working at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray, Mask

Plane = NDArray[np.float32]
"""(h, w) float32."""

# Enough for the edges of one object; the time spent on a frame grows with it.
_MOST_PIXELS = 90_000
# Small objects are looked at enlarged: edges and flow need some pixels to work with.
_LEAST_SIDE = 48


@dataclass(frozen=True, slots=True)
class Window:
    """A box of a frame and the size at which it is worked on."""

    top: int
    bottom: int
    left: int
    right: int
    height: int
    """Working size in pixels."""
    width: int

    @property
    def box(self) -> tuple[slice, slice]:
        """Where it lies in the frame."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def take(self, image: AnyArray) -> NDArray[Any]:
        """Its part of an image (H, W[, C]) at working size, averaged when made smaller."""
        return self._sized(np.ascontiguousarray(image[self.box]))

    def take_from(self, image: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The same from an image (h, w[, C]) that shows a frame of size `shape` at its own size."""
        if image.shape[:2] == shape[:2]:
            return self.take(image)
        down, across = image.shape[0] / shape[0], image.shape[1] / shape[1]
        x, y = self.centres()
        return sample(image, (x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5)

    def centres(self) -> tuple[Plane, Plane]:
        """Where its working pixels have their centres in the frame: x and y, each (h, w)."""
        y = (np.arange(self.height, dtype=np.float32) + 0.5) / self.height
        x = (np.arange(self.width, dtype=np.float32) + 0.5) / self.width
        y = self.top + y * (self.bottom - self.top) - 0.5
        x = self.left + x * (self.right - self.left) - 0.5
        columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return columns, rows

    def take_seeds(self, mask: Mask) -> Mask:
        """Its part of a mask; a single pixel survives being made smaller."""
        part = np.ascontiguousarray(mask[self.box])
        if self.height >= part.shape[0]:
            return self._sized(part.astype(np.uint8), cv2.INTER_NEAREST) > 0
        # Pixel by pixel, since averaging would lose thin lines and single points.
        y, x = np.nonzero(part)
        out = np.zeros((self.height, self.width), dtype=bool)
        out[y * self.height // part.shape[0], x * self.width // part.shape[1]] = True
        return out

    def give(self, values: Plane, out: Plane) -> None:
        """Write working values into their place in a plane of the whole frame."""
        size = (self.right - self.left, self.bottom - self.top)
        if values.shape != size[::-1]:
            values = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
        out[self.box] = values

    def _sized(self, part: NDArray[Any], enlarge: int = cv2.INTER_LINEAR) -> NDArray[Any]:
        if part.shape[:2] == (self.height, self.width):
            return part
        how = cv2.INTER_AREA if self.height < part.shape[0] else enlarge
        return np.asarray(cv2.resize(part, (self.width, self.height), interpolation=how))


def sample(image: NDArray[np.float32], x: Plane, y: Plane) -> NDArray[np.float32]:
    """Values of an image (H, W[, C]) at places (h, w) between its pixels."""
    return np.asarray(
        cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
    )


def window_round(
    box: Sequence[float], margin: float, shape: tuple[int, ...], most: int = _MOST_PIXELS
) -> Window:
    """Window round a box.

    Parameters
    ----------
    box : (top, bottom, left, right)
    margin : float
        Pixels of the frame to add on each side.
    shape : (H, W)
        Size of the frame.
    most : int
        Pixels to work with.
    """
    top = min(max(int(box[0] - margin), 0), shape[0] - 1)
    bottom = max(min(int(box[1] + margin) + 1, shape[0]), top + 1)
    left = min(max(int(box[2] - margin), 0), shape[1] - 1)
    right = max(min(int(box[3] + margin) + 1, shape[1]), left + 1)
    height, width = bottom - top, right - left
    scale = min(1.0, (most / (height * width)) ** 0.5)
    if max(height, width) < _LEAST_SIDE:
        scale = 2.0
    working = max(round(height * scale), 1), max(round(width * scale), 1)
    return Window(top, bottom, left, right, *working)


def box_of(mask: Mask) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) of what is set; None when nothing is."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return None if width == 0 else (y, y + height, x, x + width)
