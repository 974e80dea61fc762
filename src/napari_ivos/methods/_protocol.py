"""What a method is: its description, the requests it answers, and the results it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles import Stroke
from napari_ivos.types import Frame, ObjectId, ProbMap

Memory: TypeAlias = Any
"""What a method keeps from the annotated frames: opaque and immutable; None before round 1."""

HumanMap: TypeAlias = NDArray[np.int32]
"""(H, W) int32: the id that a person gave to a pixel (0 is background), −1 where nobody did."""


class Frames(Protocol):
    """The part of a video that methods see."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, H, W, 3)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Frame:
        """Frame `index` as (H, W, 3) uint8 RGB; the array is shared and must not be written to."""


@dataclass(frozen=True, slots=True, eq=False)
class MethodSpec:
    """Description of a method; reading it imports no heavy library.

    A specification equals its name, so that ``"flow" in list_methods()`` reads as it should.
    """

    name: str
    """What users and scripts type."""
    title: str
    summary: str
    engine: str
    """``"module:function"``; called as ``function(device, checkpoint)``, gives an `Engine`."""
    strokes: Literal["hint", "law"]
    """Whether strokes are by default evidence that the method weighs, or pixels it must keep."""
    reliability: str
    """In one phrase, what the reliability of a frame is estimated from; empty: not estimated."""
    paper: str = ""
    licence: str = "BSD-3-Clause"
    weights: str = "none"
    """What weights it runs with, and their licence."""
    checkpoint: Literal["none", "embedded", "required"] = "none"
    devices: tuple[str, ...] = ("cpu",)
    """Kinds of device that it can use: "cpu", "cuda", "mps"."""
    span_proportion: float = 1.0
    """Share of the way to the next annotated frame that a propagation covers."""
    state_dict: str = ""
    """``"module:function"``; called without arguments, gives for each published file of weights,
    by its name, the entries of its state dictionary and their shapes; empty: there is none."""

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.name == other
        return isinstance(other, MethodSpec) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What a method says about one frame."""

    index: int
    probs: ProbMap
    """(K+1, H, W) float32, background first, sums to 1; channel k is ``request.objects[k - 1]``."""
    reliability: float | None
    """0–1; None when this method does not estimate it."""
    object_reliability: tuple[float, ...] | None = None
    """The same for each of the K objects, nan where unknown; None when not estimated."""


@dataclass(frozen=True, slots=True)
class InteractRequest:
    """Segment the objects on one frame, given a person's strokes there."""

    video: Frames
    frame: int
    objects: tuple[ObjectId, ...]
    """Ids of the K objects in channel order."""
    strokes: tuple[Stroke, ...]
    """The strokes that count, oldest first, all on `frame`; may be empty when `human` is not."""
    prior: ProbMap | None
    """(K+1, H, W): this frame's probabilities from before the current round, if it has any."""
    human: HumanMap | None
    """Pixels that a person painted, imported or accepted; the session restores them whatever the
    method says, so to a method they are evidence."""
    memory: Memory
    """From the rounds before; not to be changed."""
    shown: ProbMap | None = None
    """(K+1, H, W): this frame's probabilities after the previous stroke of this round, if any."""


@dataclass(frozen=True, slots=True)
class PropagateRequest:
    """Carry a round outwards from its annotated frame.

    The engine visits `backward`, then `forward`, each in the order given, and yields a result for
    each frame it visits, with blending done (`_schedule.blend`). It does not yield `frame` itself.
    """

    video: Frames
    frame: int
    objects: tuple[ObjectId, ...]
    start: FrameResult
    """What `interact` gave on `frame`, with the person's pixels restored."""
    memory: Memory
    """As `interact` returned it: earlier rounds and this one."""
    backward: tuple[int, ...]
    """Frames before `frame` to visit, descending; empty when there is none."""
    forward: tuple[int, ...]
    """Frames after `frame` to visit, ascending."""
    annotated: tuple[int, ...]
    """The other annotated frames of the video, ascending."""
    previous: Callable[[int], ProbMap | None]
    """Probabilities (K+1, H, W) of a frame from the rounds before; None where there are none.
    Reads from disk: ask only for what is needed. Safe to call from the worker thread."""
    previous_reliability: Callable[[int], tuple[float, ...]] = field(default=lambda _: ())
    """Reliability of each of the K objects on a frame from the rounds before; nan: unknown."""
    absent: Callable[[int], frozenset[ObjectId]] = field(default=lambda _: frozenset())
    """Objects that a person marked as absent from a frame."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One round of the past, from which `rebuild` gives a method's memory back."""

    frame: int
    objects: tuple[ObjectId, ...]
    strokes: tuple[Stroke, ...]
    prior: ProbMap | None
    human: HumanMap | None


class Engine(Protocol):
    """One method, loaded.

    Holds weights and caches, never session state: memory comes in and goes out. Errors are
    `EngineError`, never RuntimeError, which GUI workers swallow.
    """

    def interact(self, request: InteractRequest) -> tuple[FrameResult, Memory]:
        """Segment one annotated frame; the memory returned includes this round."""

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request and yield each as soon as it is done."""

    def rebuild(self, video: Frames, annotations: Sequence[Annotation]) -> Memory:
        """Memory after these rounds, oldest first, from the annotations alone."""
