"""One direction of a propagation (section 3.3)."""

from __future__ import annotations

from torch import Tensor

from napari_ivos.masks import labels_from_probs
from napari_ivos.methods._protocol import FrameResult, PropagateRequest
from napari_ivos.methods.ipnet.model import Maps
from napari_ivos.methods.ipnet.rounds import Aggregates, Rounds, meet, share_of_new
from napari_ivos.methods.ipnet.steps import Steps, planes_before
from napari_ivos.types import Frame, ObjectId


class Halves:
    """What all frames of a propagation need of the objects' references, computed once.

    Parameters
    ----------
    objects : tuple of int
    aggregates : mapping
        Those of them that were ever annotated.
    """

    def __init__(self, objects: tuple[ObjectId, ...], aggregates: Aggregates) -> None:
        self._wanted = {
            place: aggregates[object_id]
            for place, object_id in enumerate(objects)
            if object_id in aggregates
        }
        self._steps: Steps | None = None
        self._made: dict[int, tuple[Tensor, Tensor]] = {}

    def of(self, steps: Steps) -> dict[int, tuple[Tensor, Tensor]]:
        """By an object's place; made anew when a lack of memory has led to other `steps`."""
        if self._steps is not steps:
            self._steps, self._made = None, {}
            made = steps.model.halves(list(self._wanted.values()))
            self._steps, self._made = steps, dict(zip(self._wanted, made, strict=True))
        return self._made


class Walk:
    """What the frame visited last hands on to the next: a mask, before any blending.

    Parameters
    ----------
    request : PropagateRequest
    rounds : {"blend", "released"}
    halves : Halves
    """

    def __init__(self, request: PropagateRequest, rounds: Rounds, halves: Halves) -> None:
        self._request = request
        self._rounds = rounds
        self._halves = halves
        self._labels = labels_from_probs(request.start.probs, request.objects)

    def visit(self, steps: Steps, index: int, pixels: Frame) -> FrameResult:
        """Segment the next frame; when that fails it may be tried again, with other `steps`."""
        request = self._request
        halves = self._halves.of(steps)
        old = request.previous(index)
        rest = planes_before(request.objects, (pixels.shape[0], pixels.shape[1]), old)
        absent = request.absent(index)
        objects: dict[int, Maps] = {}
        for place, object_id in enumerate(request.objects):
            if object_id in absent:
                rest[place] = 0
            elif place in halves:
                objects[place] = (rest[place].copy(), self._labels == object_id)
        probs = steps.visit(pixels, objects, halves, rest)
        self._labels = labels_from_probs(probs, request.objects)
        if self._rounds == "blend" and old is not None:
            probs = meet(probs, old, share_of_new(index, request.frame, request.annotated))
        return FrameResult(index, probs, None)
