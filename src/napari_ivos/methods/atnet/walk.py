"""One direction of a propagation."""

from __future__ import annotations

from typing import NamedTuple

from napari_ivos.methods._protocol import FrameResult, PropagateRequest
from napari_ivos.methods._schedule import blend_weight
from napari_ivos.methods._working import Planes
from napari_ivos.methods.atnet.decision import blend_known, distribution, own_probabilities
from napari_ivos.methods.atnet.sources import Sources
from napari_ivos.methods.atnet.steps import Steps, Visited
from napari_ivos.types import Frame


class _Ready(NamedTuple):
    """What lies on the device; let go of when a step fails, since memory may be short."""

    steps: Steps
    neighbour: Visited
    sources: Sources


class Walk:
    """What the frame visited last hands on to the next: its own masks, before blending.

    Parameters
    ----------
    request : PropagateRequest
    """

    def __init__(self, request: PropagateRequest) -> None:
        self._request = request
        self._last = request.frame
        self._planes = own_probabilities(request.start.probs)
        self._ready: _Ready | None = None

    def visit(self, steps: Steps, index: int, pixels: Frame) -> FrameResult:
        """Segment the next frame; when that fails it may be tried again, with other `steps`."""
        request = self._request
        # Taken out while it is in use: a step that fails keeps nothing.
        ready, self._ready = self._ready, None
        if ready is None or ready.steps is not steps:
            ready = self._begin(steps)
        planes, visited = steps.visit(pixels, ready.neighbour, ready.sources, request.absent(index))
        self._ready = _Ready(steps, visited, ready.sources)
        self._last, self._planes = index, planes
        return FrameResult(index, distribution(self._blend(index, planes)), None)

    def _begin(self, steps: Steps) -> _Ready:
        """Start from the last result, at the working size of `steps`."""
        request = self._request
        pixels = request.video[self._last]
        if self._last == request.frame:
            entry = request.memory[-1]
            begun = steps.begin_annotated(pixels, self._planes, request.objects, entry)
        else:
            begun = steps.begin(pixels, self._planes)
        sources = steps.sources(request.video, request.memory, request.objects)
        return _Ready(steps, begun, sources)

    def _blend(self, index: int, planes: Planes) -> Planes:
        """Meet the result of the rounds before."""
        request = self._request
        share = blend_weight(index, request.frame, request.annotated)
        old = request.previous(index) if share < 1 else None
        return planes if old is None else blend_known(planes, own_probabilities(old), share)
