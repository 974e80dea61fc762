"""One sample of an evaluation: a sequence, worked on round by round through the public session."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_ivos.errors import StrokeError
from napari_ivos.evaluation.dataset import EvaluationSequence
from napari_ivos.evaluation.metrics import combine, score_frame
from napari_ivos.evaluation.protocol import Protocol, next_frame, seed_of
from napari_ivos.evaluation.rows import Row
from napari_ivos.evaluation.truth import Truth
from napari_ivos.methods import create_engine
from napari_ivos.scribbles import to_davis
from napari_ivos.session import Session
from napari_ivos.types import AnyArray, Frame, LabelMap
from napari_ivos.video import Video

Scores = dict[int, list[tuple[float, float]]]
"""J and F of each object, by frame."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The frame that was worst in the end."""

    frame: int
    quality: float
    picture: Frame
    truth: LabelMap
    shown: LabelMap


@dataclass(slots=True)
class Sample:
    """What came of a sample."""

    sequence: str
    number: int
    """Of the scribbles of round 1."""
    rows: list[Row] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """The frame that each round was drawn on."""
    strokes: list[int] = field(default_factory=list)
    """How many were drawn in each round."""
    quality: list[float] = field(default_factory=list)
    """The metric after each round, over all objects and scored frames."""
    worst: Worst | None = None


def play(
    sequence: EvaluationSequence,
    number: int,
    protocol: Protocol,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], None] = lambda _: None,
) -> Sample:
    """Run one sample.

    Parameters
    ----------
    sequence : EvaluationSequence
    number : int
        Of the scribbles of round 1, from 1 on: those that people drew, or else the robot's.
    protocol : Protocol
    clock : callable
        Gives seconds.
    progress : callable
        Told each finished round.

    Returns
    -------
    Sample

    Raises
    ------
    IvosError
        The data cannot be read, or the method failed.
    """
    video = sequence.open()
    try:
        truth = sequence.truth(video)
        # Loading weights is no part of a round's time.
        engine = create_engine(protocol.method, protocol.device, protocol.checkpoint)
        with Session(
            video, protocol.method, protocol.device, protocol.checkpoint, engine=engine
        ) as session:
            return _Game(sequence, number, protocol, video, truth, session, clock).run(progress)
    finally:
        video.close()


@dataclass(slots=True)
class _Game:
    sequence: EvaluationSequence
    number: int
    protocol: Protocol
    video: Video
    truth: Truth
    session: Session
    clock: Callable[[], float]

    def run(self, progress: Callable[[int], None]) -> Sample:
        out = Sample(self.sequence.name, self.number)
        scribbles, frame = self._first()
        used: list[int] = []
        spent = 0.0
        for round_number in range(1, self.protocol.rounds + 1):
            seconds = self._answer(scribbles)
            spent += seconds
            if self._too_late(spent):
                break
            scores = score(self.truth, self.session.masks)
            out.rows += make_rows(out, round_number, self.truth, scores, seconds)
            out.frames.append(frame)
            out.strokes.append(count_strokes(scribbles))
            quality = {f: combine(pairs, self.protocol.metric) for f, pairs in scores.items()}
            out.quality.append(float(np.mean(list(quality.values()))))
            out.worst = self._worst(quality)
            progress(round_number)
            if round_number < self.protocol.rounds:
                frame = self._choose(quality, out.frames, used, round_number)
                used.append(frame)
                scribbles = self._draw(frame)
        return out

    def _first(self) -> tuple[dict[str, Any], int]:
        """Scribbles of round 1, and the frame they are on."""
        drawn = self.sequence.scribble(self.number)
        if drawn is None:
            frame = start_frame(self.truth, seed_of(self.protocol, self.sequence.name, self.number))
            return self._draw(frame), frame
        frames = [index for index, on_frame in enumerate(drawn.get("scribbles", ())) if on_frame]
        if not frames:
            raise StrokeError(f"The scribbles of {self.sequence.name} hold no strokes.")
        return dict(drawn), frames[0]

    def _draw(self, frame: int) -> dict[str, Any]:
        strokes = self.protocol.robot.strokes(
            self.truth[frame], self.session.masks[frame], self.truth.objects, frame
        )
        return to_davis(strokes, self.truth.size, self.truth.length, self.sequence.name)

    def _answer(self, scribbles: dict[str, Any]) -> float:
        """Let the method work; returns the seconds it took."""
        started = self.clock()
        self.session.add_scribbles(scribbles)
        for frame in self.session.pending_frames:
            for _ in self.session.propagate(frame):
                pass
        return self.clock() - started

    def _too_late(self, spent: float) -> bool:
        limit = self.protocol.time_limit
        return limit is not None and spent > limit * len(self.truth.objects)

    def _choose(
        self, quality: dict[int, float], visited: Sequence[int], used: list[int], number: int
    ) -> int:
        if len(set(used)) == len(quality):
            used.clear()
        seed = seed_of(self.protocol, self.sequence.name, self.number, number)
        return next_frame(self.protocol, quality, self.session.reliability, visited, used, seed)

    def _worst(self, quality: dict[int, float]) -> Worst:
        frame = min(quality, key=lambda index: (quality[index], index))
        return Worst(
            frame,
            quality[frame],
            np.array(self.video[frame]),
            self.truth[frame],
            np.array(self.session.masks[frame]),
        )


def start_frame(truth: Truth, seed: Sequence[int]) -> int:
    """The frame that a robot begins on.

    Of the frames on which most objects are visible, the one with the largest area of them; for a
    sample's number (the last of `seed`) above 1 any of them.

    Parameters
    ----------
    truth : Truth
    seed : sequence of int

    Returns
    -------
    int
    """
    visible = {frame: truth.visible(frame) for frame in truth.frames}
    most = max(len(areas) for areas in visible.values())
    good = [frame for frame, areas in visible.items() if len(areas) == most]
    if seed[-1] == 1:
        return max(good, key=lambda frame: (sum(visible[frame].values()), -frame))
    return int(np.random.default_rng([*seed]).choice(good))


def score(truth: Truth, masks: AnyArray) -> Scores:
    """J and F of each object on each frame whose truth is known."""
    return {frame: score_frame(truth[frame], masks[frame], truth.objects) for frame in truth.frames}


def make_rows(
    sample: Sample, number: int, truth: Truth, scores: Scores, seconds: float
) -> list[Row]:
    """A round's lines of the report: frame by frame, objects inside."""
    return [
        Row(sample.sequence, sample.number, number, object_id, frame, j, f, (j + f) / 2, seconds)
        for frame, pairs in scores.items()
        for object_id, (j, f) in zip(truth.objects, pairs, strict=True)
    ]


def count_strokes(scribbles: dict[str, Any]) -> int:
    """How many strokes there are in DAVIS scribbles."""
    return sum(len(on_frame) for on_frame in scribbles["scribbles"])
