"""Where the network answers what `flow` asks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
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
    SIDE,
    annotated_planes,
    focus,
    moved_planes,
    picture,
    raw_annotated,
    side_of,
)
from napari_ivos.methods.lite.network import Decision, Lite, Reference, reference
from napari_ivos.types import Frame

# Annotated frames that an object is compared with: the latest.
_REFERENCES = 3
# Places of annotated frames that are kept for the next step; fewer than a frame's objects need
# would be made anew for each frame.
_KEPT_BYTES = 64 * 2**20
# Objects that are looked at together; each takes about 11 MB meanwhile, a small one a quarter.
_TOGETHER = 8
# From so many objects on the network takes longer than flow.
_MANY = 7
# `flow` takes one step from a mask, not from a doubt.
_SHARPEN = 2.0
# The network learnt from made videos alone: on real ones a mean of its log-odds and those of `flow`
# gives better masks than either (docs/methods/lite.md). Its share on annotated frames; on the way
# the less consistent flow is, the larger it is.
_ANNOTATED_SHARE = 0.5
_LEAST_SHARE, _MOST_SHARE, _SHARE, _SHARE_OF_SURE = 0.5, 0.95, 1.1, -0.6


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
        self._references: OrderedDict[tuple[int, int], tuple[NDArray[np.uint8], Reference]] = (
            OrderedDict()
        )

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
        side = side_of(view.window, image)
        with translated("Segmenting an annotated frame"), inference():
            planes = self._tensor(annotated_planes(raw_annotated(near, side))[None])
            features = self._network.features(self._images(picture(image, side)[None]))
            known = reference(features, planes[:, 0:1], planes[:, 1:2])
            first = annotated_start(planes)
            decision = self._network.annotated(features, known, planes, first)
            odds = _mixed(first, decision, _ANNOTATED_SHARE)
        out = np.zeros(view.region.shape, dtype=np.float32)
        out[part] = _to_window(odds[0], image)
        return out

    def moved(self, views: Sequence[Moved]) -> list[Opinion]:
        """What is to be made of each of some objects one step further."""
        found: dict[int, Opinion] = {}
        with translated("Following an object"), _threads(len(views)), inference():
            sides = [side_of(view.window, view.image) for view in views]
            known = [self._known(*one) for one in zip(views, sides, strict=True)]
            # Windows of one size, compared with references of one size, can be looked at together.
            sizes = [(s, one.features.shape[2]) for s, one in zip(sides, known, strict=True)]
            for size in set(sizes):
                alike = [index for index, other in enumerate(sizes) if other == size]
                for start in range(0, len(alike), _TOGETHER):
                    part = alike[start : start + _TOGETHER]
                    opinions = self._opinions(
                        [views[i] for i in part], _joined([known[i] for i in part]), size[0]
                    )
                    found.update(zip(part, opinions, strict=True))
        return [found[index] for index in range(len(views))]

    def _opinions(self, views: Sequence[Moved], known: Reference, side: int) -> list[Opinion]:
        planes = self._tensor(np.stack([moved_planes(view, side) for view in views]))
        images = np.stack([picture(view.image, side) for view in views])
        features = self._network.features(self._images(images))
        first = moved_start(planes)
        decision = self._network.moved(features, known, planes, first)
        expected, alike = torch.sigmoid(decision.expected).tolist(), decision.alike.tolist()
        shares = self._tensor(np.array([_moved_share(view.sure) for view in views], np.float32))
        planes_out = _mixed(first, decision, shares[:, None, None, None])
        return [
            Opinion(_to_window(odds, view.image), *judged)
            for odds, view, *judged in zip(planes_out, views, expected, alike, strict=True)
        ]

    def seek(self, frame: Frame, looks: Looks, about: tuple[float, float]) -> Heat:
        """Where an object may be, in as much of a frame (H, W, 3) round (y, x) as is feasible."""
        assert looks.picture is not None
        with translated("Looking for an object"), beside_others(), inference():
            known = self._one_reference(looks.picture, SIDE)
            return seek(self._network, self._device, frame, looks, known, about)

    def _known(self, view: Moved, side: int) -> Reference:
        """Places of the latest annotated frames, put together."""
        pictures = [known.picture for known in view.looks if known.picture is not None]
        latest = pictures[-_REFERENCES:]
        return _joined([self._one_reference(image, side) for image in latest], dim=2)

    def _one_reference(self, image: NDArray[np.uint8], side: int) -> Reference:
        key = id(image), side
        if key in self._references:
            self._references.move_to_end(key)
        else:
            shown = picture(image, side)
            inside = self._tensor(shown[None, None, ..., 3].astype(np.float32) / np.float32(255))
            features = self._network.features(self._images(shown[None, ..., :3]))
            self._references[key] = image, reference(features, inside, 1 - inside)
            self._forget()
        return self._references[key][1]

    def _forget(self) -> None:
        """Let go of references that were asked for longest ago, but of the last one never."""
        kept = sum(_bytes(known) for _, known in self._references.values())
        while kept > _KEPT_BYTES and len(self._references) > 1:
            _, (_, known) = self._references.popitem(last=False)
            kept -= _bytes(known)

    def _images(self, images: NDArray[np.uint8]) -> Tensor:
        # To torch these are (B, 3, S, S), colours last in memory as the network's weights are.
        return self._tensor(images.astype(np.float32)).permute(0, 3, 1, 2)

    def _tensor(self, planes: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(planes)).to(self._device)


def _threads(count: int) -> AbstractContextManager[None]:
    """Half of torch's threads, or all for so many objects that flow is soon done beside them."""
    return beside_others() if count < _MANY else nullcontext()


def _joined(parts: Sequence[Reference], dim: int = 0) -> Reference:
    """References of several windows (`dim` 0), or several of one window (2), as one."""
    return Reference(
        torch.cat([part.features for part in parts], dim=dim),
        torch.cat([part.shares for part in parts], dim=dim),
    )


def _bytes(known: Reference) -> int:
    return sum(part.element_size() * part.numel() for part in known)


def _moved_share(sure: float) -> float:
    return min(max(_SHARE + _SHARE_OF_SURE * sure, _LEAST_SHARE), _MOST_SHARE)


def _mixed(first: Tensor, decision: Decision, share: Tensor | float) -> NDArray[np.float32]:
    """Log-odds (B, S, S) between those of `flow` and, by their share, those of the network."""
    odds: NDArray[np.float32] = (first + share * (decision.odds - first))[:, 0].cpu().numpy()
    return odds


def _to_window(odds: NDArray[np.float32], image: Frame) -> Plane:
    """Log-odds (S, S) to a probability in the window, its boundary drawn to the image's edges."""
    size = image.shape[1::-1]
    inside = 1 / (1 + np.exp(-_SHARPEN * cv2.resize(odds, size, interpolation=cv2.INTER_LINEAR)))
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return guided_filter(guide, inside.astype(np.float32), 2, 1e-3)
