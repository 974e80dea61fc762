"""`flow` at work on made videos, recorded: what the network is given, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.annotate import segment
from napari_ivos.methods.flow.looks import Looks, learn
from napari_ivos.methods.flow.path import Path
from napari_ivos.methods.flow.refiner import Annotated, Heat, Moved, Opinion, Refiner
from napari_ivos.methods.flow.track import Track, advance
from napari_ivos.methods.flow.transport import Flow, dense_flow, grey
from napari_ivos.methods.flow.window import Plane
from napari_ivos.methods.lite.inputs import moved_planes, picture, raw_annotated, to_side
from napari_ivos.scribbles import Stroke, make_stroke
from napari_ivos.scribbles.raster import rasterise_all
from napari_ivos.scribbles.simulate import correction_strokes
from napari_ivos.training.scenes import Scene
from napari_ivos.types import Frame, Mask

_SMALLEST = 30


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One decision of `flow`, at the network's size S."""

    moved: bool
    """On the way (else on the annotated frame)."""
    image: NDArray[np.uint8]
    """(S, S, 3)."""
    planes: NDArray[np.float32]
    """(18, S, S) from `moved_planes`, or (5, S, S) from `raw_annotated`."""
    truth: NDArray[np.float32]
    """(S, S) in [0, 1]."""
    reference: NDArray[np.uint8] | None
    """(S, S, 4): picture and mask of an annotated frame; None on the annotated frame itself."""


def record(
    rng: np.random.Generator, scene: Scene, advice: Refiner | None = None, *, most: int = 2
) -> Iterator[Sample]:
    """Annotate some objects of a scene and, unless it has but two frames, carry them through it.

    Parameters
    ----------
    rng : numpy Generator
    scene : Scene
    advice : Refiner, optional
        A network whose decisions are followed at times, so that it learns from its own errors.
    most : int
        Objects at most.

    Yields
    ------
    Sample
    """
    ids, areas = np.unique(scene.labels[0][scene.labels[0] > 0], return_counts=True)
    ids = rng.permutation(ids[areas >= _SMALLEST])[:most]
    if len(ids) == 0:
        return
    flows = [dense_flow(grey(scene.frames[0], 1.0), grey(scene.frames[1], 1.0))]
    tracks = []
    for number in ids:
        recorder = _Recorder(rng, advice)
        truth = scene.labels[0] == number
        found = _annotate(rng, scene, int(number), flows, recorder)
        yield from recorder.take()
        if len(scene.frames) == 2:
            continue
        start = truth.astype(np.float32) if rng.random() < 0.5 else found
        looks = _looks(rng, scene, int(number), start)
        if looks:
            tracks.append((number, Track(start, scene.frames[0], looks, recorder), recorder))
    if not tracks:
        return
    path = Path(grey(scene.frames[0], 1.0))
    for time in range(1, len(scene.frames)):
        step = path.extend(grey(scene.frames[time], 1.0))
        for number, track, recorder in tracks:
            recorder.truth = scene.labels[time] == number
            advance([track], recorder, scene.frames[time], step)
            yield from recorder.take()


def _looks(rng: np.random.Generator, scene: Scene, number: int, start: Plane) -> list[Looks]:
    """From the first frame, and at times from a later one, as after some rounds."""
    known = [learn(scene.frames[0], start, picture=True)]
    if rng.random() < 0.3:
        last = (scene.labels[-1] == number).astype(np.float32)
        known.append(learn(scene.frames[-1], last, picture=True))
    return [one for one in known if one is not None]


def _annotate(
    rng: np.random.Generator, scene: Scene, number: int, flows: list[Flow], recorder: _Recorder
) -> Plane:
    """Strokes on the first frame, one to three times."""
    frame, labels = scene.frames[0], scene.labels[0]
    truth = labels == number
    recorder.truth = truth
    marks = np.full(truth.shape, -1, dtype=np.int32)
    prior = None
    if rng.random() < 0.35:
        prior = _spoiled(rng, truth)
    shown = None if prior is None else (prior > 0.5).astype(np.uint16)
    found = np.zeros(truth.shape, np.float32) if prior is None else prior
    for _ in range(int(rng.integers(1, 4))):
        strokes = _strokes(rng, truth, shown)
        if not strokes:
            break
        new = rasterise_all(strokes, truth.shape)
        marks = np.where(new >= 0, new, marks)
        seeds, against = marks == 1, marks == 0
        if prior is None and not seeds.any():
            break
        # As in use: a further stroke corrects what the one before made.
        prior = found = segment(frame, seeds, against, prior, flows, recorder)
        shown = (found > 0.5).astype(np.uint16)
    return found


