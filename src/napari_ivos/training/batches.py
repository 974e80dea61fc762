"""Samples to batches, turned over and recoloured at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ivos.methods.lite.inputs import (
    MARGIN,
    RAW_PLANES,
    annotated_planes,
    focus,
    picture,
    to_side,
)
from napari_ivos.training.store import Reader
from napari_ivos.types import AnyArray


class Batch(NamedTuple):
    """What a decoder is given, and what would be right; each (B, C, S, S) float32."""

    images: Tensor
    planes: Tensor
    truth: Tensor
    references: Tensor | None
    """Pictures of annotated frames and, as the fourth channel, 255 times the object's mask."""


def read_batch(reader: Reader, indices: Sequence[int], rng: np.random.Generator | None) -> Batch:
    """Some samples; changed at random when `rng` is given."""
    return _stack([_sample(reader[int(index)], rng) for index in indices])


def _stack(samples: Sequence[dict[str, AnyArray]]) -> Batch:
    def all_of(name: str) -> Tensor:
        return torch.from_numpy(np.stack([sample[name] for sample in samples]))

    references = all_of("reference") if "reference" in samples[0] else None
    return Batch(all_of("image"), all_of("planes"), all_of("truth"), references)


def _sample(kept: dict[str, AnyArray], rng: np.random.Generator | None) -> dict[str, AnyArray]:
    image = kept["image"].transpose(2, 0, 1).astype(np.float32)
    planes, truth = kept["planes"], kept["truth"][None]
    if len(planes) == RAW_PLANES:
        margin = MARGIN if rng is None else float(rng.uniform(0.35, 0.9))
        inside, _, _, region, prior = planes
        part = focus((inside > 0) | (region > 0.5) | (prior > 0.5), margin)
        image = (
            picture(np.ascontiguousarray(kept["image"][part])).transpose(2, 0, 1).astype(np.float32)
        )
        planes = np.stack([to_side(plane[part]) for plane in planes])
        planes[:2] = planes[:2] > 0
        planes[4] = np.where(planes[4] < 0, -1, planes[4])
        truth = to_side(truth[0][part])[None]
        planes = annotated_planes(planes)
    out = {"image": image, "planes": planes, "truth": truth}
    if "reference" in kept:
        out["reference"] = kept["reference"].transpose(2, 0, 1).astype(np.float32)
    if rng is None:
        return out
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    out = {name: _turned(value, turns, flip) for name, value in out.items()}
    recolour = _Recolour(rng)
    out["image"] = recolour(out["image"], rng)
    if "reference" in out:
        out["reference"] = np.concatenate(
            [recolour(out["reference"][:3], rng), out["reference"][3:]]
        )
    return out


def _turned(value: AnyArray, turns: int, flip: bool) -> NDArray[np.float32]:
    value = np.rot90(value, turns, axes=(1, 2))
    return np.ascontiguousarray(value[:, :, ::-1] if flip else value, dtype=np.float32)


class _Recolour:
    """One change of colours for all pictures of a sample, and a little one for each."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, (3, 1, 1))
        self._offset = rng.uniform(-30, 30)
        self._grey = rng.random() < 0.1
        self._negative = rng.random() < 0.1
        self._order = rng.permutation(3) if rng.random() < 0.2 else np.arange(3)

    def __call__(self, image: AnyArray, rng: np.random.Generator) -> NDArray[np.float32]:
        out = image[self._order] * (self._gain * rng.uniform(0.95, 1.05)) + self._offset
        if self._grey:
            out = np.repeat(out.mean(axis=0, keepdims=True), 3, axis=0)
        if self._negative:
            out = 255 - out
        return np.clip(out, 0, 255).astype(np.float32)
