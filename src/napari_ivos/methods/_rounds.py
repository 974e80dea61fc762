"""What a method remembers of the rounds: small values, from which features can be had again."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.masks import labels_from_probs
from napari_ivos.methods._guide import guide
from napari_ivos.methods._protocol import Annotation, Frames, InteractRequest, Memory
from napari_ivos.scribbles import Stroke, make_stroke
from napari_ivos.types import LabelMap, ObjectId


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


def remember(request: InteractRequest) -> tuple[Entry, ...]:
    """Memory with a request's round at its end.

    What is `shown`, else the prior, gates the negative strokes; a person's pixels are part of it.
    An object's prior is 0.5 until a round before this one knew it.
    """
    earlier: tuple[Entry, ...] = request.memory or ()
    objects, prior, human = request.objects, request.prior, request.human
    size = request.video.shape[1:3]
    current = prior if request.shown is None else request.shown
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
    entry = Entry(request.frame, objects, request.strokes, frozenset(known), size, packed)
    return (*earlier, entry)


def rebuild(
    video: Frames, annotations: Sequence[Annotation], after: Callable[[InteractRequest], Memory]
) -> Memory:
    """Memory after these rounds, oldest first, which are asked for once more.

    A round's strokes count as given all at once, on the mask from before the round.

    Parameters
    ----------
    video : Frames
    annotations : sequence of Annotation
    after : callable
        Gives the memory with a request's round in it.
    """
    memory: Memory = None
    for one in annotations:
        memory = after(
            InteractRequest(
                video, one.frame, one.objects, one.strokes, one.prior, one.human, memory
            )
        )
    return memory
