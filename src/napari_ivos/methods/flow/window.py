"""Windows: the part of a frame where an object is, brought to a size that is worth working at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import Mask

Plane = NDArray[np.float32]
"""(h, w) float32."""

# Enough for the edges of one object; the time spent on a frame grows with it.
_MOST_PIXELS = 110_000
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
    def scale(self) -> float:
        """Working pixels per pixel of the frame."""
        return self.height / (self.bottom - self.top)

    @property
    def box(self) -> tuple[slice, slice]:
        """Where it lies in the frame."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def take(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Its part of an image (H, W[, C]) at working size, averaged when made smaller."""
        part = np.ascontiguousarray(image[self.box])
        if part.shape[:2] == (self.height, self.width):
            return part
        smaller = self.height < part.shape[0]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(part, (self.width, self.height), interpolation=how))

    def take_seeds(self, mask: Mask) -> Mask:
        """Its part of a mask; a single pixel survives being made smaller."""
        part = np.ascontiguousarray(mask[self.box]).astype(np.uint8) * np.uint8(255)
        if part.shape == (self.height, self.width):
            return part > 0
        if self.height < part.shape[0]:
            # Pixel by pixel, since averaging would lose thin lines and single points.
            y, x = np.nonzero(part)
            out = np.zeros((self.height, self.width), dtype=bool)
            out[y * self.height // part.shape[0], x * self.width // part.shape[1]] = True
            return out
        size = (self.width, self.height)
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST) > 0)

    def give(self, values: Plane, out: Plane) -> None:
        """Write working values into their place in a plane of the whole frame."""
        size = (self.right - self.left, self.bottom - self.top)
        if values.shape != size[::-1]:
            values = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
        out[self.box] = values


def window_round(box: tuple[int, int, int, int], margin: float, shape: tuple[int, int]) -> Window:
    """Window round a box.

    Parameters
    ----------
    box : (top, bottom, left, right)
    margin : float
        Pixels of the frame to add on each side.
    shape : (H, W)
        Size of the frame.
    """
    top = max(int(box[0] - margin), 0)
    bottom = min(int(box[1] + margin) + 1, shape[0])
    left = max(int(box[2] - margin), 0)
    right = min(int(box[3] + margin) + 1, shape[1])
    height, width = bottom - top, right - left
    scale = min(1.0, (_MOST_PIXELS / (height * width)) ** 0.5)
    if max(height, width) < _LEAST_SIDE:
        scale = 2.0
    return Window(
        top, bottom, left, right, max(round(height * scale), 1), max(round(width * scale), 1)
    )


def box_of(mask: Mask) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) of what is set; None when nothing is."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return None if width == 0 else (y, y + height, x, x + width)
