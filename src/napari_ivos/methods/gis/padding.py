"""Masks at an eighth of the padded frames' size."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from napari_ivos.methods._frames import margins, pad
from napari_ivos.types import ObjectId

COARSE = 8
_RIM_BYTES = 32 * 2**20


def shrink(padded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bilinear with aligned corners, an eighth of each side, without smoothing.

    Parameters
    ----------
    padded : (K, Hp, Wp) float32

    Returns
    -------
    (K, h, w) float32
    """
    size = (padded.shape[1] // COARSE, padded.shape[2] // COARSE)
    small = functional.interpolate(
        torch.from_numpy(padded)[:, None], size, mode="bilinear", align_corners=True
    )
    return small[:, 0].numpy()


@cache
def _rim(size: tuple[int, int]) -> NDArray[np.bool_]:
    """Coarse cells of a frame of `size` that padding has a part in; (h, w) bool."""
    inside = np.zeros([side + sum(m) for side, m in zip(size, margins(size), strict=True)])
    (top, _), (left, _) = margins(size)
    inside[top : top + size[0], left : left + size[1]] = 1
    rim: NDArray[np.bool_] = shrink(inside[None].astype(np.float32))[0] < 1
    rim.setflags(write=False)
    return rim


class Rims:
    """What masks looked like in the padding, which results do not hold.

    The network sees its own earlier masks, padding included. It matters little, and is bounded:
    where it is not known (after a restart, or when a person changed the mask) the mask is
    reflected, as the frame is.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ObjectId, bytes], NDArray[np.float32]] = OrderedDict()
        self._bytes = 0

    def remember(
        self,
        index: int,
        objects: Sequence[ObjectId],
        planes: NDArray[np.float32],
        small: NDArray[np.float32],
    ) -> None:
        """Note the rim of `small` (K, h, w), which belongs to the unpadded `planes` (K, H, W)."""
        rim = _rim(planes.shape[1:])
        if rim.shape != small.shape[1:]:
            return
        for object_id, plane, cells in zip(objects, planes, small, strict=True):
            key = _key(index, object_id, plane)
            if key not in self._known:
                self._known[key] = cells[rim]
                self._bytes += self._known[key].nbytes
        while self._bytes > _RIM_BYTES:
            self._bytes -= self._known.popitem(last=False)[1].nbytes

    def shrink(
        self, index: int, objects: Sequence[ObjectId], planes: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Pad and shrink (K, H, W) to (K, h, w), with the rim as it was."""
        small = shrink(pad(planes))
        rim = _rim(planes.shape[1:])
        for object_id, plane, cells in zip(objects, planes, small, strict=True):
            known = self._known.get(_key(index, object_id, plane))
            if known is not None:
                cells[rim] = known
        return small


def _key(
    index: int, object_id: ObjectId, plane: NDArray[np.float32]
) -> tuple[int, ObjectId, bytes]:
    # Every eighth row and column tells two results of a frame apart.
    sample = np.ascontiguousarray(plane[::COARSE, ::COARSE])
    return index, object_id, hashlib.blake2b(sample.data, digest_size=16).digest()
