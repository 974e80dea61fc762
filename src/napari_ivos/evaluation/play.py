"""One sample of an evaluation: a sequence, worked on round by round through the public session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import StrokeError
from napari_ivos.evaluation.dataset import EvaluationSequence
from napari_ivos.evaluation.metrics import combine, score_frame
from napari_ivos.evaluation.points import random_points, read_points
from napari_ivos.evaluation.protocol import Protocol, candidates, seed_of, worst_unused
from napari_ivos.evaluation.rows import Row
from napari_ivos.evaluation.sample import Sample, Worst
from napari_ivos.evaluation.scaled import scale_labels, scale_video
from napari_ivos.evaluation.truth import Truth
from napari_ivos.methods import create_engine
from napari_ivos.scribbles import strokes_from_davis, to_davis
from napari_ivos.session import Session
from napari_ivos.types import AnyArray, LabelMap
from napari_ivos.video import Video

Scores = dict[int, list[tuple[float, float]]]
"""J and F of each object, by frame."""


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
    with open_game(sequence, number, protocol, clock) as game:
        return game.run(progress)


@contextmanager
def open_game(
    sequence: EvaluationSequence,
    number: int,
    protocol: Protocol,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Game]:
    """Open what a sample needs, and close it afterwards; see `play`."""
    video = sequence.open()
    try:
        truth = sequence.truth(video)
        shown = scale_video(video, protocol.short_side)
        # Loading weights is no part of a round's time.
        engine = create_engine(protocol.method, protocol.device, protocol.checkpoint)
        with Session(
            shown, protocol.method, protocol.device, protocol.checkpoint, engine=engine
        ) as session:
            yield Game(sequence, number, protocol, video, truth, session, clock)
    finally:
        video.close()


@dataclass(slots=True)
class Game:
    """A sample while it is played."""

    sequence: EvaluationSequence
    number: int
    protocol: Protocol
    video: Video
    truth: Truth
    session: Session
    clock: Callable[[], float]

    def run(self, progress: Callable[[int], None]) -> Sample:
        """Play all rounds; `progress` is told each."""
        out = Sample(self.sequence.name, self.number)
        scribbles, frame = self.first()
        used: list[int] = []
        spent = 0.0
        for round_number in range(1, self.protocol.rounds + 1):
            seconds = self.answer(scribbles)
            spent += seconds
            if self._too_late(spent):
                break
            scores = score(self.truth, self.mask)
            out.rows += make_rows(out, round_number, self.truth, scores, seconds)
            out.frames.append(frame)
            out.strokes.append(count_strokes(scribbles))
            quality = {f: combine(pairs, self.protocol.metric) for f, pairs in scores.items()}
            out.quality.append(float(np.mean(list(quality.values()))))
            out.worst = self.worst(quality)
            progress(round_number)
            if round_number < self.protocol.rounds:
                frame = self._choose(quality, out.frames, used)
                used.append(frame)
                scribbles = self._draw(frame)
        return out

    def first(self) -> tuple[dict[str, Any], int]:
        """Scribbles of round 1 in DAVIS's form, and the frame they are on."""
        points = self.protocol.points
        if isinstance(points, Path):
            return read_points(points, self.sequence.name, self.truth)
        drawn = None if points else self.sequence.scribble(self.number)
        if drawn is None:
            seed = seed_of(self.protocol, self.sequence.name, self.number)
            frame = start_frame(self.truth, seed)
            if points:
                name = self.sequence.name
                return random_points(points, frame, name, self.truth, seed), frame
            return self._introduce(frame), frame
        # What is in the file is checked here, before anything relies on it.
        strokes = strokes_from_davis(drawn, self.truth.size, self.truth.length)
        if not strokes:
            raise StrokeError(f"The scribbles of {self.sequence.name} hold no strokes.")
        strange = {stroke.object_id for stroke in strokes} - {0, *self.truth.objects}
        if strange:
            raise StrokeError(
                f"The scribbles of {self.sequence.name} are of object {min(strange)}, "
                "which is on none of its label maps.",
                f"The label maps show: {', '.join(map(str, self.truth.objects[:20]))}.",
            )
        return dict(drawn), strokes[0].frame

    def answer(self, scribbles: dict[str, Any]) -> float:
        """Let the method work on new scribbles; returns the seconds it took."""
        started = self.clock()
        self.session.add_scribbles(scribbles)
        for frame in self.session.pending_frames:
            for _ in self.session.propagate(frame):
                pass
        return self.clock() - started

    def mask(self, frame: int) -> LabelMap:
        """(H, W) uint16: the mask of a frame, at the truth's size."""
        return scale_labels(self.session.masks[frame], self.truth.size)

    def masks(self) -> AnyArray:
        """(T, H, W) uint16: all masks."""
        return np.stack([self.mask(frame) for frame in range(self.truth.length)])

    def candidates(self, visited: Sequence[int], used: Sequence[int] = ()) -> list[int] | None:
        """Frames to mend next, as far as the guidance knows; None: any."""
        if self.protocol.guidance == "oracle":
            return None
        frames, reliability = self.truth.frames, self.session.reliability
        seed = seed_of(self.protocol, self.sequence.name, self.number, len(visited))
        return candidates(self.protocol.guidance, frames, reliability, visited, used, seed)

    def _choose(self, quality: dict[int, float], visited: list[int], used: list[int]) -> int:
        if len(set(used)) == len(quality):
            used.clear()
        return worst_unused(self.candidates(visited, used), quality, used)

    def _introduce(self, frame: int) -> dict[str, Any]:
        """The robot's round 1: it leaves out no object that is visible, however small or round."""
        robot, labels = self.protocol.robot, self.truth[frame]
        nothing = np.zeros_like(labels)
        strokes = robot.strokes(labels, nothing, self.truth.objects, frame)
        left = set(self.truth.visible(frame)) - {stroke.object_id for stroke in strokes}
        strokes += replace(robot, nodes=1).strokes(labels, nothing, sorted(left), frame)
        return to_davis(strokes, self.truth.size, self.truth.length, self.sequence.name)

    def _draw(self, frame: int) -> dict[str, Any]:
        strokes = self.protocol.robot.strokes(
            self.truth[frame], self.mask(frame), self.truth.objects, frame
        )
        return to_davis(strokes, self.truth.size, self.truth.length, self.sequence.name)

    def _too_late(self, spent: float) -> bool:
        limit = self.protocol.time_limit
        return limit is not None and spent > limit * len(self.truth.objects)

    def worst(self, quality: Mapping[int, float]) -> Worst:
        """The frame of the lowest quality as it is now."""
        frame = min(quality, key=lambda index: (quality[index], index))
        picture = np.array(self.video[frame])
        return Worst(frame, quality[frame], picture, self.truth[frame], np.array(self.mask(frame)))


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


def score(truth: Truth, mask: Callable[[int], LabelMap]) -> Scores:
    """J and F of each object on each frame whose truth is known; `mask` gives a frame's mask."""
    return {frame: score_frame(truth[frame], mask(frame), truth.objects) for frame in truth.frames}


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
