"""The engine of `flow`: requests in, results out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from napari_ivos.methods._schedule import blend, blend_weight
from napari_ivos.methods.flow.annotate import segment
from napari_ivos.methods.flow.propagate import Looks, learn, step
from napari_ivos.methods.flow.transport import Flow, consistency, dense_flow, grey, warp
from napari_ivos.scribbles.raster import rasterise_all
from napari_ivos.types import ObjectId, ProbMap

_FLOW_PIXELS = 420_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What one annotated frame taught."""

    frame: int
    looks: dict[ObjectId, Looks]
    touched: frozenset[ObjectId]


def create(device: str, checkpoint: Path | None) -> FlowEngine:
    """Make the engine; there is nothing to load."""
    return FlowEngine()


class FlowEngine:
    """Seeded segmentation and dense optical flow; keeps nothing between calls."""

    def interact(self, request: InteractRequest) -> tuple[FrameResult, Memory]:
        """Segment one annotated frame; see `Engine.interact`."""
        frame = request.video[request.frame]
        shape = frame.shape[:2]
        marks = rasterise_all(request.strokes, shape)
        if request.human is not None:
            marks = np.where(request.human >= 0, request.human, marks)
        if not request.objects:
            raise EngineError("There is no object to segment.", "Add an object first.")
        motion = _motion(request.video, request.frame)
        stroked = {stroke.object_id for stroke in request.strokes}
        planes = []
        for channel, object_id in enumerate(request.objects, start=1):
            seeds = marks == object_id
            against = (marks >= 0) & ~seeds
            prior = None if request.prior is None else request.prior[channel]
            if prior is not None and float(prior.max()) < 0.5:
                prior = None
            if request.human is not None and object_id not in stroked:
                plane = seeds.astype(np.float32)
                if prior is not None:
                    plane = np.where(marks >= 0, plane, prior)
            elif prior is not None and not (seeds | against).any():
                plane = prior
            else:
                plane = segment(frame, seeds, against, prior, motion)
            planes.append(plane)
        probs = _together(planes)
        touched = frozenset(stroked & set(request.objects)) or frozenset(request.objects)
        looks = {
            object_id: known
            for object_id, plane in zip(request.objects, probs[1:], strict=True)
            if (known := learn(frame, plane)) is not None
        }
        entry = Entry(request.frame, looks, touched)
        older = tuple(kept for kept in request.memory or () if kept.frame != request.frame)
        result = FrameResult(request.frame, probs, 1.0, (1.0,) * len(planes))
        return result, (*older, entry)

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request; see `Engine.propagate`."""
        for way in (request.backward, request.forward):
            yield from self._walk(request, way)

    def rebuild(self, video: Frames, annotations: Sequence[Annotation]) -> Memory:
        """Memory from the annotations alone; see `Engine.rebuild`."""
        memory: Memory = None
        for one in annotations:
            request = InteractRequest(
                video, one.frame, one.objects, one.strokes, one.prior, one.human, memory
            )
            memory = self.interact(request)[1]
        return memory

    def _walk(self, request: PropagateRequest, way: tuple[int, ...]) -> Iterator[FrameResult]:
        video, current = request.video, request.frame
        planes = list(request.start.probs[1:])
        trust = [1.0] * len(planes)
        scale = min(1.0, (_FLOW_PIXELS / (video.shape[1] * video.shape[2])) ** 0.5)
        before = grey(video[current], scale)
        h, w = before.shape
        coords = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).astype(np.float32)
        held = np.ones((h, w), np.float32)
        import cv2

        starts = [cv2.resize(p, (w, h), interpolation=cv2.INTER_AREA) for p in planes]
        for index in way:
            frame = video[index]
            after = grey(frame, scale)
            flow, back = dense_flow(after, before), dense_flow(before, after)
            absent = request.absent(index)
            coords = warp(coords, flow)
            held = warp(held, flow) * consistency(flow, back)
            for k, object_id in enumerate(request.objects):
                looks = [e.looks[object_id] for e in request.memory if object_id in e.looks]
                chained = cv2.remap(starts[k], coords[..., 0], coords[..., 1], cv2.INTER_LINEAR)
                planes[k], sure = step(frame, planes[k], flow, back, looks, chained, held)
                trust[k] *= 0.9 + 0.1 * sure
                if object_id in absent:
                    planes[k] = np.zeros_like(planes[k])
            probs = _together(planes)
            share = blend_weight(index, request.frame, request.annotated)
            old = request.previous(index) if share < 1 else None
            result = blend(probs, old, share)
            yield FrameResult(index, result, float(min(trust)), tuple(trust))
            before = after


def _motion(video: Frames, index: int) -> list[Flow]:
    _, height, width, _ = video.shape
    scale = min(1.0, (_FLOW_PIXELS / (height * width)) ** 0.5)
    here = grey(video[index], scale)
    return [
        dense_flow(here, grey(video[other], scale))
        for other in (index - 1, index + 1)
        if 0 <= other < len(video)
    ]


def _together(planes: Sequence[np.ndarray]) -> ProbMap:
    """Planes of single objects to a distribution over background and objects."""
    out = np.empty((len(planes) + 1, *planes[0].shape), dtype=np.float32)
    for channel, plane in enumerate(planes, start=1):
        np.clip(plane, 0, 1, out=out[channel])
    total = out[1:].sum(axis=0)
    over = np.maximum(total, 1)
    out[1:] /= over
    out[0] = np.maximum(1 - total, 0)
    out /= out.sum(axis=0)
    return out
