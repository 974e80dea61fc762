"""What a round found on a frame, and what the rounds before did: one result of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_ivos.methods._protocol import FrameResult, Frames, PropagateRequest
from napari_ivos.methods._schedule import blend_weight
from napari_ivos.methods.flow.looks import contrast, likeness
from napari_ivos.methods.flow.memory import Entry, Erased
from napari_ivos.methods.flow.track import Track
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import ObjectId, ProbMap

# What it weighs which of two results is expected to be better; chosen as in `trust`.
_JUDGED = 1.5
# An object that was taken off a frame is taken off others too, up to a quarter of the way to the
# next annotated frame: a mask too many is soon erased, one that was right would be lost.
_GONE = 0.875


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


def settle(
    request: PropagateRequest,
    index: int,
    tracks: Sequence[Track],
    keeper: Keeper,
    absent: frozenset[ObjectId],
) -> FrameResult:
    """Bring the new result of a frame together with that of the rounds before.

    Parameters
    ----------
    request : PropagateRequest
    index : int
        The frame.
    tracks : sequence of Track
        One an object, which have just taken the step to this frame.
    keeper : Keeper
    absent : frozenset of int
        Objects that a person marked as absent from the frame.
    """
    probs = together([track.plane for track in tracks])
    share = blend_weight(index, request.frame, request.annotated)
    old = request.previous(index) if share < 1 or keeper.needed else None
    former = request.previous_reliability(index) or (np.nan,) * len(tracks)
    kept = set()
    if old is not None:
        for k, (track, object_id) in enumerate(zip(tracks, request.objects, strict=True)):
            here = probs[k + 1], old[k + 1]
            part = np.float32(_part(request, index, share, track, *here, former[k]))
            probs[k + 1] = part * here[0] + (1 - part) * here[1]
            if object_id in absent:
                continue
            if keeper.keep(request.video, index, object_id, probs[k + 1], old[k + 1], share):
                kept.add(object_id)
    for channel, object_id in enumerate(request.objects, start=1):
        if object_id in absent:
            probs[channel] = 0
    if old is not None or absent:
        probs = _complete(probs)
    away = min(abs(index - other) for other in (request.frame, *request.annotated))
    each = []
    for track, plane, object_id, score in zip(
        tracks, probs[1:], request.objects, former, strict=True
    ):
        as_before = object_id in kept and np.isfinite(score)
        now = score if as_before else track.reliability(plane, away)
        each.append(1.0 if object_id in absent else now)
    # A frame is as good as its objects are in the mean: that is what its J is.
    return FrameResult(index, probs, sum(each) / len(each), tuple(each))


def _part(
    request: PropagateRequest,
    index: int,
    share: float,
    track: Track,
    fresh: Plane,
    former: Plane,
    score: float,
) -> float:
    """Share of the new result of one object, between two annotated frames.

    By how near the annotated frames are (GIS-RAmap, CVPR 2021), by which result parts better what
    looks like the object from what does not, and by which of the two is expected to be better.
    """
    if share == 1 or len(track.looks) == 1:
        # Annotated on this round's frame alone: the rounds before did not know it.
        return 1.0
    near = float(np.clip(2 * share - 1, 1e-3, 1 - 1e-3))
    one, other = contrast(request.video[index], (fresh, former), track.looks)
    odds = np.log(near / (1 - near)) + one - other
    if track.judged and np.isfinite(score):
        now = track.reliability(fresh, abs(index - request.frame))
        odds += _JUDGED * (_odds(now) - _odds(score))
        return float(1 / (1 + np.exp(-odds)))
    return float(min(1 / (1 + np.exp(-odds)), share))


def _odds(share: float) -> float:
    inside = float(np.clip(share, 0.01, 0.99))
    return float(np.log(inside / (1 - inside)))


class Keeper:
    """Which objects keep their former result although the round reaches their frame."""

    def __init__(self, entry: Entry | None, objects: Sequence[ObjectId]) -> None:
        self._erased: dict[ObjectId, Erased] = dict(entry.erased) if entry else {}
        self._untouched = set(entry.untouched & set(objects)) if entry else set()

    @property
    def needed(self) -> bool:
        """Whether there are any."""
        return bool(self._erased or self._untouched)

    def keep(
        self, video: Frames, index: int, object_id: ObjectId, new: Plane, old: Plane, share: float
    ) -> bool:
        """Write the former result `old` into `new` if it is to be kept; whether it is."""
        erased = self._erased.get(object_id)
        if erased is not None:
            if share >= _GONE and likeness(video[index], old, erased.looks) <= erased.least:
                new[...] = 0
                return False
            # From here on outwards the object is itself again.
            del self._erased[object_id]
            self._untouched.add(object_id)
        kept = object_id in self._untouched
        if kept:
            new[...] = old
        return kept
