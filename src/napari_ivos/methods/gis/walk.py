"""One direction of a propagation."""

from __future__ import annotations

from typing import NamedTuple

from napari_ivos.methods._protocol import FrameResult, PropagateRequest
from napari_ivos.methods._schedule import blend, blend_weight
from napari_ivos.methods._working import Planes
from napari_ivos.methods.gis.padding import Rims
from napari_ivos.methods.gis.parts import FrameFeatures
from napari_ivos.methods.gis.steps import Sources, Steps
from napari_ivos.types import Frame, ProbMap


class _Ready(NamedTuple):
    """What lies on the device; let go of when a step fails, since memory may be short."""

    steps: Steps
    features: FrameFeatures
    masks: Planes
    sources: Sources


class Walk:
    """What the frame visited last hands on to the next.

    Parameters
    ----------
    request : PropagateRequest
    rims : Rims
        What is known of masks in the padding.
    """

    def __init__(self, request: PropagateRequest, rims: Rims) -> None:
        self._request = request
        self._rims = rims
        self._last = request.frame
        self._probs = request.start.probs
        self._ready: _Ready | None = None

    def visit(self, steps: Steps, index: int, pixels: Frame) -> FrameResult:
        """Segment the next frame; when that fails it may be tried again, with other `steps`."""
        request = self._request
        # Taken out while it is in use: a step that fails keeps nothing.
        ready, self._ready = self._ready, None
        if ready is None or ready.steps is not steps:
            ready = self._begin(steps)
        image = steps.image(pixels)
        outcome = steps.visit(
            image,
            (pixels.shape[0], pixels.shape[1]),
            ready.features,
            ready.masks,
            ready.sources,
            index,
            request.absent(index),
        )
        probs, masks = self._blend(steps, index, outcome.probs, outcome.masks)
        self._rims.remember(index, request.objects, probs[1:], masks)
        features = steps.model.features(image)
        self._ready = _Ready(steps, features, masks, ready.sources)
        self._last, self._probs = index, probs
        return FrameResult(index, probs, outcome.score)

    def _begin(self, steps: Steps) -> _Ready:
        """Start from the last result, at the working size of `steps`."""
        request = self._request
        features = steps.model.features(steps.image(request.video[self._last]))
        masks = self._shrink(steps, self._last, self._probs)
        sources = Sources(steps, request.video, request.memory, request.objects)
        return _Ready(steps, features, masks, sources)

    def _shrink(self, steps: Steps, index: int, probs: ProbMap) -> Planes:
        return self._rims.shrink(index, self._request.objects, steps.to_working(probs[1:]))

    def _blend(
        self, steps: Steps, index: int, probs: ProbMap, masks: Planes
    ) -> tuple[ProbMap, Planes]:
        """Meet the result of the rounds before; the neighbour gets the blended masks."""
        request = self._request
        share = blend_weight(index, request.frame, request.annotated)
        old = request.previous(index) if share < 1 else None
        if old is None:
            return probs, masks
        before = self._shrink(steps, index, old)
        return blend(probs, old, share), blend(masks, before, share)
