"""Work for a method: planned on the main thread, run on any, committed on the main one."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from napari_ivos.errors import EngineError
from napari_ivos.methods import (
    Annotation,
    Engine,
    FrameResult,
    HumanMap,
    InteractRequest,
    Memory,
    PropagateRequest,
    create_engine,
    get_method,
    load_early,
)
from napari_ivos.scribbles import Stroke, rasterise_all
from napari_ivos.session._disk import Key
from napari_ivos.session._history import Edit
from napari_ivos.session._relabel import read_human, read_probs, read_reliability
from napari_ivos.session._rules import Rules, absent_objects
from napari_ivos.session._state import EMPTY_FRAME, Draft, FrameState, Relabels, Round
from napari_ivos.session._store import FrameStore
from napari_ivos.types import ObjectId, ProbMap
from napari_ivos.video import Video


class EngineLoader:
    """Loads an engine when it is first needed, in the thread that needs it, and once."""

    def __init__(
        self, load: Callable[[], Engine], prepare: Callable[[], None] = lambda: None
    ) -> None:
        self._load = load
        self.prepare = prepare
        """Loads what `get` takes longest for, in any thread."""
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, method: str, device: str, checkpoint: Path | None) -> EngineLoader:
        """Loader of a method."""
        return cls(
            lambda: create_engine(method, device, checkpoint),
            lambda: load_early(get_method(method)),
        )

    def get(self) -> Engine:
        """The engine."""
        with self._lock:
            if self._engine is None:
                self.prepare()
                self._engine = self._load()
            return self._engine


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What a run says about one frame; `Session.commit` makes it the session's."""

    plan: int
    """The plan's id."""
    index: int
    """The frame."""
    mask: Key
    probs: Key
    objects: tuple[ObjectId, ...]
    reliability: float
    """0–1, nan where the method does not estimate it."""
    object_reliability: tuple[float, ...] = ()
    """The same for each of `objects`; empty where the method does not tell."""
    in_range: bool = True
    """False for an annotated frame outside of the range that was asked for."""
    draft: Draft | None = None
    """Set on annotated frames."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """An annotated frame to be segmented by its strokes."""

    frame: int
    strokes: tuple[Stroke, ...]
    before: FrameState
    """The frame as it was before the round, with the person's pixels of today."""
    shown: FrameState | None
    """The preview of the stroke before."""
    inputs: tuple[object, ...]
    draft: Draft | None
    """The preview there is, when it is up to date."""


