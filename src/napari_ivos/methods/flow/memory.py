"""What the engine keeps of the annotated frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_ivos.methods.flow.looks import Looks, learn, likeness
from napari_ivos.types import Frame, ObjectId, ProbMap


@dataclass(frozen=True, slots=True)
class Erased:
    """An object that a person took off a frame where a run had put it."""

    looks: Looks
    """Of the object where it was last annotated."""
    least: float
    """A region whose likeness to `looks` is below this is taken off as well."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one annotated frame taught."""

    frame: int
    looks: tuple[tuple[ObjectId, Looks], ...]
    erased: tuple[tuple[ObjectId, Erased], ...]
    untouched: frozenset[ObjectId]
    """Objects about which this round says nothing new."""


def remember(
    older: Sequence[Entry],
    frame: int,
    image: Frame,
    objects: Sequence[ObjectId],
    probs: ProbMap,
    prior: ProbMap | None,
    untouched: frozenset[ObjectId],
    *,
    picture: bool = False,
) -> tuple[Entry, ...]:
    """Memory with one more annotated frame; a former entry of that frame is replaced.

    Parameters
    ----------
    older : sequence of Entry
    frame : int
    image : (H, W, 3) uint8
    objects : sequence of int, length K
    probs : (K+1, H, W) float32
        What was found on the frame.
    prior : (K+1, H, W) float32 or None
        What was there before.
    untouched : frozenset of int
    picture : bool
        Whether to keep pictures of the objects too.

    Returns
    -------
    tuple of Entry
        Oldest round first.
    """
    others = tuple(entry for entry in older if entry.frame != frame)
    looks, erased = [], []
    for channel, object_id in enumerate(objects, start=1):
        known = learn(image, probs[channel], picture=picture)
        if known is not None:
            looks.append((object_id, known))
        elif prior is not None and float(prior[channel].max()) >= 0.5:
            nearest = nearest_looks(others, frame, object_id)
            if nearest is not None:
                left = likeness(image, prior[channel], nearest)
                erased.append((object_id, Erased(nearest, (left + nearest.score) / 2)))
    return (*others, Entry(frame, tuple(looks), tuple(erased), untouched))


def looks_of(memory: Sequence[Entry], object_id: ObjectId) -> list[Looks]:
    """An object's looks on all annotated frames, oldest round first."""
    return [known for entry in memory for other, known in entry.looks if other == object_id]


def nearest_looks(memory: Sequence[Entry], frame: int, object_id: ObjectId) -> Looks | None:
    """An object's looks on the annotated frame nearest to `frame`; None when there are none."""
    having = [entry for entry in memory if object_id in dict(entry.looks)]
    if not having:
        return None
    return dict(min(having, key=lambda entry: abs(entry.frame - frame)).looks)[object_id]
