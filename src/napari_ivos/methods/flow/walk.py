"""From an annotated frame outwards, one way: all objects, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from napari_ivos.methods._ahead import made_ahead
from napari_ivos.methods._protocol import FrameResult, Frames, PropagateRequest
from napari_ivos.methods._schedule import blend_weight
from napari_ivos.methods.flow.looks import contrast, likeness
from napari_ivos.methods.flow.memory import Entry, Erased, looks_of
from napari_ivos.methods.flow.path import Path, Step
from napari_ivos.methods.flow.refiner import Refiner
from napari_ivos.methods.flow.track import Track
from napari_ivos.methods.flow.transport import Flow, dense_flow, grey
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import Frame, ObjectId, ProbMap

# Flow is computed on pictures of about this many pixels; where an object's side would be less than
# one of those below, on larger ones, of up to so many: small things lose more by coarse flow.
_FLOW_PIXELS = 260_000
_FINER = ((60.0, 420_000), (20.0, 1_700_000))


def flow_scale(video: Frames, areas: Sequence[int]) -> float:
    """Size at which flow is computed, as a share of the frames'.

    Parameters
    ----------
    video : Frames
    areas : sequence of int
        Pixels of each object.
    """
    pixels = video.shape[1] * video.shape[2]
    side = max(min((area for area in areas if area), default=pixels), 1) ** 0.5
    finer = (min(least / side, (most / pixels) ** 0.5) for least, most in _FINER)
    return float(min(1.0, max((_FLOW_PIXELS / pixels) ** 0.5, *finer)))


def motion(video: Frames, index: int) -> list[Flow]:
    """Flow from a frame to each of its neighbours."""
    scale = flow_scale(video, ())
    here = grey(video[index], scale)
    others = [other for other in (index - 1, index + 1) if 0 <= other < len(video)]
    return [dense_flow(here, grey(video[other], scale)) for other in others]


def walk(
    request: PropagateRequest, way: tuple[int, ...], refiner: Refiner | None = None
) -> Iterator[FrameResult]:
    """Visit the frames of one way and yield each when it is done."""
    if not way:
        return
    video, memory = request.video, request.memory or ()
    objects = request.objects
    entry = next((one for one in memory if one.frame == request.frame), None)
    keeper = _Keeper(entry, objects)
    planes = list(request.start.probs[1:])
    scale = flow_scale(video, [int(np.count_nonzero(plane > 0.5)) for plane in planes])
    tracks = [
        Track(plane, video[request.frame], looks_of(memory, object_id), refiner)
        for plane, object_id in zip(planes, objects, strict=True)
    ]
    # Where things move to does not depend on what they are: a step is found out beforehand.
    for index, frame, step in made_ahead(_steps(video, request.frame, way, scale)):
        absent = request.absent(index)
        for track, object_id in zip(tracks, objects, strict=True):
            track.take(frame, step, present=object_id not in absent)
        yield _settle(request, index, tracks, keeper, absent)


def _steps(
    video: Frames, start: int, way: tuple[int, ...], scale: float
) -> Iterator[tuple[int, Frame, Step]]:
    path = Path(grey(video[start], scale))
    for index in way:
        frame = video[index]
        yield index, frame, path.extend(grey(frame, scale))


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


def _settle(
    request: PropagateRequest,
    index: int,
    tracks: Sequence[Track],
    keeper: _Keeper,
    absent: frozenset[ObjectId],
) -> FrameResult:
    """Bring the new result together with that of the rounds before."""
    probs = together([track.plane for track in tracks])
    share = blend_weight(index, request.frame, request.annotated)
    old = request.previous(index) if share < 1 or keeper.needed else None
    if old is not None:
        near = 2 * share - 1
        for k, track in enumerate(tracks):
            fresh, former = probs[k + 1], old[k + 1]
            gain = 0.0
            if share < 1:
                one, other = contrast(request.video[index], (fresh, former), track.looks)
                gain = one - other
            odds = np.log(max(near, 1e-3) / max(1 - near, 1e-3)) + gain
            mine = min(1 / (1 + np.exp(-odds)), share) if share < 1 else 1.0
            if len(track.looks) == 1:
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
    away = min(abs(index - other) for other in {request.frame, *request.annotated})
    each = tuple(
        1.0 if object_id in absent else track.reliability(plane, away)
        for track, plane, object_id in zip(tracks, probs[1:], request.objects, strict=True)
    )
    # A frame is as good as its objects are in the mean: that is what its J is.
    return FrameResult(index, probs, sum(each) / len(each), each)


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
