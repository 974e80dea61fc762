"""The engine of `flow`: requests in, results out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from napari_ivos.errors import EngineError
from napari_ivos.methods._protocol import (
    Annotation,
    FrameResult,
    Frames,
    InteractRequest,
    Memory,
    PropagateRequest,
)
from napari_ivos.methods._rounds import rebuild
from napari_ivos.methods.flow.memory import remember
from napari_ivos.methods.flow.refiner import Refiner
from napari_ivos.methods.flow.settle import together
from napari_ivos.methods.flow.strokewise import Strokewise, says_more, sides
from napari_ivos.methods.flow.walk import motion, walk
from napari_ivos.methods.flow.window import Plane
from napari_ivos.scribbles.raster import rasterise_all


def create(device: str, checkpoint: Path | None) -> FlowEngine:
    """Make the engine.

    Parameters
    ----------
    device : str
        "auto" or "cpu"; it makes no difference.
    checkpoint : Path or None
        Not used: there are no weights.

    Returns
    -------
    FlowEngine

    Raises
    ------
    EngineError
        Another device than the CPU.
    """
    if device not in ("auto", "cpu"):
        raise EngineError(f"The method 'flow' does not run on '{device}'.", "Choose 'cpu'.")
    return FlowEngine()


class FlowEngine:
    """Seeded segmentation and dense optical flow; keeps the last regions by their strokes.

    Parameters
    ----------
    refiner : Refiner, optional
        Decides again what `flow` decided, on annotated frames and on the way.
    """

    def __init__(self, refiner: Refiner | None = None) -> None:
        self._refiner = refiner
        self._strokewise = Strokewise(refiner)

    def interact(self, request: InteractRequest) -> tuple[FrameResult, Memory]:
        """Segment one annotated frame; see `Engine.interact`.

        Raises
        ------
        EngineError
            There is no object.
        """
        if not request.objects:
            raise EngineError("There is no object to segment.", "Add an object first.")
        frame = request.video[request.frame]
        strokes = rasterise_all(request.strokes, frame.shape[:2])
        flows = cache(partial(motion, request.video, request.frame))
        planes: list[Plane] = []
        untouched = set()
        for channel, object_id in enumerate(request.objects, start=1):
            prior = None if request.prior is None else request.prior[channel]
            if prior is not None and float(prior.max()) < 0.5:
                prior = None
            seeds, against = sides(strokes, request.human, object_id)
            plane = prior
            if not says_more(seeds, against, prior):
                untouched.add(object_id)
            elif (strokes == object_id).any() or (prior is not None and (strokes >= 0).any()):
                plane = self._strokewise.region(
                    frame, request.strokes, request.human, object_id, prior, flows
                )
            else:
                # Painted pixels are a mask already: nothing to guess round them.
                known = seeds.astype(np.float32)
                plane = known if prior is None else np.where(seeds | against, known, prior)
            planes.append(np.zeros(seeds.shape, np.float32) if plane is None else plane)
        probs = together(planes)
        if len(untouched) == len(planes):
            untouched.clear()
        memory = remember(
            request.memory or (),
            request.frame,
            frame,
            request.objects,
            probs,
            request.prior,
            frozenset(untouched),
            picture=self._refiner is not None,
        )
        return FrameResult(request.frame, probs, 1.0, (1.0,) * len(planes)), memory

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request; see `Engine.propagate`.

        Raises
        ------
        EngineError
            There is no object.
        """
        if not request.objects:
            raise EngineError("There is no object to propagate.", "Add an object first.")
        yield from walk(request, request.backward, self._refiner)
        yield from walk(request, request.forward, self._refiner)

    def rebuild(self, video: Frames, annotations: Sequence[Annotation]) -> Memory:
        """Memory from the annotations alone; see `Engine.rebuild`."""
        return rebuild(video, annotations, lambda request: self.interact(request)[1])
