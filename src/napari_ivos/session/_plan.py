"""Work for a method: planned on the main thread, run on any, committed on the main one."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from napari_ivos.errors import EngineError
from napari_ivos.masks import extend_probs, labels_from_probs
from napari_ivos.methods import (
    Annotation,
    Engine,
    FrameResult,
    HumanMap,
    InteractRequest,
    Memory,
    PropagateRequest,
)
from napari_ivos.scribbles import Stroke, rasterise_all
from napari_ivos.session._disk import Key
from napari_ivos.session._history import Edit
from napari_ivos.session._loader import EngineLoader
from napari_ivos.session._passing import Former, ended_at, joined
from napari_ivos.session._relabel import (
    read_human,
    read_probs,
    read_reliability,
    relabel_ids,
)
from napari_ivos.session._rules import Rules, Said, absent_objects
from napari_ivos.session._state import EMPTY_FRAME, Draft, FrameState, Relabels, Round
from napari_ivos.session._store import FrameStore
from napari_ivos.session._update import Interaction, Update, segmented
from napari_ivos.types import ObjectId, ProbMap
from napari_ivos.video import Video


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
    passed: Mapping[int, Interaction] = field(default_factory=dict)
    """Annotated frames that a run goes on through; see `_passing`."""
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
        frames = dict(self.before)
        for item in self.interactions:
            carries_on = self.kind == "propagate" and item.frame == self.frame
            update, draft = self._segment(engine, item, memory)
            if carries_on or item.draft is None:
                yield update
            frames[item.frame] = segmented(frames.get(item.frame, EMPTY_FRAME), update)
            if carries_on:
                yield from self._propagate(engine, update, draft, frames)

    def _segment(self, engine: Engine, item: Interaction, memory: Memory) -> tuple[Update, Draft]:
        """One annotated frame: from its up-to-date preview, or anew."""
        if item.draft is not None:
            frame = self.before[item.frame]
            assert frame.mask is not None
            assert frame.probs is not None
            scores = frame.reliability, frame.object_reliability
            update = self._publish(item.frame, frame.mask, frame.probs, scores, item.draft)
            return replace(update, objects=frame.objects), item.draft
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
        labels, probs = self.rules.apply(item.frame, self._checked(result), self._said(item))
        known = self._known(item, probs)
        mask = self.store.put(labels)
        key = self.store.put(extend_probs(probs, self.objects, known))
        update = self._publish(item.frame, mask, key, _scores(result), draft)
        each = dict(zip(self.objects, update.object_reliability, strict=False))
        own = tuple(each[object_id] for object_id in known if object_id in each)
        return replace(update, objects=known, object_reliability=own), draft

    def _known(self, item: Interaction, probs: ProbMap) -> tuple[ObjectId, ...]:
        """Objects that an annotated frame says something of, in channel order.

        Not those that no run has brought there, that nobody has marked there, and that the method
        finds nothing of: whether they are there is not known.
        """
        before = item.before
        if before.trusted or (before.human is not None and before.probs is None):
            return self.objects
        known = {stroke.object_id for stroke in item.strokes}
        known |= set(self._ids_of(before)) | absent_objects(self.rules.absences, item.frame)
        found = probs[1:].reshape(len(self.objects), -1).max(axis=1) > 0
        return tuple(k for k, any_ in zip(self.objects, found, strict=True) if any_ or k in known)

    def _ids_of(self, frame: FrameState) -> tuple[int, ...]:
        """The objects of a frame's probabilities, as they read today."""
        return relabel_ids(frame.objects, frame.relabelled + self.merged) if frame.objects else ()

    def _propagate(
        self, engine: Engine, seed: Update, draft: Draft, frames: dict[int, FrameState]
    ) -> Iterator[Update]:
        wanted = set(self.frames)
        reliability = None if math.isnan(seed.reliability) else seed.reliability
        probs = extend_probs(self.store.get(seed.probs), seed.objects, self.objects)
        start = FrameResult(seed.index, probs, reliability)
        # Of a frame whose own run was stopped at once there may be nothing yet but its strokes.
        there = {index: frames.get(index, EMPTY_FRAME) for index in self.passed}
        known = {index: frozenset(self._ids_of(frame)) for index, frame in there.items()}
        pending = {item.frame for item in self.interactions}
        request = PropagateRequest(
            video=self.video,
            frame=self.frame,
            objects=self.objects,
            start=start,
            memory=draft.memory,
            backward=self.backward,
            forward=self.forward,
            annotated=self.annotated,
            previous=lambda index: self._previous(index, known),
            previous_reliability=lambda index: read_reliability(
                self.before.get(index, EMPTY_FRAME), self.objects, self.merged
            ),
            absent=lambda index: absent_objects(self.rules.absences, index),
        )
        for result in engine.propagate(request):
            if result.index not in wanted:
                continue
            self._checked(result)
            index = result.index
            whole, ended = result, ended_at(index, self.frame, known)
            if ended is not None:
                kept = ended | (set(self.objects) - set(seed.objects))
                former = self._former(frames.get(index, EMPTY_FRAME))
                whole = joined(result, self.objects, kept, former)
            item = self.passed.get(index)
            labels, probs = self.rules.apply(index, whole.probs, self._said(item))
            mask, key = self.store.put(labels), self.store.put(probs)
            update = self._publish(index, mask, key, _scores(whole))
            if item is not None and index in pending:
                update = replace(update, prior=self._prior(item, probs, known[index]))
            yield update

    def _said(self, item: Interaction | None) -> list[Said]:
        """What a person said on an annotated frame that a run must keep, oldest first."""
        if item is None:
            return []
        older = [stroke for stroke in item.strokes if stroke not in item.newer]
        newer = [stroke for stroke in item.strokes if stroke in item.newer]
        said = self._law(older)
        human = self._human(item.before) if item.before.binding else None
        if human is not None:
            said.append((human, item.before.human_objects))
        return said + self._law(newer)

    def _law(self, strokes: list[Stroke]) -> list[Said]:
        if not (self.law and strokes):
            return []
        return [(rasterise_all(strokes, self._size), frozenset(self.objects))]

    def _previous(self, index: int, known: Mapping[int, frozenset[ObjectId]]) -> ProbMap | None:
        """What a method blends with: nothing from a passed frame on, as `joined` does it there."""
        if ended_at(index, self.frame, known) is not None:
            return None
        return self._probs(self.before.get(index, EMPTY_FRAME))

    def _former(self, frame: FrameState) -> Former | None:
        probs = self._probs(frame)
        if probs is None:
            return None
        known = frozenset(self._ids_of(frame) or self.objects)
        return Former(probs, known, read_reliability(frame, self.objects, self.merged))

    def _prior(self, item: Interaction, probs: ProbMap, known: frozenset[ObjectId]) -> FrameState:
        """A passed frame as before its round, with the objects that the run brought there."""
        before = self._probs(item.before)
        full = np.zeros_like(probs) if before is None else before.copy()
        had, brought = self._ids_of(item.before), set(self.objects) - known
        for channel, object_id in enumerate(self.objects, start=1):
            if object_id in brought:
                full[channel] = probs[channel]
        full[0] = np.maximum(1 - full[1:].sum(axis=0), 0)
        objects = tuple(k for k in self.objects if k in brought or k in had)
        part = extend_probs(full, self.objects, objects)
        mask = self.store.put(labels_from_probs(part, objects))
        key = self.store.put(part)
        return replace(item.before, mask=mask, probs=key, objects=objects, relabelled=())

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
