"""Where the network answers what `flow` asks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ivos.methods._torch import beside_others, inference, translated
from napari_ivos.methods.flow.looks import Looks
from napari_ivos.methods.flow.refine import guided_filter
from napari_ivos.methods.flow.refiner import Annotated, Heat, Moved, Opinion
from napari_ivos.methods.flow.window import Plane
from napari_ivos.methods.lite.decide import annotated_start, moved_start
from napari_ivos.methods.lite.finder import seek
from napari_ivos.methods.lite.inputs import (
    annotated_planes,
    focus,
    moved_planes,
    picture,
    raw_annotated,
)
from napari_ivos.methods.lite.network import Decision, Lite, Reference, reference
from napari_ivos.types import Frame

# Annotated frames that an object is compared with: the latest.
_REFERENCES = 3
_KEPT_REFERENCES = 64
# `flow` takes one step from a mask, not from a doubt.
_SHARPEN = 2.0
# The network learnt from made videos alone: on real ones the mean of its log-odds and those of
# `flow` gives better masks than either (docs/methods/lite.md).
_SHARE = 0.5


class NetworkRefiner:
    """A `Refiner` that asks the network.

    Parameters
    ----------
    network : Lite
        In evaluation mode.
    device : torch.device
    """

    def __init__(self, network: Lite, device: torch.device) -> None:
        self._network = network.to(device)
        self._device = device
        # By the identity of a picture, which is kept along, so that no other can take its place.
        self._references: OrderedDict[int, tuple[NDArray[np.uint8], Reference]] = OrderedDict()

    def annotated(self, view: Annotated) -> Plane:
        """Probability of the object on an annotated frame, (h, w) float32."""
        support = view.inside | view.region
        if view.prior is not None:
            support = support | (view.prior > 0.5)
        part = focus(support)
        image = view.image[part]
        near = replace(
            view,
            image=image,
            inside=view.inside[part],
            outside=view.outside[part],
            evidence=view.evidence[part],
            region=view.region[part],
            prior=None if view.prior is None else view.prior[part],
        )
        with translated("Segmenting an annotated frame"), inference():
            planes = self._tensor(annotated_planes(raw_annotated(near)))
            features = self._network.features(self._image(picture(image)))
            known = reference(features, planes[:, 0:1], planes[:, 1:2])
            first = annotated_start(planes)
            decision = self._network.annotated(features, known, planes, first)
            odds = _halfway(first, decision)
        out = np.zeros(view.region.shape, dtype=np.float32)
        out[part] = _to_window(odds, image)
        return out

    def moved(self, view: Moved) -> Opinion:
        """What is to be made of the object one step further."""
        with translated("Following an object"), beside_others(), inference():
            planes = self._tensor(moved_planes(view))
            features = self._network.features(self._image(picture(view.image)))
            known = self._known(view.looks)
            first = moved_start(planes)
            decision = self._network.moved(features, known, planes, first)
            odds = _halfway(first, decision)
            expected = float(torch.sigmoid(decision.expected[0]))
        return Opinion(_to_window(odds, view.image), expected, float(decision.alike[0]))

    def seek(self, frame: Frame, looks: Looks, about: tuple[float, float]) -> Heat:
        """Where an object may be, in as much of a frame (H, W, 3) round (y, x) as is feasible."""
        assert looks.picture is not None
        with translated("Looking for an object"), beside_others(), inference():
            known = self._one_reference(looks.picture)
            return seek(self._network, self._device, frame, looks, known, about)

    def _known(self, looks: Sequence[Looks]) -> Reference:
        """Places of the latest annotated frames, put together."""
        pictures = [known.picture for known in looks if known.picture is not None]
        parts = [self._one_reference(image) for image in pictures[-_REFERENCES:]]
        return Reference(
            torch.cat([part.features for part in parts], dim=2),
            torch.cat([part.shares for part in parts], dim=2),
        )

    def _one_reference(self, image: NDArray[np.uint8]) -> Reference:
        if id(image) in self._references:
            self._references.move_to_end(id(image))
        else:
            inside = self._tensor(image[None, ..., 3].astype(np.float32) / np.float32(255))
            features = self._network.features(self._image(image[..., :3]))
            self._references[id(image)] = image, reference(features, inside, 1 - inside)
            if len(self._references) > _KEPT_REFERENCES:
                self._references.popitem(last=False)
        return self._references[id(image)][1]

    def _image(self, image: NDArray[np.uint8]) -> Tensor:
        planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
        return self._tensor(planes)

    def _tensor(self, planes: NDArray[np.float32]) -> Tensor:
        whole = torch.from_numpy(np.ascontiguousarray(planes))[None]
        return whole.to(self._device).contiguous(memory_format=torch.channels_last)


def _halfway(first: Tensor, decision: Decision) -> NDArray[np.float32]:
    """Log-odds (S, S) between those of `flow` and those of the network."""
    odds: NDArray[np.float32] = (first + _SHARE * (decision.odds - first))[0, 0].cpu().numpy()
    return odds


def _to_window(odds: NDArray[np.float32], image: Frame) -> Plane:
    """Log-odds (S, S) to a probability in the window, its boundary drawn to the image's edges."""
    size = image.shape[1::-1]
    inside = 1 / (1 + np.exp(-_SHARPEN * cv2.resize(odds, size, interpolation=cv2.INTER_LINEAR)))
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return guided_filter(guide, inside.astype(np.float32), 2, 1e-3)
