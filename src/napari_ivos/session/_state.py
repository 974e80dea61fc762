"""What a session knows, as values: they are replaced, never changed, so undo can keep them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from napari_ivos.methods import Memory
from napari_ivos.scribbles import Stroke
from napari_ivos.session._disk import Key
from napari_ivos.types import ObjectId

Source = Literal["", "model", "human"]

Relabels: TypeAlias = tuple[tuple[ObjectId, int], ...]
"""Pairs of an id and what its pixels read as, one after the other: another id, 0 for background, or
−1 among a person's pixels where they are nobody's any more."""


@dataclass(frozen=True, slots=True)
class SessionObject:
    """An object that is being segmented."""

    id: ObjectId
    name: str
    locked: bool = False
    """Whether runs leave its pixels alone on all frames."""
    visible: bool = True
    """Whether the viewer shows it; its masks are the same either way."""
    parent: ObjectId = 0
    """The object whose division it came from; 0: none."""


@dataclass(frozen=True, slots=True)
class FrameState:
    """What is known of one frame."""

    mask: Key | None = None
    """(H, W) uint16 in the store; None: nothing but background."""
    probs: Key | None = None
    """(K+1, H, W) float32 in the store."""
    objects: tuple[ObjectId, ...] = ()
    """The K ids of `probs`."""
    reliability: float = math.nan
    object_reliability: tuple[float, ...] = ()
    """Of each of `objects`, nan where unknown; empty where the method does not tell."""
    source: Source = ""
    """Who made the mask: a method, or a person who painted, imported or accepted it."""
    human: Key | None = None
    """(H, W) int32 in the store: a person's pixels, −1 elsewhere; or uint16, when all are."""
    human_objects: frozenset[ObjectId] = frozenset()
    """The objects that a person's background pixels exclude: those there were at the time."""
    binding: bool = True
    """Whether runs must keep the person's pixels (False: they are evidence only)."""
    trusted: bool = False
    """Whether a person answers for the whole frame, so that no run visits it."""
    accepted_strokes: int = 0
    """How many strokes lay on the frame when it was accepted: only later ones change it."""
    relabelled: Relabels = ()
    """What ids in `mask` and `probs` read as: merging and deleting write no mask anew."""
    human_relabelled: Relabels = ()
    """What ids in `human` read as."""


EMPTY_FRAME = FrameState()

_PLACES = {known.name: place for place, known in enumerate(fields(FrameState))}
_values_of = attrgetter(*_PLACES)


def changed_frame(frame: FrameState, **values: Any) -> FrameState:
    """A frame with other values in some fields.

    As `dataclasses.replace` does it, in a third of the time: thousands of frames change at once.
    """
    known: list[Any] = list(_values_of(frame))
    for name, value in values.items():
        known[_PLACES[name]] = value
    return FrameState(*known)


@dataclass(frozen=True, slots=True)
class Annotated:
    """Something a person put on a frame, and in which round (0 is the first)."""

    frame: int
    round: int
    stroke: Stroke | None = None
    """None: the frame was painted or imported."""


@dataclass(frozen=True, slots=True)
class Round:
    """A finished round: all that a method needs to rebuild its memory of it."""

    frame: int
    objects: tuple[ObjectId, ...]
    strokes: tuple[Stroke, ...]
    before: FrameState
    """The frame as it was before the round's first preview; its `human` is that of the round."""

    @property
    def empty(self) -> bool:
        """Whether nothing is left of it, since all its strokes were erased."""
        return not self.strokes and self.before.human is None


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A preview of an annotated frame that no propagation has carried on yet."""

    before: FrameState
    """The frame as it was before the first preview of the round."""
    inputs: tuple[object, ...]
    """What the preview was computed from; a draft with other inputs is out of date."""
    base: Memory
    """The memory that it was computed with."""
    memory: Memory
    """The memory with this round in it."""


@dataclass(frozen=True, slots=True)
class Absence:
    """An object that is not there on the frames from `start` up to, not including, `stop`."""

    object_id: ObjectId
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class State:
    """Everything but the frames."""

    objects: tuple[SessionObject, ...] = ()
    next_id: ObjectId = 1
    removed: frozenset[ObjectId] = frozenset()
    """Ids of removed objects: their pixels stay stored, so that undo is quick, and read as 0."""
    merged: Relabels = ()
    """Objects that became part of another one on all frames: their pixels read as the other's."""
    annotated: tuple[Annotated, ...] = ()
    absences: tuple[Absence, ...] = ()
    rounds: tuple[Round, ...] = ()
    drafts: MappingProxyType[int, Draft] = field(default_factory=lambda: MappingProxyType({}))
    memory: Memory = None
    memory_current: bool = True
    """False after a change of method: the memory must be rebuilt from the rounds."""
    method: str = ""
    device: str = "auto"
    checkpoint: Any = None

    @property
    def ids(self) -> tuple[ObjectId, ...]:
        """Ids of the objects in channel order."""
        return tuple(item.id for item in self.objects)
