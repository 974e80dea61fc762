"""Frames as the published networks take them: normalised, and padded by reflection."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ivos.types import AnyArray, Frame

STEP = 32
"""Sides are padded to a multiple of this."""

_MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
_DEVIATION = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


def margins(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Padding before and after each side: at least 1, since a full step is added to a multiple.

    Returns
    -------
    (top, bottom), (left, right)
    """
    pads = [STEP - side % STEP for side in size]
    (top, bottom), (left, right) = [(pad // 2, pad - pad // 2) for pad in pads]
    return (top, bottom), (left, right)


def pad(array: AnyArray) -> AnyArray:
    """Reflect the last two axes at their border, without repeating the edge.

    Sides that are shorter than the padding are reflected to and fro.
    """
    before = ((0, 0),) * (array.ndim - 2)
    return np.pad(array, (*before, *margins((array.shape[-2], array.shape[-1]))), mode="reflect")


def crop(planes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Take the padding off the last two axes again."""
    (top, _), (left, _) = margins(size)
    inner = planes[..., top : top + size[0], left : left + size[1]]
    return np.ascontiguousarray(inner)


def annotation_key(image_key: bytes, guide: NDArray[np.float32]) -> tuple[bytes, bytes]:
    """Names an object's annotation, by the content of the frame and of the guide."""
    return image_key, hashlib.blake2b(guide.data, digest_size=16).digest()


class Image:
    """A frame at working size.

    Parameters
    ----------
    pixels : (H, W, 3) uint8
    """

    def __init__(self, pixels: Frame) -> None:
        self.size = (pixels.shape[0], pixels.shape[1])
        self._pixels = np.ascontiguousarray(pixels)
        name = hashlib.blake2b(self._pixels.data, digest_size=16)
        name.update(str(pixels.shape).encode())
        self.key = name.digest()
        """Names the content, so that features are found again whichever video it came from."""

    def tensor(self, device: torch.device) -> Tensor:
        """(1, 3, Hp, Wp) float32: normalised and padded."""
        padded = torch.from_numpy(pad(self._pixels.transpose(2, 0, 1)).copy()).to(device)
        scaled = padded.float().div_(255)
        return scaled.sub_(_MEAN.to(device)).div_(_DEVIATION.to(device))[None]
