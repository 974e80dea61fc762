"""The two things GIS does with a frame: annotate it, or visit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from napari_ivos.masks import soft_aggregate
from napari_ivos.methods._frames import Image, crop
from napari_ivos.methods._levels import Level
from napari_ivos.methods._protocol import Frames
from napari_ivos.methods._rounds import Entry
from napari_ivos.methods._working import Planes, Working, resize
from napari_ivos.methods.gis.attention import Reference, at_annotated, transfer
from napari_ivos.methods.gis.memory import nearest_rounds
from napari_ivos.methods.gis.model import Model, reliability
from napari_ivos.methods.gis.padding import shrink
from napari_ivos.methods.gis.parts import FrameFeatures
from napari_ivos.types import Frame, ObjectId, ProbMap

_VALUE_BYTES = 192 * 2**20
"""Of the objects' features that are brought to a frame at a time."""


class Outcome(NamedTuple):
    """What the network says about one frame."""

    probs: ProbMap
    """(K+1, H, W)."""
    masks: Planes
    """(K, h, w): the objects, for the next frame."""
    score: float


class Steps:
    """The model at one working size.

    Parameters
    ----------
    model : Model
    level : Level
    """

    def __init__(self, model: Model, level: Level) -> None:
        self.model = model
        self._level = level
        self._working = Working(level)

    def image(self, pixels: Frame) -> Image:
        """A frame, at working size."""
        return self._working.image(pixels)

    def to_working(self, planes: Planes) -> Planes:
        """(K, H, W) at working size."""
        return self._working.planes(planes)

    def block(self, features: FrameFeatures) -> int:
        """How many annotated positions are done at a time."""
        return max(self._level.block_bytes // (4 * features.similar.shape[1]), 1)

    def annotate(self, pixels: Frame, entry: Entry) -> Outcome:
        """Segment an annotated frame, from its guide."""
        image = self.image(pixels)
        guides = [entry.guide(object_id, image.size) for object_id in entry.objects]
        masks = shrink(np.stack([self.model.mark(image, guide) for guide in guides]))
        features = self.model.features(image)
        shared = self.model.shared(features, features)
        planes, coarse = [], []
        for group in _groups(len(guides), features):
            looks = torch.stack([self.model.indicator(image, guide) for guide in guides[group]])
            moved = at_annotated(features.similar, looks, self.block(features))
            some, more = self.model.predict(shared, masks[group], moved.objects)
            planes += some
            coarse += more
        score = reliability(coarse, torch.ones_like(features.similar[0]))
        return self._outcome(planes, pixels.shape[:2], score)

    def visit(
        self,
        image: Image,
        shape: tuple[int, int],
        neighbour: FrameFeatures,
        masks: Planes,
        sources: Sources,
        index: int,
        absent: frozenset[ObjectId],
    ) -> Outcome:
        """Segment a frame that a propagation comes to.

        Parameters
        ----------
        image : Image
        shape : (H, W)
            The frame's own size.
        neighbour : FrameFeatures
            Of the frame visited before.
        masks : (K, h, w) float32
            Of the frame visited before.
        sources : Sources
        index : int
        absent : frozenset of int
            Objects that are not there.
        """
        features = self.model.features(image)
        block = self.block(features)
        itself = self.model.to_itself(image, features, block)
        shared = self.model.shared(features, neighbour)
        planes, coarse = [], []
        for group in _groups(len(masks), features):
            references, known = sources.of(index, group)
            moved = transfer(features.similar, itself, references, known, block)
            some, more = self.model.predict(shared, masks[group], moved.objects)
            planes += some
            coarse += more
        for plane, object_id in zip(planes, sources.objects, strict=True):
            if object_id in absent:
                plane[:] = 0
        return self._outcome(planes, shape, reliability(coarse, moved.score))

    def _outcome(self, planes: list[Planes], shape: tuple[int, ...], score: float) -> Outcome:
        probs = soft_aggregate(np.stack(planes))
        size = self._working.size(shape)
        inner = resize(crop(probs, size), (shape[0], shape[1]))
        return Outcome(inner, shrink(probs[1:]), score)


class Sources:
    """The annotated frames that one propagation draws on.

    Parameters
    ----------
    steps : Steps
    video : Frames
    entries : sequence of Entry
        In the order of the rounds.
    objects : tuple of int
    """

    def __init__(
        self,
        steps: Steps,
        video: Frames,
        entries: Sequence[Entry],
        objects: tuple[ObjectId, ...],
    ) -> None:
        self.objects = objects
        self._steps = steps
        self._video = video
        self._entries = entries
        self._ready: dict[tuple[int, tuple[ObjectId, ...]], Reference] = {}

    def of(self, index: int, group: slice) -> tuple[list[Reference], list[list[bool]]]:
        """References of a frame, and which objects of a group take part in each.

        An object is looked for in the rounds that knew it: the first of these, and the two of the
        others that are nearest.
        """
        objects = self.objects[group]
        rounds = [self._rounds(object_id, index) for object_id in objects]
        used = sorted(set().union(*rounds))
        known = [[number in some for some in rounds] for number in used]
        wanted = {}
        for number, takes_part in zip(used, known, strict=True):
            some = tuple(o for o, there in zip(objects, takes_part, strict=True) if there)
            key = (number, some)
            wanted[key] = self._ready.get(key) or self._make(self._entries[number], some)
        # Only what is in use stays: each holds the features of all its objects.
        self._ready = wanted
        return list(wanted.values()), known

    def _rounds(self, object_id: ObjectId, index: int) -> set[int]:
        knowing = [n for n, entry in enumerate(self._entries) if object_id in entry.objects]
        frames = [self._entries[n].frame for n in knowing]
        return {knowing[i] for i in nearest_rounds(frames, index)}

    def _make(self, entry: Entry, objects: tuple[ObjectId, ...]) -> Reference:
        model = self._steps.model
        image = self._steps.image(self._video[entry.frame])
        features = model.features(image)
        looks = [model.indicator(image, entry.guide(one, image.size)) for one in objects]
        attended = model.attended(features).to(looks[0].dtype)
        return Reference(features.similar, torch.cat([attended, *looks]))


def _groups(count: int, features: FrameFeatures) -> list[slice]:
    """Objects that are done together, so that memory does not grow with their number."""
    each = 256 * 4 * features.similar.shape[1]
    size = max(_VALUE_BYTES // (3 * each), 1)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
