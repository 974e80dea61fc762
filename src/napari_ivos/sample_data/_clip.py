"""A clip with its exact truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles import Stroke, make_stroke, rasterise
from napari_ivos.scribbles.skeleton import skeleton_path
from napari_ivos.types import Mask, ObjectId

_STROKE_RADIUS = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class SampleClip:
    """A short video, what is in it, and how a person might begin."""

    name: str
    title: str
    frames: NDArray[np.uint8]
    """(T, H, W, 3) uint8 RGB; read-only."""
    labels: NDArray[np.uint16]
    """(T, H, W) uint16: which object is visible at each pixel, 0 is background; read-only."""
    strokes: tuple[Stroke, ...]
    """First strokes on frame 0: one for each object there, and two for the background."""
    parents: Mapping[ObjectId, ObjectId] = field(default_factory=dict)
    """The object that each object stems from by division; the parent is gone from then on."""


def finish_clip(
    name: str,
    title: str,
    frames: NDArray[np.uint8],
    labels: NDArray[np.uint16],
    parents: Mapping[ObjectId, ObjectId] | None = None,
) -> SampleClip:
    """Add the first strokes, and make the arrays read-only, as the clip is shared."""
    frames.setflags(write=False)
    labels.setflags(write=False)
    ids = [int(value) for value in np.unique(labels[0]) if value != 0]
    strokes = tuple(_strokes(labels[0], ids))
    return SampleClip(name, title, frames, labels, strokes, dict(parents or {}))


def _strokes(labels: NDArray[np.uint16], ids: Iterable[ObjectId]) -> Iterable[Stroke]:
    for object_id in ids:
        yield make_stroke(0, object_id, _squiggle(labels == object_id), _STROKE_RADIUS)
    # Twice well away from the objects, as a person would.
    clear = _distance(labels == 0) > 4 * _STROKE_RADIUS
    first = make_stroke(0, 0, _middle(clear), _STROKE_RADIUS)
    yield first
    clear &= _distance(~rasterise(first, labels.shape)) > labels.shape[0] / 4
    yield make_stroke(0, 0, _middle(clear), _STROKE_RADIUS)


def _squiggle(mask: Mask) -> NDArray[np.float64]:
    """A wavy line along an object, (N, 2), well within it, over all that it is made of."""
    points = np.argwhere(mask)
    centre = points.mean(axis=0)
    _, spread, (along, across) = np.linalg.svd(points - centre, full_matrices=False)
    # The sign of an axis is the library's whim.
    along, across = along * np.sign(along[1]), across * np.sign(across[0])
    # An ellipse reaches two standard deviations from its centre.
    length, width = 2 * spread / np.sqrt(len(points))
    s = np.linspace(-0.8, 0.8, 33)[:, None]
    path = centre + s * length * along + 0.4 * np.sin(4 * s) * width * across
    row, column = np.clip(np.round(path).astype(int), 0, np.array(mask.shape) - 1).T
    return np.asarray(path[_distance(mask)[row, column] > _STROKE_RADIUS + 1])


def _distance(mask: Mask) -> NDArray[np.float32]:
    """How far each pixel of a mask lies from what is not in it."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5))


def _middle(mask: Mask) -> NDArray[np.float64]:
    """The middle line of a mask's largest region, without its ends, every fourth point."""
    _, regions, sizes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    path = skeleton_path(regions == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA])))
    cut = len(path) // 6
    return path[cut : len(path) - cut : 4]
