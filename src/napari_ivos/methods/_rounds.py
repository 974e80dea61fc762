"""What a method remembers of the rounds: small values, from which features can be had again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.masks import labels_from_probs
from napari_ivos.methods._guide import guide
from napari_ivos.methods._protocol import HumanMap
from napari_ivos.scribbles import Stroke, make_stroke
from napari_ivos.types import LabelMap, ObjectId, ProbMap


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One round: an annotated frame and what guided the network there."""

    frame: int
    objects: tuple[ObjectId, ...]
    strokes: tuple[Stroke, ...]
    known: frozenset[ObjectId]
    """Objects of which `labels` says something."""
    size: tuple[int, int]
    packed: bytes | None
    """The frame's label map, compressed; None: there was none."""

    def guide(self, object_id: ObjectId, size: tuple[int, int]) -> NDArray[np.float32]:
        """(3, H, W) float32: the guide channels of an object, for frames of `size` (H, W)."""
        labels, strokes = self._labels(), self.strokes
        if size != self.size:
            factor = np.array(size) / self.size
            strokes = tuple(
                make_stroke(s.frame, s.object_id, s.path * factor, filled=s.filled) for s in strokes
            )
            if labels is not None:
                labels = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        return guide(strokes, object_id, labels, object_id in self.known, size)

    def _labels(self) -> LabelMap | None:
        if self.packed is None:
            return None
        return np.frombuffer(zlib.decompress(self.packed), np.uint16).reshape(self.size)


def make_entry(
    frame: int,
    objects: tuple[ObjectId, ...],
    strokes: tuple[Stroke, ...],
    size: tuple[int, int],
    *,
    prior: ProbMap | None,
    shown: ProbMap | None,
    human: HumanMap | None,
    earlier: Sequence[Entry],
) -> Entry:
    """What is to be remembered of an annotated frame.

    Parameters
    ----------
    prior, shown : (K+1, H, W) float32, optional
        Probabilities from before the round, and after its previous stroke. The later ones gate the
        negative strokes; an object's prior is 0.5 until a round before this one knew it.
    human : (H, W) int32, optional
        A person's pixels, −1 elsewhere: they are part of the mask.
    earlier : sequence of Entry
        The rounds before.
    """
    current = prior if shown is None else shown
    labels = None if current is None else labels_from_probs(current, objects)
    if human is not None:
        rest = np.zeros(size, np.uint16) if labels is None else labels
        labels = np.where(human >= 0, human, rest).astype(np.uint16)
    known: set[ObjectId] = set()
    if prior is not None:
        known.update(*(entry.objects for entry in earlier))
    if human is not None and labels is not None:
        # A whole label map says of every object where it is, or that it is not there.
        known.update(objects if (human >= 0).all() else np.unique(human).tolist())
    packed = None if labels is None else zlib.compress(labels.tobytes(), 1)
    return Entry(frame, objects, strokes, frozenset(known), size, packed)
