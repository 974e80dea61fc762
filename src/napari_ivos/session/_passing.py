"""Annotated frames that a run goes on through, for objects that nobody has marked there.

A person may mark one object on a frame that no run has reached yet. For the others such a frame is
no annotation: a run that carries them goes on, and adds them to the frame. For those that are known
there the run ends in front of it, as it does at every annotated frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_ivos.methods import FrameResult
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


def ended_at(
    index: int, frame: int, passed: Mapping[int, frozenset[ObjectId]]
) -> frozenset[ObjectId] | None:
    """Objects whose run from `frame` ended at or before `index`.

    Parameters
    ----------
    index, frame : int
    passed : mapping of int to frozenset of int
        The annotated frames that the run goes through, and the objects that are known there.

    Returns
    -------
    frozenset of int or None
        None where no such frame was reached yet.
    """
    way = range(min(frame, index), max(frame, index) + 1)
    reached = [known for other, known in passed.items() if other in way]
    return frozenset().union(*reached) if reached else None


def joined(
    result: FrameResult,
    objects: tuple[ObjectId, ...],
    ended: frozenset[ObjectId],
    old: Former | None,
) -> FrameResult:
    """A method's result, without what it says of objects from where their run has ended.

    Parameters
    ----------
    result : FrameResult
        Of a frame on which the run has ended for some objects.
    objects : tuple of int
        The K ids.
    ended : frozenset of int
        Those for which it has ended, or which it never carried.
    old : Former or None
        What there was of the frame before; None: nothing.

    Returns
    -------
    FrameResult
        In which objects of `ended` that were known on the frame are as they were.
    """
    if old is None:
        return result
    probs = result.probs.copy()
    given = result.object_reliability
    scores = list(given if given is not None else (np.nan,) * len(objects))
    for channel, object_id in enumerate(objects, start=1):
        if object_id in ended and object_id in old.known:
            probs[channel] = old.probs[channel]
            if np.isfinite(old.scores[channel - 1]):
                scores[channel - 1] = old.scores[channel - 1]
    claimed = probs[1:].sum(axis=0)
    probs[1:] /= np.maximum(claimed, 1)
    probs[0] = np.maximum(1 - claimed, 0)
    if given is None:
        return FrameResult(result.index, probs, result.reliability, None)
    return FrameResult(result.index, probs, float(np.nanmean(scores)), tuple(scores))
