"""The network on a device: one frame, one object at a time, nothing computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ivos.methods._cache import FeatureCache
from napari_ivos.methods._frames import Image, annotation_key, pad
from napari_ivos.methods._torch import load_prepared
from napari_ivos.methods.gis.attention import spread
from napari_ivos.methods.gis.network import GisNetwork
from napari_ivos.methods.gis.padding import COARSE
from napari_ivos.methods.gis.parts import FrameFeatures, Shared

_FOREGROUND = 0.4


def load_network(checkpoint: Path) -> GisNetwork:
    """The network with the weights of a checkpoint; see `load_prepared`."""
    return load_prepared(GisNetwork, GisNetwork.prepare, checkpoint, "GIS-RAmap")


class Model:
    """The network with its cache, on one device.

    Parameters
    ----------
    network : GisNetwork
    dtype : torch.dtype
        Of everything but the similarities and what becomes a result.
    cache : FeatureCache
    device : torch.device
    """

    def __init__(
        self, network: GisNetwork, dtype: torch.dtype, cache: FeatureCache, device: torch.device
    ) -> None:
        self._cache = cache
        self._device = device
        self._dtype = dtype
        self._network = network.to(device, dtype)
        # Similarities are unscaled sums of 128 products: half precision would be too coarse.
        network.transfer_module.float()
        if device.type == "cpu" and dtype == torch.float32:
            network.speed_up()

    def features(self, image: Image) -> FrameFeatures:
        """Of a frame, whatever the objects."""
        return FrameFeatures(*self._cache.get(("frame", image.key), lambda: self._encode(image)))

    def _encode(self, image: Image) -> FrameFeatures:
        return self._network.encode(image.tensor(self._device).to(self._dtype))

    def attended(self, features: FrameFeatures) -> Tensor:
        """(128, T) float32: see `GisNetwork.attended`."""
        return self._network.attended(features.similar)

    def to_itself(self, image: Image, features: FrameFeatures, block: int) -> Tensor:
        """(128, T) float32: what a frame sends along the attention to itself."""
        same = features.similar

        def make() -> tuple[Tensor]:
            return (spread(same, same, self.attended(features), block),)

        return self._cache.get(("itself", image.key), make)[0]

    def mark(self, image: Image, guide: NDArray[np.float32]) -> NDArray[np.float32]:
        """An object on an annotated frame; its indicator is kept.

        Returns
        -------
        (Hp, Wp) float32
            A first estimate of the object's probability.
        """
        logits, indicator = self._mark(image, guide)
        self._cache.put(("object", annotation_key(image.key, guide)), (indicator,))
        return logits.sigmoid_()[0, 0].cpu().numpy()

    def indicator(self, image: Image, guide: NDArray[np.float32]) -> Tensor:
        """(256, T): what an object looks like on an annotated frame."""
        key = "object", annotation_key(image.key, guide)
        return self._cache.get(key, lambda: (self._mark(image, guide)[1],))[0]

    def _mark(self, image: Image, guide: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        channels = torch.from_numpy(pad(guide)).to(self._device)[None]
        both = torch.cat((image.tensor(self._device), channels), 1)
        return self._network.mark(both.to(self._dtype))

    def shared(self, frame: FrameFeatures, neighbour: FrameFeatures) -> Shared:
        """What a frame's objects have in common."""
        return self._network.shared(frame, neighbour)

    def predict(
        self, shared: Shared, masks: NDArray[np.float32], transferred: Tensor
    ) -> tuple[list[NDArray[np.float32]], list[Tensor]]:
        """Objects on a visited frame.

        Parameters
        ----------
        shared : Shared
        masks : (K, h, w) float32
            Probabilities on the neighbour.
        transferred : (K, 256, T) float32

        Returns
        -------
        probabilities : K of (Hp, Wp) float32
        coarse : K of (h, w) float32
            Every eighth pixel of the objects' logits.
        """
        probabilities, coarse = [], []
        height, width = masks.shape[1:]
        for mask, moved in zip(masks, transferred, strict=True):
            near = torch.from_numpy(mask)[None, None].to(self._device, self._dtype)
            logits = self._network.predict(
                shared, near, moved.view(1, 256, height, width).to(self._dtype)
            )
            probabilities.append((logits[1] - logits[0]).sigmoid_().cpu().numpy())
            coarse.append(logits[1, ::COARSE, ::COARSE].clone())
        return probabilities, coarse


def reliability(coarse: Sequence[Tensor], score: Tensor) -> float:
    """Reliability of a frame, 0–1 (section 3.4 of the paper).

    Parameters
    ----------
    coarse : K of (h, w) float32
        Logits of the objects.
    score : (h·w,) float32
        The reliability map.

    Notes
    -----
    As in the authors' program the softmax runs over the objects, so that with one or two objects
    every cell counts as foreground.
    """
    shares = torch.softmax(torch.stack(list(coarse)).flatten(1), dim=0)
    front = (shares.amax(0) > _FOREGROUND).to(score.dtype)
    inside = (front * score).sum() / (front.sum() + 0.1)
    return float((score.mean() + inside) / 2)
