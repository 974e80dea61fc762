"""The two things ATNet does with a frame: annotate it, or visit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from napari_ivos.methods._frames import crop
from napari_ivos.methods._levels import Level
from napari_ivos.methods._protocol import Frames
from napari_ivos.methods._rounds import Entry
from napari_ivos.methods._working import Planes, Working, resize
from napari_ivos.methods.atnet.local import likeness
from napari_ivos.methods.atnet.model import Model
from napari_ivos.methods.atnet.parts import FrameFeatures
from napari_ivos.methods.atnet.sources import Sources
from napari_ivos.types import Frame, ObjectId

_VALUE_BYTES = 192 * 2**20
"""Of the objects' values and transfers that are held at a time."""
_NEARLY = 1e-3


class Visited(NamedTuple):
    """A frame that was visited, as its neighbour needs it."""

    near: Tensor
    """See `FrameFeatures`."""
    masks: list[Tensor]
    """K of (Hp/4, Wp/4): the objects' own probabilities, before blending."""


class Steps:
    """The model at one working size.

    Parameters
    ----------
    model : Model
    level : Level
    """

    def __init__(self, model: Model, level: Level) -> None:
        self._model = model
        self._working = Working(level)
        self._block_bytes = level.block_bytes

    def sources(
        self, video: Frames, entries: Sequence[Entry], objects: tuple[ObjectId, ...]
    ) -> Sources:
        """The annotated frames of a propagation."""
        return Sources(self._model, self._working, video, entries, objects)

    def annotate(self, pixels: Frame, entry: Entry) -> Planes:
        """(K, H, W) float32: the objects' own probabilities on an annotated frame."""
        image = self._working.image(pixels)
        found = [self._model.mark(image, entry.guide(one, image.size)) for one in entry.objects]
        return self._inner(found, pixels.shape)

    def begin(self, pixels: Frame, planes: Planes) -> Visited:
        """A frame of which only the result is known.

        Parameters
        ----------
        pixels : (H, W, 3) uint8
        planes : (K, H, W) float32
            The objects' own probabilities.
        """
        image = self._working.image(pixels)
        masks = self._model.to_masks(self._working.planes(planes))
        return Visited(self._model.features(image).near, masks)

    def begin_annotated(
        self, pixels: Frame, planes: Planes, objects: Sequence[ObjectId], entry: Entry
    ) -> Visited:
        """As `begin`, for an annotated frame: what the network said in the padding is known.

        Where a person changed a mask since, it is reflected there instead.
        """
        image = self._working.image(pixels)
        visited = self.begin(pixels, planes)
        inside = self._model.inside(image)
        for k, one in enumerate(objects):
            if one in entry.objects and bool(inside.any()):
                own = self._model.marked(image, entry.guide(one, image.size)).mask
                change = (own - visited.masks[k]).abs()[inside].max()
                if float(change) <= _NEARLY:
                    visited.masks[k] = own
        return visited

    def visit(
        self,
        pixels: Frame,
        neighbour: Visited,
        sources: Sources,
        absent: frozenset[ObjectId],
    ) -> tuple[Planes, Visited]:
        """Segment a frame that a propagation comes to.

        Parameters
        ----------
        pixels : (H, W, 3) uint8
        neighbour : Visited
            The frame visited before.
        sources : Sources
        absent : frozenset of int
            Objects that are not there.

        Returns
        -------
        planes : (K, H, W) float32
            The objects' own probabilities.
        visited : Visited
        """
        image = self._working.image(pixels)
        features = self._model.features(image)
        weights = likeness(features.near, neighbour.near)
        block = max(self._block_bytes // (4 * features.query[0, 0].numel()), 1)
        found, masks = [], []
        for group in _groups(len(sources.objects), features):
            there = [one for one in sources.objects[group] if one not in absent]
            moved = sources.transfer(image, features.query, there, block)
            for one, mask in zip(sources.objects[group], neighbour.masks[group], strict=True):
                plane = self._model.predict(features, weights, mask, moved.pop(one, None))
                masks.append(self._model.to_mask(plane))
                found.append(plane.cpu().numpy())
        return self._inner(found, pixels.shape), Visited(features.near, masks)

    def _inner(self, found: list[Planes], shape: tuple[int, ...]) -> Planes:
        inner = crop(np.stack(found), self._working.size(shape[:2]))
        return resize(inner, (shape[0], shape[1]))


def _groups(count: int, features: FrameFeatures) -> list[slice]:
    """Objects that are done together, so that memory does not grow with their number."""
    each = 3 * 4 * features.query[0].numel()
    size = max(_VALUE_BYTES // each, 1)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