def _strokes(
    rng: np.random.Generator, truth: Mask, shown: NDArray[np.uint16] | None
) -> list[Stroke]:
    """As a careful or a careless person draws them."""
    radius = None if rng.random() < 0.5 else float(rng.uniform(0.5, 3))
    ids = truth.astype(np.uint16)
    strokes = correction_strokes(ids, shown, 0, [1], radius=radius, smallest=10)
    if shown is None and rng.random() < 0.35:
        # Beside the object: what a person may say of its neighbourhood.
        size = int(rng.integers(6, 25))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
        ring = (cv2.dilate(ids.astype(np.uint8), kernel) > 0) & ~truth
        beside = correction_strokes(
            ring.astype(np.uint16), None, 0, [1], radius=radius, smallest=10
        )
        strokes += [make_stroke(0, 0, one.path, radius) for one in beside]
    return [_careless(rng, one, truth) if rng.random() < 0.5 else one for one in strokes]


def _careless(rng: np.random.Generator, stroke: Stroke, truth: Mask) -> Stroke:
    """A part of a stroke, off the middle, but on its own side."""
    path = np.asarray(stroke.path, dtype=float)
    length = len(path)
    if length > 4:
        keep = int(np.ceil(length * rng.uniform(0.4, 1.0)))
        start = int(rng.integers(length - keep + 1))
        path = path[start : start + keep]
    spread = float(np.sqrt(np.count_nonzero(truth)))
    path = path + rng.normal(0, 0.06 * spread, 2)
    rows, columns = np.round(path).astype(int).T
    there = (rows >= 0) & (rows < truth.shape[0]) & (columns >= 0) & (columns < truth.shape[1])
    side = np.zeros(len(path), dtype=bool)
    side[there] = truth[rows[there], columns[there]] == (stroke.object_id == 1)
    if side.sum() < 2:
        return stroke
    return make_stroke(stroke.frame, stroke.object_id, path[side], stroke.radius)


def _spoiled(rng: np.random.Generator, truth: Mask) -> Plane:
    """A mask with the faults that masks have: too large or small, pieces missing or added."""
    size = np.sqrt(np.count_nonzero(truth))
    radius = int(max(1, rng.uniform(0, 0.2) * size))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    change = cv2.dilate if rng.random() < 0.5 else cv2.erode
    mask = change(truth.astype(np.uint8), kernel) > 0
    for _ in range(int(rng.integers(0, 3))):
        rows, columns = np.nonzero(cv2.dilate(truth.astype(np.uint8), kernel))
        at = int(rng.integers(len(rows)))
        blob = np.zeros(truth.shape, dtype=np.uint8)
        reach = int(max(2, rng.uniform(0.15, 0.6) * size))
        axes = (reach, max(2, int(reach * rng.uniform(0.4, 1))))
        cv2.ellipse(
            blob, (int(columns[at]), int(rows[at])), axes, rng.uniform(0, 180), 0, 360, 1, -1
        )
        mask = np.where(blob > 0, rng.random() < 0.5, mask)
    shift = rng.normal(0, 0.05 * size, 2)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(mask.astype(np.float32), matrix, truth.shape[::-1])
    return np.asarray(cv2.GaussianBlur(moved, (0, 0), 1.0), dtype=np.float32)


class _Recorder:
    """Notes what it is asked; answers as `flow`, as the network, or as the truth would."""

    def __init__(self, rng: np.random.Generator, advice: Refiner | None) -> None:
        self._rng, self._advice = rng, advice
        self._notes: list[Sample] = []
        self.truth: Mask

    def take(self) -> list[Sample]:
        notes, self._notes = self._notes, []
        return notes

    def annotated(self, view: Annotated) -> Plane:
        target = view.window.take(self.truth.astype(np.float32))
        self._note(False, view, raw_annotated(view), target, None)
        if self._advice is not None and self._rng.random() < 0.7:
            return self._advice.annotated(view)
        return view.region.astype(np.float32)

    def moved(self, views: Sequence[Moved]) -> list[Opinion]:
        return [self._moved(view) for view in views]

    def _moved(self, view: Moved) -> Opinion:
        target = view.window.take(self.truth.astype(np.float32))
        reference = view.looks[int(self._rng.integers(len(view.looks)))].picture
        self._note(True, view, moved_planes(view), target, reference)
        choice = self._rng.random()
        if choice < 0.3:
            return Opinion(target, 1.0, 1.0)
        if choice < 0.45:
            inside = target > 0.5
            return Opinion(_spoiled(self._rng, inside) if inside.any() else target, 1.0, 1.0)
        if self._advice is not None and choice < 0.85:
            return self._advice.moved([view])[0]
        return Opinion(view.region, 1.0, 1.0)

    def seek(self, frame: Frame, looks: Looks, about: tuple[float, float]) -> Heat:
        """As the network says; without one nowhere: what was lost stays lost."""
        if self._advice is not None:
            return self._advice.seek(frame, looks, about)
        height, width = frame.shape[:2]
        return Heat(np.zeros((1, 1), np.float32), (0, height, 0, width))

    def _note(
        self,
        moved: bool,
        view: Annotated | Moved,
        planes: NDArray[np.float32],
        target: Plane,
        reference: NDArray[np.uint8] | None,
    ) -> None:
        self._notes.append(Sample(moved, picture(view.image), planes, to_side(target), reference))
