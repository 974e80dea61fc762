"""One direction of a propagation (section 3.3)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from napari_ivos.masks import labels_from_probs
from napari_ivos.methods._protocol import FrameResult, PropagateRequest
from napari_ivos.methods.ipnet.model import Guided
from napari_ivos.methods.ipnet.rounds import Aggregates, Rounds, meet, share_of_new
from napari_ivos.methods.ipnet.steps import Steps, planes_before
from napari_ivos.types import Frame


class _Ready(NamedTuple):
    """What lies on the device, by an object's place."""

    steps: Steps
    halves: dict[int, tuple[Tensor, Tensor]]


class Walk:
    """What the frame visited last hands on to the next: a mask, before any blending.

    Parameters
    ----------
    request : PropagateRequest
    rounds : {"blend", "released"}
    """

    def __init__(self, request: PropagateRequest, rounds: Rounds) -> None:
        self._request = request
        self._rounds = rounds
        self._labels = labels_from_probs(request.start.probs, request.objects)
        self._ready: _Ready | None = None

    def visit(self, steps: Steps, index: int, pixels: Frame) -> FrameResult:
        """Segment the next frame; when that fails it may be tried again, with other `steps`."""
        request = self._request
        # Taken out while it is in use: a step that fails keeps nothing.
        ready, self._ready = self._ready, None
        if ready is None or ready.steps is not steps:
            ready = _Ready(steps, self._halves(steps))
        old = request.previous(index)
        rest = planes_before(request.objects, (pixels.shape[0], pixels.shape[1]), old)
        absent, objects = request.absent(index), {}
        for place, object_id in enumerate(request.objects):
            if object_id in absent:
                rest[place] = 0
            elif place in ready.halves:
                objects[place] = Guided((rest[place].copy(), self._labels == object_id))
        probs = steps.visit(pixels, objects, ready.halves, rest)
        self._ready = ready
        self._labels = labels_from_probs(probs, request.objects)
        if self._rounds == "blend" and old is not None:
            probs = meet(probs, old, share_of_new(index, request.frame, request.annotated))
        return FrameResult(index, probs, None)

    def _halves(self, steps: Steps) -> dict[int, tuple[Tensor, Tensor]]:
        aggregates: Aggregates = self._request.memory or {}
        return {
            place: steps.model.halves(aggregates[object_id])
            for place, object_id in enumerate(self._request.objects)
            if object_id in aggregates
        }
