"""The network on a device: one frame, one object at a time, nothing computed twice."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from napari_ivos.methods._cache import FeatureCache
from napari_ivos.methods._frames import Image, annotation_key, margins, pad
from napari_ivos.methods._torch import give_back_memory, load_prepared
from napari_ivos.methods._working import Planes
from napari_ivos.methods.atnet import local
from napari_ivos.methods.atnet.network import AtNetwork
from napari_ivos.methods.atnet.parts import FrameFeatures

Chain: TypeAlias = "tuple[tuple[bytes, bytes], ...]"
"""Names the annotations that an object's global transfer comes from, in the order of the rounds."""

FINE = 4
"""Masks go from frame to frame at this fraction of the padded size."""


class Marked(NamedTuple):
    """An object on an annotated frame."""

    value: Tensor
    """(2048, h·w): see `AtNetwork.mark`."""
    mask: Tensor
    """(Hp / 4, Wp / 4) float32: its probability, for the neighbours."""


class Transferred(NamedTuple):
    """What the global transfer brought to a frame for an object."""

    total: Tensor
    """(2048, h·w) float32: the sum over annotations; not to be changed."""
    rounds: int
    """How many these are."""


def load_network(checkpoint: Path) -> AtNetwork:
    """The network with the weights of a checkpoint; see `load_prepared`."""
    return load_prepared(AtNetwork, AtNetwork.prepare, checkpoint, "ATNet")


class Model:
    """The network with its cache, on one device.

    Parameters
    ----------
    network : AtNetwork
    dtype : torch.dtype
        Of everything but the similarities and what becomes a result.
    cache : FeatureCache
    device : torch.device
    """

    def __init__(
        self, network: AtNetwork, dtype: torch.dtype, cache: FeatureCache, device: torch.device
    ) -> None:
        self._cache = cache
        self._device = device
        self._dtype = dtype
        self._network = network.to(device, dtype)
        if device.type == "cpu" and dtype == torch.float32:
            network.speed_up()

    def features(self, image: Image) -> FrameFeatures:
        """Of a frame, whatever the objects."""
        key, rest = (self._cache.find((name, image.key)) for name in ("key", "frame"))
        if key is None or rest is None:
            made = self._network.encode(image.tensor(self._device).to(self._dtype))
            # This leaves holes behind that what comes next does not fill.
            give_back_memory()
            key = self._cache.put(("key", image.key), made[:1])
            rest = self._cache.put(("frame", image.key), made[1:])
        return FrameFeatures(*key, *rest)

    def key(self, image: Image) -> Tensor:
        """(1, 2048, h, w): of an annotated frame; what is compared with visited ones."""
        found = self._cache.find(("key", image.key))
        return self.features(image).query if found is None else found[0]

    def mark(self, image: Image, guide: Planes) -> Planes:
        """(Hp, Wp) float32: an object's probability on an annotated frame; its value is kept."""
        plane, found = self._mark(image, guide)
        self._cache.put(("object", annotation_key(image.key, guide)), found)
        return plane.cpu().numpy()

    def marked(self, image: Image, guide: Planes) -> Marked:
        """What an annotated frame says of an object."""
        key = "object", annotation_key(image.key, guide)
        return Marked(*self._cache.get(key, lambda: self._mark(image, guide)[1]))

    def _mark(self, image: Image, guide: Planes) -> tuple[Tensor, Marked]:
        channels = torch.from_numpy(pad(guide)).to(self._device)[None]
        both = torch.cat((image.tensor(self._device), channels), 1)
        logits, value = self._network.mark(both.to(self._dtype))
        plane = logits.sigmoid_()[0, 0]
        return plane, Marked(value, _shrink(plane))

    def transferred(self, image: Image, chain: Chain) -> Transferred | None:
        """What is kept of an object's global transfer to a frame.

        Returns
        -------
        Transferred or None
            Over the first annotations of `chain`, as many as there are.
        """
        for count in range(len(chain), 0, -1):
            found = self._cache.find(("transfer", image.key, chain[:count]))
            if found is not None:
                return Transferred(found[0], count)
        return None

    def keep_transferred(self, image: Image, chain: Chain, total: Tensor) -> None:
        """Keep the sum over all annotations of `chain`."""
        self._cache.put(("transfer", image.key, chain), (total,))

    def predict(
        self,
        frame: FrameFeatures,
        weights: Tensor,
        mask: Tensor,
        transferred: Transferred | None,
    ) -> Tensor:
        """An object on a visited frame.

        Parameters
        ----------
        frame : FrameFeatures
        weights : (81, Hp/4, Wp/4) float32
            From `local.likeness`.
        mask : (Hp/4, Wp/4) float32
            The object's probability on the neighbour.
        transferred : Transferred, optional
            None: the object is not there.

        Returns
        -------
        (Hp, Wp) float32
            Probability.
        """
        if transferred is None:
            return torch.zeros([FINE * side for side in mask.shape], device=self._device)
        mean = transferred.total / transferred.rounds
        moved = mean.view_as(frame.query).to(self._dtype)
        near = local.carry(mask, weights).to(self._dtype)
        return self._network.predict(frame, moved, near).sigmoid_()[0, 0]

    def to_mask(self, plane: Tensor) -> Tensor:
        """(Hp, Wp) to (Hp/4, Wp/4), for the next frame."""
        return _shrink(plane)

    def to_masks(self, planes: Planes) -> list[Tensor]:
        """(K, H, W) to K of (Hp/4, Wp/4)."""
        return [_shrink(torch.from_numpy(pad(plane)).to(self._device)) for plane in planes]

    def inside(self, image: Image) -> Tensor:
        """(Hp/4, Wp/4) bool: where a mask comes from the frame alone, and not from padding."""
        (top, bottom), (left, right) = margins(image.size)
        ones = torch.ones(image.size, device=self._device)
        return _shrink(functional.pad(ones, (left, right, top, bottom))) >= 1


def _shrink(plane: Tensor) -> Tensor:
    """Bilinear with aligned corners, without smoothing."""
    size = (plane.shape[0] // FINE, plane.shape[1] // FINE)
    small = functional.interpolate(plane[None, None], size, mode="bilinear", align_corners=True)
    return small[0, 0]
