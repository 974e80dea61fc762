"""A person's word over a method's: what runs may not change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_ivos.masks import labels_from_probs
from napari_ivos.methods import HumanMap
from napari_ivos.session._state import Absence
from napari_ivos.types import LabelMap, ObjectId, ProbMap

Said: TypeAlias = tuple[HumanMap, frozenset[ObjectId]]
"""A person's pixels, (H, W) int32 with −1 elsewhere, and the objects that the background among them
excludes: one that was added later may still go there."""


def absent_objects(absences: Iterable[Absence], frame: int) -> frozenset[ObjectId]:
    """Objects that are marked as absent from a frame."""
    return frozenset(a.object_id for a in absences if a.start <= frame < a.stop)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every frame of a run, as it was when the run was planned."""

    objects: tuple[ObjectId, ...]
    locked: frozenset[ObjectId]
    absences: tuple[Absence, ...]
    current: Callable[[int], LabelMap | None]
    """The mask of a frame before the run; None where there is none."""

    def apply(
        self,
        frame: int,
        probs: ProbMap,
        said: Iterable[Said] = (),
    ) -> tuple[LabelMap, ProbMap]:
        """Bring a method's result in line with what people said.

        Parameters
        ----------
        frame : int
        probs : (K+1, H, W) float32
            The method's result.
        said : iterable of (pixels, excluded)
            What a person said on this frame, oldest first. A locked object is as it was, whatever
            is said of it or over it.

        Returns
        -------
        labels : (H, W) uint16
        probs : (K+1, H, W) float32
            The very same array when nothing had to change.
        """
        change = _Change(probs, self.objects)
        absent = absent_objects(self.absences, frame)
        for object_id in absent:
            change.forbid(object_id, None)
        for pixels, excluded in said:
            self._human(change, pixels, excluded, absent)
        mask = self.current(frame) if self.locked else None
        for object_id in self.locked - absent:
            there = None if mask is None else mask == object_id
            change.forbid(object_id, None if there is None else ~there)
            if there is not None:
                change.demand(object_id, there)
        result = change.finish()
        return labels_from_probs(result, self.objects), result

    @staticmethod
    def _human(
        change: _Change,
        human: HumanMap,
        excluded: frozenset[ObjectId],
        absent: frozenset[ObjectId],
    ) -> None:
        background = human == 0
        if background.any():
            for object_id in excluded:
                change.forbid(object_id, background)
        # Of an object that was said to be absent later, the pixels are nobody's.
        for object_id in sorted(set(np.unique(human[human > 0]).tolist()) - absent):
            change.demand(object_id, human == object_id)


class _Change:
    """Probabilities that are copied only when something in them must change."""

    def __init__(self, probs: ProbMap, objects: tuple[ObjectId, ...]) -> None:
        self._probs = probs
        self._channels = {object_id: k for k, object_id in enumerate(objects, start=1)}
        self._copied = False

    def _writable(self) -> ProbMap:
        if not self._copied:
            self._probs = self._probs.copy()
            self._copied = True
        return self._probs

    def forbid(self, object_id: ObjectId, where: NDArray[np.bool_] | None) -> None:
        """No probability for an object at these pixels (None: anywhere)."""
        channel = self._channels.get(object_id)
        if channel is not None:
            self._writable()[channel][... if where is None else where] = 0

    def demand(self, object_id: ObjectId, where: NDArray[np.bool_]) -> None:
        """All probability to an object at these pixels."""
        channel = self._channels.get(object_id)
        if channel is not None:
            probs = self._writable()
            probs[:, where] = 0
            probs[channel, where] = 1

    def finish(self) -> ProbMap:
        """The probabilities, summing to 1 again."""
        if not self._copied:
            return self._probs
        total = self._probs.sum(axis=0)
        # Where everything was forbidden, background is left.
        self._probs[0][total <= 0] = 1
        total[total <= 0] = 1
        self._probs /= total
        return self._probs
