"""How the rounds of a video meet: blending by distance, and what is kept of each (section 3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import EngineError
from napari_ivos.masks import soft_aggregate
from napari_ivos.methods._schedule import blend, neighbours
from napari_ivos.types import ObjectId, ProbMap

Rounds: TypeAlias = Literal["blend", "released"]

Feature: TypeAlias = NDArray[np.float32]
"""(2048, 8, 8) float32, read-only: what an object looks like."""

Aggregates: TypeAlias = Mapping[ObjectId, Feature]
"""The memory: of each object that was ever annotated, the references of all its rounds in one.

A reference is aggregated with what there was before, so the last aggregate is all that the next
round needs: half a megabyte an object.
"""


def choose_rounds(name: str) -> Rounds:
    """Check a choice of how rounds meet.

    Raises
    ------
    EngineError
        There is no such way.
    """
    for known in get_args(Rounds):
        if name == known:
            chosen: Rounds = known
            return chosen
    ways = "' or '".join(get_args(Rounds))
    raise EngineError(f"Rounds cannot meet by '{name}'.", f"Choose '{ways}'.")


def share_of_new(index: int, frame: int, annotated: Iterable[int]) -> float:
    """Share of the new result at frame `index` of a round annotated at `frame`.

    Returns
    -------
    float in [0, 1]
        1 on a side without another annotated frame; else it falls in a straight line, to 0 at the
        nearest one and beyond.
    """
    before, after = neighbours(frame, annotated)
    end = before if index < frame else after
    if end is None or index == frame:
        return 1.0
    return max(0.0, 1 - abs(index - frame) / abs(end - frame))


def meet(new: ProbMap, old: ProbMap, share: float) -> ProbMap:
    """Blend a result with that of the rounds before.

    Parameters
    ----------
    new, old : (K+1, H, W) float32
        An object that the old result has nowhere was not known then: it stays as it is in the new
        one, and the old result speaks of the rest only.
    share : float
        Of the new result.
    """
    unknown = 1 + np.flatnonzero(~old[1:].any(axis=(1, 2)))
    if len(unknown):
        old = old * (1 - new[unknown].sum(axis=0))
        old[unknown] = new[unknown]
    return blend(new, old, share)


def merge(planes: NDArray[np.float32]) -> ProbMap:
    """One distribution from the objects' own probabilities.

    Parameters
    ----------
    planes : (K, H, W) float32 in [0, 1]
        Objects that are 0 everywhere are not there, and take no part.

    Returns
    -------
    (K+1, H, W) float32
        Of a single object the very probability that the network gave, since that is what it sees
        again in the next round; several are merged by `soft_aggregate`.
    """
    there = np.flatnonzero(planes.any(axis=(1, 2)))
    probs = np.zeros((len(planes) + 1, *planes.shape[1:]), np.float32)
    if len(there) > 1:
        probs[[0, *(there + 1)]] = soft_aggregate(planes[there])
        return probs
    probs[1:] = planes
    probs[0] = 1 - planes.sum(axis=0)
    return probs
