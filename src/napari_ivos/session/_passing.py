"""Annotated frames that a run goes on through, for objects that nobody has marked there.

A person may mark one object on a frame that no run has reached yet. For the others such a frame is
no annotation: a run that carries them goes on, and adds them to the frame. For those that are known
there the run ends in front of it, as it does at every annotated frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from napari_ivos.methods import FrameResult
from napari_ivos.methods import _schedule as schedule
from napari_ivos.types import ObjectId, ProbMap


@dataclass(frozen=True, slots=True, eq=False)
class Former:
    """What there is of a frame before the run reaches it."""

    probs: ProbMap
    """(K+1, H, W) float32, for all objects of the run."""
    known: frozenset[ObjectId]
    """The objects that are known there; the others' channels hold nothing."""
    scores: tuple[float, ...]
    """Reliability of each of the K objects; nan where unknown."""


def passed_on(frame: int, index: int, passed: Mapping[int, frozenset[ObjectId]]) -> list[int]:
    """The frames passed on the side of `index`, nearest to `frame` first."""
    side = [other for other in passed if (other < frame) == (index < frame)]
    return sorted(side, key=lambda other: abs(other - frame))


def joined(
    result: FrameResult,
    frame: int,
    objects: tuple[ObjectId, ...],
    passed: Mapping[int, frozenset[ObjectId]],
    former: Callable[[], Former | None],
) -> FrameResult:
    """A method's result, without what it says of objects from where their run has ended.

    Parameters
    ----------
    result : FrameResult
        Of a frame on the way.
    frame : int
        The annotated frame that the run began on.
    objects : tuple of int
        The K ids.
    passed : mapping of int to frozenset of int
        The annotated frames that the run goes through, and the objects that are known there.
    former : callable
        Gives what there was of the frame before; None: nothing.

    Returns
    -------
    FrameResult
        The very same where no such frame lies on that side. In front of such a frame objects known
        there are blended as between two annotated frames, on it and behind it they stay as they
        were.
    """
    weights = {}
    for other in reversed(passed_on(frame, result.index, passed)):
        ahead = abs(result.index - frame) < abs(other - frame)
        share = schedule.blend_weight(result.index, frame, (other,)) if ahead else 0.0
        weights.update(dict.fromkeys(passed[other], share))
    old = former() if weights else None
    if old is None:
        return result
    probs = result.probs.copy()
    given = result.object_reliability
    scores = list(given if given is not None else (np.nan,) * len(objects))
    for channel, object_id in enumerate(objects, start=1):
        share = weights.get(object_id, 1.0)
        if share == 1.0 or object_id not in old.known:
            continue
        new = probs[channel]
        probs[channel] = np.float32(share) * new + np.float32(1 - share) * old.probs[channel]
        if share == 0.0 and np.isfinite(old.scores[channel - 1]):
            scores[channel - 1] = old.scores[channel - 1]
    claimed = probs[1:].sum(axis=0)
    probs[1:] /= np.maximum(claimed, 1)
    probs[0] = np.maximum(1 - claimed, 0)
    if given is None:
        return FrameResult(result.index, probs, result.reliability, None)
    return FrameResult(result.index, probs, float(np.nanmean(scores)), tuple(scores))
