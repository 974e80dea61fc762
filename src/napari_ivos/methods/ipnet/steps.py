"""The two things IPNet does with a frame: annotate it, or visit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from napari_ivos.methods._protocol import HumanMap
from napari_ivos.methods.ipnet.model import Maps, Model
from napari_ivos.methods.ipnet.rounds import Aggregates, Feature, merge
from napari_ivos.methods.ipnet.strokes import hints, stroke_map
from napari_ivos.methods.ipnet.window import THRESHOLD, Planes
from napari_ivos.scribbles import Stroke
from napari_ivos.types import Frame, ObjectId, ProbMap


class Annotated(NamedTuple):
    """What a person and the rounds before say of an annotated frame."""

    objects: tuple[ObjectId, ...]
    strokes: tuple[Stroke, ...]
    before: Planes
    """(K, H, W) float32: the objects' probabilities so far."""

    def guides(self) -> dict[int, Maps]:
        """By its place among the objects, what guides the network to each that may be there.

        An object that neither has a mask nor strokes of its own is not there yet, whatever the
        strokes of the others exclude. (A single object may have the background's alone.)
        """
        owners = stroke_map(self.strokes, (self.before.shape[1], self.before.shape[2]))
        found: dict[int, Maps] = {}
        for place, object_id in enumerate(self.objects):
            positive, negative = hints(owners, object_id)
            known = positive.any() or (self.before[place] >= THRESHOLD).any()
            if known or len(self.objects) == 1:
                found[place] = (self.before[place], positive, negative)
        return found


def planes_before(
    objects: tuple[ObjectId, ...],
    size: tuple[int, int],
    probs: ProbMap | None,
    human: HumanMap | None = None,
) -> Planes:
    """(K, H, W) float32: probabilities so far, 0 where there are none, and a person's pixels."""
    planes = np.zeros((len(objects), *size), np.float32) if probs is None else probs[1:].copy()
    if human is not None:
        for plane, object_id in zip(planes, objects, strict=True):
            plane[human >= 0] = 0
            plane[human == object_id] = 1
    return planes


class Steps:
    """The model at one level of memory.

    Parameters
    ----------
    model : Model
    together : int
        How many objects are done at a time.
    """

    def __init__(self, model: Model, together: int) -> None:
        self.model = model
        self._together = together

    def annotate(
        self, pixels: Frame, given: Annotated, earlier: Aggregates
    ) -> tuple[ProbMap, Aggregates]:
        """Segment an annotated frame, and learn from it.

        Returns
        -------
        probs : (K+1, H, W) float32
        aggregates : mapping
            `earlier`, with this round's references.
        """
        planes, guides = given.before.copy(), given.guides()
        after = dict(earlier)
        for places in self._groups(list(guides)):
            some = [guides[place] for place in places]
            planes[places], references = self.model.interact(pixels, some)
            for place, reference in zip(places, references, strict=True):
                object_id = given.objects[place]
                after[object_id] = self._aggregate(reference, earlier.get(object_id))
        return merge(planes), after

    def _aggregate(self, reference: Feature, before: Feature | None) -> Feature:
        return reference if before is None else self.model.aggregate(reference, before)

    def visit(
        self,
        pixels: Frame,
        objects: dict[int, Maps],
        halves: dict[int, tuple[Tensor, Tensor]],
        rest: Planes,
    ) -> ProbMap:
        """Segment a frame that a propagation comes to.

        Parameters
        ----------
        pixels : (H, W, 3) uint8
        objects : dict of int to Maps
            Those that may be there, by their place.
        halves : dict of int
            What `Model.halves` gave for these.
        rest : (K, H, W) float32
            Probabilities of all the others; changed.
        """
        for places in self._groups(list(objects)):
            rest[places] = self.model.propagate(
                pixels, [objects[place] for place in places], [halves[place] for place in places]
            )
        return merge(rest)

    def _groups(self, places: Sequence[int]) -> list[list[int]]:
        step = self._together
        return [list(places[start : start + step]) for start in range(0, len(places), step)]
