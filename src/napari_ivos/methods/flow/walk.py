"""From an annotated frame outwards, one way: all objects, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from napari_ivos.methods._protocol import FrameResult, Frames, PropagateRequest
from napari_ivos.methods._schedule import blend_weight
from napari_ivos.methods.flow.carry import Carried, carry
from napari_ivos.methods.flow.looks import Looks, contrast, likeness
from napari_ivos.methods.flow.memory import Entry, Erased, looks_of
from napari_ivos.methods.flow.transport import Flow, consistency, dense_flow, grey, warp
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import ObjectId, ProbMap

_FLOW_PIXELS = 420_000
# How fast trust is lost where the flow is not consistent at all.
_LOSS = 0.1


def flow_scale(video: Frames) -> float:
    """Size at which flow is computed, as a share of the frames'."""
    return float(min(1.0, (_FLOW_PIXELS / (video.shape[1] * video.shape[2])) ** 0.5))


def motion(video: Frames, index: int) -> list[Flow]:
    """Flow from a frame to each of its neighbours."""
    scale = flow_scale(video)
    here = grey(video[index], scale)
    others = [other for other in (index - 1, index + 1) if 0 <= other < len(video)]
    return [dense_flow(here, grey(video[other], scale)) for other in others]


def walk(request: PropagateRequest, way: tuple[int, ...]) -> Iterator[FrameResult]:
    """Visit the frames of one way and yield each when it is done."""
    if not way:
        return
    video, memory = request.video, request.memory or ()
    objects = request.objects
    looks = [looks_of(memory, object_id) for object_id in objects]
    entry = next((one for one in memory if one.frame == request.frame), None)
    keeper = _Keeper(entry, objects)
    scale = flow_scale(video)
    before = grey(video[request.frame], scale)
    planes = list(request.start.probs[1:])
    anchors = [_shrink(plane, before.shape) for plane in planes]
    trust = np.ones(len(objects))
    height, width = before.shape
    origin = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    held = np.ones((height, width), dtype=np.float32)
    for index in way:
        frame = video[index]
        after = grey(frame, scale)
        flow, back = dense_flow(after, before), dense_flow(before, after)
        sure = consistency(flow, back)
        origin, held = warp(origin, flow), warp(held, flow) * sure
        absent = request.absent(index)
        for k, object_id in enumerate(objects):
            if object_id in absent or not planes[k].any():
                planes[k] = np.zeros_like(planes[k])
                continue
            region = warp(_shrink(planes[k], before.shape), flow)
            anchor = np.asarray(cv2.remap(anchors[k], origin, None, cv2.INTER_LINEAR))
            planes[k], kept = carry(frame, Carried(region, anchor, sure, held, flow), looks[k])
            trust[k] *= 1 - _LOSS * (1 - kept)
        yield _settle(request, index, together(planes), trust, keeper, looks, absent)
        before = after


def together(planes: Sequence[Plane]) -> ProbMap:
    """Planes of single objects to a distribution over background and objects, (K+1, H, W)."""
    out = np.empty((len(planes) + 1, *planes[0].shape), dtype=np.float32)
    for channel, plane in enumerate(planes, start=1):
        np.clip(plane, 0, 1, out=out[channel])
    return _complete(out)


def _complete(probs: ProbMap) -> ProbMap:
    """Scale objects that claim more than there is, and give the background the rest."""
    claimed = probs[1:].sum(axis=0)
    probs[1:] /= np.maximum(claimed, 1)
    probs[0] = np.maximum(1 - claimed, 0)
    return probs


def _shrink(plane: Plane, shape: tuple[int, ...]) -> Plane:
    if plane.shape == shape:
        return plane
    return np.asarray(cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA))


def _settle(
    request: PropagateRequest,
    index: int,
    probs: ProbMap,
    trust: np.ndarray,
    keeper: _Keeper,
    looks: Sequence[Sequence[Looks]],
    absent: frozenset[ObjectId],
) -> FrameResult:
    """Bring the new result together with that of the rounds before."""
    share = blend_weight(index, request.frame, request.annotated)
    old = request.previous(index) if share < 1 or keeper.needed else None
    if old is not None:
        near = 2 * share - 1
        for k in range(len(request.objects)):
            fresh, former = probs[k + 1], old[k + 1]
            gain = 0.0
            if share < 1:
                one, other = contrast(request.video[index], (fresh, former), looks[k])
                gain = one - other
            odds = np.log(max(near, 1e-3) / max(1 - near, 1e-3)) + gain
            mine = min(1 / (1 + np.exp(-odds)), share) if share < 1 else 1.0
            if len(looks[k]) == 1:
                # Annotated on this round's frame alone: the rounds before did not know it.
                mine = 1.0
            part = np.float32(mine)
            probs[k + 1] = part * fresh + (1 - part) * former
        for channel, object_id in enumerate(request.objects, start=1):
            if object_id not in absent:
                keeper.keep(request.video, index, object_id, probs[channel], old[channel], near)
        probs = _complete(probs)
    for channel, object_id in enumerate(request.objects, start=1):
        if object_id in absent:
            probs[channel] = 0
    if absent:
        probs = _complete(probs)
    each = tuple(float(value) for value in trust)
    return FrameResult(index, probs, min(each), each)


class _Keeper:
    """Which objects keep their former result although the round reaches their frame."""

    def __init__(self, entry: Entry | None, objects: Sequence[ObjectId]) -> None:
        self._erased: dict[ObjectId, Erased] = dict(entry.erased) if entry else {}
        self._untouched = set(entry.untouched & set(objects)) if entry else set()

    @property
    def needed(self) -> bool:
        return bool(self._erased or self._untouched)

    def keep(
        self, video: Frames, index: int, object_id: ObjectId, new: Plane, old: Plane, near: float
    ) -> None:
        """Write the former result `old` into `new` where it is to be kept."""
        erased = self._erased.get(object_id)
        if erased is not None:
            if near >= 0.5 and likeness(video[index], old, erased.looks) <= erased.least:
                new[...] = 0
                return
            # From here on outwards the object is itself again.
            del self._erased[object_id]
            self._untouched.add(object_id)
        if object_id in self._untouched:
            new[...] = old
