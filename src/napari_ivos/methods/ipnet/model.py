"""The networks on a device: objects in, probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ivos.methods.ipnet.networks import InteractionNetwork, PropagationNetwork
from napari_ivos.methods.ipnet.parts import probability
from napari_ivos.methods.ipnet.rounds import Feature
from napari_ivos.methods.ipnet.window import Planes, Window, around, cut, put_back
from napari_ivos.types import AnyArray, Frame

Maps: TypeAlias = tuple[AnyArray, ...]
"""What guides a network to one object, each (H, W) bool or float. For the interaction network: the
mask from before, positive and negative strokes; for the propagation network: the frame's mask from
the rounds before, and the mask of the adjacent frame."""


class Model:
    """Both networks on one device.

    Parameters
    ----------
    networks : InteractionNetwork, PropagationNetwork
    dtype : torch.dtype
        Of everything but what becomes a result.
    device : torch.device
    """

    def __init__(
        self,
        networks: tuple[InteractionNetwork, PropagationNetwork],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._device = device
        self._dtype = dtype
        interaction, propagation = (network.to(device, dtype) for network in networks)
        assert isinstance(interaction, InteractionNetwork)
        assert isinstance(propagation, PropagationNetwork)
        self._interaction, self._propagation = interaction, propagation
        if device.type == "cpu":
            propagation.shelve()
        if device.type == "cpu" and dtype == torch.float32:
            # Strokes are rarer than frames: there memory counts for more than time.
            interaction.speed_up(keep=False)
            propagation.speed_up(keep=True)

    def interact(self, pixels: Frame, objects: Sequence[Maps]) -> tuple[Planes, list[Feature]]:
        """Objects on an annotated frame.

        Returns
        -------
        (K, H, W) float32
        references : K of (2048, 8, 8) float32
        """
        windows = [around(one) for one in objects]
        logits, references = self._interaction(self._input(pixels, objects, windows))
        planes = _planes(logits, windows, pixels)
        return planes, [_frozen(one) for one in references.float().cpu().numpy()]

    def propagate(
        self,
        pixels: Frame,
        objects: Sequence[Maps],
        halves: Sequence[tuple[Tensor, Tensor]],
    ) -> Planes:
        """Objects on a visited frame.

        Parameters
        ----------
        pixels : (H, W, 3) uint8
        objects : K of Maps
        halves : K of what `halves` gave

        Returns
        -------
        (K, H, W) float32
        """
        windows = [around(one) for one in objects]
        both = tuple(torch.cat(part) for part in zip(*halves, strict=True))
        logits = self._propagation(self._input(pixels, objects, windows), (both[0], both[1]))
        return _planes(logits, windows, pixels)

    def aggregate(self, reference: Feature, before: Feature) -> Feature:
        """A reference and the aggregate of the rounds before, as one."""
        both = (self._tensor(feature) for feature in (reference, before))
        return _frozen(self._propagation.SEFA(*both)[0].float().cpu().numpy())

    def halves(self, aggregates: Sequence[Feature]) -> list[tuple[Tensor, Tensor]]:
        """What visited frames need of each aggregate; the same for all of a round."""
        self._propagation.rest()
        made = [self._propagation.halves(self._tensor(one)) for one in aggregates]
        self._propagation.rest()
        return made

    def _tensor(self, feature: Feature) -> Tensor:
        made = torch.tensor(feature, device=self._device, dtype=self._dtype)[None]
        return made.contiguous(memory_format=torch.channels_last)

    def _input(self, pixels: Frame, objects: Sequence[Maps], windows: Sequence[Window]) -> Tensor:
        """(K, 3 + guides, 256, 256), with channels last."""
        made = [_cut_all(pixels, one, win) for one, win in zip(objects, windows, strict=True)]
        stacked = torch.from_numpy(np.stack(made)).to(self._device)
        return stacked.to(self._dtype).permute(0, 3, 1, 2)


def _cut_all(pixels: Frame, maps: Sequence[AnyArray], window: Window) -> NDArray[np.float32]:
    """(256, 256, 3 + guides) float32."""
    seen = [cut(pixels, window) / np.float32(255), *(cut(one, window)[..., None] for one in maps)]
    return np.concatenate(seen, -1)


def _planes(logits: Tensor, windows: Sequence[Window], pixels: Frame) -> Planes:
    size = (pixels.shape[0], pixels.shape[1])
    inner = probability(logits).cpu().numpy()
    return np.stack([put_back(one, win, size) for one, win in zip(inner, windows, strict=True)])


def _frozen(feature: NDArray[np.float32]) -> Feature:
    own = np.array(feature, np.float32)
    own.setflags(write=False)
    return own