@dataclass(slots=True, eq=False)
class Plan:
    """What is to be computed, from which state.

    `run` works on what is in the plan alone: values, and reading from video and store.
    """

    id: int
    kind: Literal["interact", "propagate"]
    frame: int
    """The annotated frame it is about."""
    frames: tuple[int, ...]
    """The frames that results will come for, in that order."""
    video: Video
    store: FrameStore
    loader: EngineLoader
    rules: Rules
    law: bool
    """Whether strokes are pixels that must be kept."""
    interactions: tuple[Interaction, ...]
    """Annotated frames to segment; the plan's own frame last."""
    memory: Memory
    merged: Relabels = ()
    """Objects that had become part of others."""
    rounds: tuple[Round, ...] = ()
    """Rounds to rebuild the memory from first; empty when it is current."""
    backward: tuple[int, ...] = ()
    forward: tuple[int, ...] = ()
    annotated: tuple[int, ...] = ()
    before: dict[int, FrameState] = field(default_factory=dict)
    """All frames as they were when the plan was made."""
    edit: Edit | None = None
    """The step of undo that results go into; set when the run begins."""
    alive: bool = True
    """False once it was undone or finished: later results are dropped."""

    @property
    def objects(self) -> tuple[ObjectId, ...]:
        """Ids in channel order."""
        return self.rules.objects

    def run(self) -> Generator[Update]:
        """Do the work, in any thread; close the generator to cancel after the frame in hand.

        Yields
        ------
        Update
            As soon as a frame is done.

        Raises
        ------
        IvosError
            The method cannot be loaded or fails, or a frame cannot be read.
        """
        engine = self.loader.get()
        memory = self.memory
        if self.rounds:
            past = [self._annotation(item) for item in self.rounds]
            memory = engine.rebuild(self.video, past)
        for item in self.interactions:
            carries_on = self.kind == "propagate" and item.frame == self.frame
            update, draft = self._segment(engine, item, memory)
            if carries_on or item.draft is None:
                yield update
            if carries_on:
                yield from self._propagate(engine, update, draft)

    def _segment(self, engine: Engine, item: Interaction, memory: Memory) -> tuple[Update, Draft]:
        """One annotated frame: from its up-to-date preview, or anew."""
        if item.draft is not None:
            frame = self.before[item.frame]
            assert frame.mask is not None
            assert frame.probs is not None
            scores = frame.reliability, frame.object_reliability
            return self._publish(
                item.frame, frame.mask, frame.probs, scores, item.draft
            ), item.draft
        request = InteractRequest(
            video=self.video,
            frame=item.frame,
            objects=self.objects,
            strokes=item.strokes,
            prior=self._probs(item.before),
            human=self._human(item.before),
            memory=memory,
            shown=None if item.shown is None else self._probs(item.shown),
        )
        result, entry = engine.interact(request)
        draft = Draft(item.before, item.inputs, memory, entry)
        strokes = rasterise_all(item.strokes, self._size) if self.law and item.strokes else None
        human = request.human if item.before.binding else None
        labels, probs = self.rules.apply(
            item.frame, self._checked(result), human, item.before.human_objects, strokes
        )
        mask, key = self.store.put(labels), self.store.put(probs)
        return self._publish(item.frame, mask, key, _scores(result), draft), draft

    def _propagate(self, engine: Engine, seed: Update, draft: Draft) -> Iterator[Update]:
        wanted = set(self.frames)
        reliability = None if math.isnan(seed.reliability) else seed.reliability
        start = FrameResult(seed.index, self.store.get(seed.probs), reliability)
        request = PropagateRequest(
            video=self.video,
            frame=self.frame,
            objects=self.objects,
            start=start,
            memory=draft.memory,
            backward=self.backward,
            forward=self.forward,
            annotated=self.annotated,
            previous=lambda index: self._probs(self.before.get(index, EMPTY_FRAME)),
            previous_reliability=lambda index: read_reliability(
                self.before.get(index, EMPTY_FRAME), self.objects, self.merged
            ),
            absent=lambda index: absent_objects(self.rules.absences, index),
        )
        for result in engine.propagate(request):
            if result.index not in wanted:
                continue
            labels, probs = self.rules.apply(result.index, self._checked(result))
            mask, key = self.store.put(labels), self.store.put(probs)
            yield self._publish(result.index, mask, key, _scores(result))

    def _publish(
        self,
        index: int,
        mask: Key,
        probs: Key,
        scores: tuple[float, tuple[float, ...]],
        draft: Draft | None = None,
    ) -> Update:
        in_range = index in self.frames
        return Update(self.id, index, mask, probs, self.objects, *scores, in_range, draft)

    @property
    def _size(self) -> tuple[int, int]:
        return self.video.shape[1], self.video.shape[2]

    def _checked(self, result: FrameResult) -> ProbMap:
        expected = (len(self.objects) + 1, *self._size)
        if result.probs.shape != expected or result.probs.dtype != np.float32:
            raise EngineError(
                f"The method gave {result.probs.dtype} results of shape {result.probs.shape} "
                f"for frame {result.index}, not float32 of shape {expected}.",
                "This is a fault of the method; please report it.",
            )
        return result.probs

    def _probs(
        self, frame: FrameState, objects: tuple[ObjectId, ...] | None = None
    ) -> ProbMap | None:
        """Probabilities of a frame for the plan's objects; None where it was never segmented."""
        wanted = self.objects if objects is None else objects
        return read_probs(self.store, frame, wanted, self.merged)

    def _human(self, frame: FrameState) -> HumanMap | None:
        return read_human(self.store, frame, self.merged)

    def _annotation(self, past: Round) -> Annotation:
        prior = self._probs(past.before, past.objects)
        return Annotation(past.frame, past.objects, past.strokes, prior, self._human(past.before))


def _scores(result: FrameResult) -> tuple[float, tuple[float, ...]]:
    """Reliability of a frame, nan where unknown, and of its objects, where the method tells."""
    frame = math.nan if result.reliability is None else float(result.reliability)
    return frame, tuple(float(score) for score in result.object_reliability or ())
