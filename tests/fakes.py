"""An engine that is easy to foresee: what is drawn is what is segmented, everywhere the same."""

from __future__ import annotations

import numpy as np

from napari_ivos.errors import EngineError
from napari_ivos.masks import probs_from_labels
from napari_ivos.methods import FrameResult
from napari_ivos.methods._schedule import blend, blend_weight
from napari_ivos.scribbles import rasterise_all


class FakeEngine:
    """Segments the strokes' own pixels; remembers the frames it was shown, in order.

    Parameters
    ----------
    fails_at : int, optional
        The frame at which a propagation fails.
    """

    def __init__(self, fails_at=None):
        self.fails_at = fails_at
        self.interacted = []
        self.requests = []

    def interact(self, request):
        self.interacted.append(request.frame)
        self.requests.append(request)
        shape = request.video.shape[1:3]
        labels = np.zeros(shape, np.int32)
        if request.prior is not None:
            labels = np.array([0, *request.objects])[request.prior.argmax(0)]
        drawn = rasterise_all(request.strokes, shape)
        labels = np.where(drawn >= 0, drawn, labels)
        if request.human is not None:
            labels = np.where(request.human >= 0, request.human, labels)
        probs = probs_from_labels(labels, request.objects)
        return FrameResult(request.frame, probs, 1.0), (*(request.memory or ()), request.frame)

    def propagate(self, request):
        self.requests.append(request)
        for index in (*request.backward, *request.forward):
            if index == self.fails_at:
                raise EngineError(f"Frame {index} is too hard.")
            weight = blend_weight(index, request.frame, request.annotated)
            probs = blend(request.start.probs, request.previous(index), weight)
            yield FrameResult(index, probs, 1 - abs(index - request.frame) / 100)

    def rebuild(self, video, annotations):
        return tuple(item.frame for item in annotations)
