"""Drawn micrographs: how cells of given outlines look under several kinds of microscope."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.sample_data._texture import clouds
from napari_ivos.types import AnyArray, LabelMap, Mask

Grey = NDArray[np.float32]

STYLES = ("fluorescence", "phase", "interference", "brightfield", "electron", "organelles")


def draw_cells(
    rng: np.random.Generator, shape: tuple[int, int], labels: LabelMap | None = None
) -> tuple[NDArray[np.float32], LabelMap]:
    """A micrograph (H, W, 3) float32, 0–255, and its cells, which are made unless given.

    Parameters
    ----------
    rng : numpy Generator
    shape : (H, W)
    labels : (H, W) uint16, optional
    """
    style = str(rng.choice(STYLES))
    if labels is None:
        labels = _tissue(rng, shape) if style == "electron" else _crowd(rng, shape)
    depth = _depth(labels)
    image = {
        "fluorescence": _fluorescence,
        "phase": _phase,
        "interference": _interference,
        "brightfield": _brightfield,
        "electron": _electron,
        "organelles": _organelles,
    }[style](rng, labels, depth)
    low, high = np.percentile(image, [0.5, 99.5])
    span = rng.uniform(60, 230)
    image = (image - low) / max(float(high - low), 1e-3) * span + rng.uniform(0, 250 - span)
    return np.repeat(np.clip(image, 0, 255)[..., None], 3, axis=2).astype(np.float32), labels


def outlines(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centres: Sequence[tuple[float, float]],
    radius: float,
) -> list[Mask]:
    """Masks of wavy, lengthened discs round some centres (x, y)."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    out = []
    for centre in centres:
        waves = np.ones_like(angles)
        for k in range(2, int(rng.integers(3, 8))):
            waves += rng.normal(0, 0.25 / k) * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
        reach = radius * rng.uniform(0.7, 1.3) * np.clip(waves, 0.3, 2)
        long, turn = rng.uniform(1, 2) ** 0.5, rng.uniform(0, np.pi)
        x, y = long * reach * np.cos(angles), reach * np.sin(angles) / long
        points = np.stack(
            [
                centre[0] + x * np.cos(turn) - y * np.sin(turn),
                centre[1] + x * np.sin(turn) + y * np.cos(turn),
            ],
            axis=1,
        )
        mask = np.zeros(shape, dtype=np.uint8)
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
        out.append(mask > 0)
    return out


def _crowd(rng: np.random.Generator, shape: tuple[int, int]) -> LabelMap:
    """Cells that may touch but do not cover each other."""
    radius = float(np.exp(rng.uniform(np.log(8), np.log(45))))
    count = int(np.clip(rng.uniform(0.05, 0.6) * shape[0] * shape[1] / (4 * radius**2), 2, 60))
    centres = [(rng.uniform(0, shape[1]), rng.uniform(0, shape[0])) for _ in range(count)]
    labels = np.zeros(shape, dtype=np.uint16)
    for number, mask in enumerate(outlines(rng, shape, centres, radius), start=1):
        labels[mask & (labels == 0)] = number
    return labels


def _tissue(rng: np.random.Generator, shape: tuple[int, int]) -> LabelMap:
    """Cells that fill the picture but for thin walls."""
    count = int(np.exp(rng.uniform(np.log(8), np.log(50))))
    seeds = np.ones(shape, dtype=np.uint8)
    rows, columns = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
    seeds[rows, columns] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5)
    bend = np.dstack([clouds(rng, shape, 40), clouds(rng, shape, 40)]) * rng.uniform(1, 5)
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    where = (np.dstack([x, y]) + bend).astype(np.float32)
    labels = cv2.remap(cells.astype(np.uint16), where, None, cv2.INTER_NEAREST)
    walls = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    wide = cv2.dilate(
        walls.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=int(rng.integers(0, 2))
    )
    return np.where(wide > 0, 0, labels).astype(np.uint16)


def _depth(labels: LabelMap) -> Grey:
    """Distance of each pixel from its cell's boundary; 0 outside."""
    walls = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    inner = ((labels > 0) & ~walls).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(inner, cv2.DIST_L2, 5), dtype=np.float32)


def _each(rng: np.random.Generator, labels: LabelMap, spread: float) -> Grey:
    """A level for each cell; 0 outside."""
    levels = np.clip(rng.normal(1, spread, int(labels.max()) + 1), 0.3, 2).astype(np.float32)
    levels[0] = 0
    return np.asarray(levels[labels])


def _fluorescence(rng: np.random.Generator, labels: LabelMap, depth: Grey) -> Grey:
    spots = 1 + rng.uniform(0, 0.4) * clouds(rng, labels.shape, rng.uniform(4, 20))
    rise = np.minimum(depth / rng.uniform(2, 12), 1) if rng.random() < 0.7 else (depth > 0) * 1.0
    shape = np.exp(-(((depth - 2) / 2) ** 2)) if rng.random() < 0.15 else rise
    image = _each(rng, labels, rng.uniform(0.05, 0.4)) * shape * spots
    haze = _blurred(image, 12)
    ground = rng.uniform(0, 0.15) * clouds(rng, labels.shape, 60)
    return _blurred(image + 0.4 * haze + ground, rng.uniform(0.6, 2))


def _phase(rng: np.random.Generator, labels: LabelMap, depth: Grey) -> Grey:
    inside = (labels > 0).astype(np.float32)
    halo = _blurred(inside, rng.uniform(2, 5)) * (1 - inside)
    texture = clouds(rng, labels.shape, rng.uniform(4, 14))
    body = _each(rng, labels, 0.15) * (1 + 0.3 * texture)
    dark = -1.0 if rng.random() < 0.7 else 0.7
    image = dark * body + rng.uniform(0.5, 2.5) * halo + 0.12 * clouds(rng, labels.shape, 8)
    return _blurred(image, 0.8)


def _interference(rng: np.random.Generator, labels: LabelMap, depth: Grey) -> Grey:
    """Light and shade as on a relief (DIC)."""
    height = np.sqrt(depth) * _each(rng, labels, 0.15)
    height = height + rng.uniform(0.1, 0.7) * clouds(rng, labels.shape, rng.uniform(4, 12)) * (
        0.25 + (labels > 0)
    )
    height = _blurred(height, rng.uniform(0.8, 2))
    down, across = np.gradient(height)
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray(np.cos(angle) * across + np.sin(angle) * down, dtype=np.float32)


def _brightfield(rng: np.random.Generator, labels: LabelMap, depth: Grey) -> Grey:
    rim = np.exp(-(((depth - rng.uniform(0, 2)) / rng.uniform(1, 2.5)) ** 2)) * (labels > 0)
    body = (
        rng.uniform(-0.5, 0.5)
        * _each(rng, labels, 0.3)
        * (1 + 0.4 * clouds(rng, labels.shape, rng.uniform(4, 12)))
    )
    image = body - rim + 0.1 * clouds(rng, labels.shape, rng.uniform(4, 60))
    return _blurred(image, 0.8)


def _electron(rng: np.random.Generator, labels: LabelMap, depth: Grey) -> Grey:
    """Dark walls, grey insides with darker bodies."""
    walls = np.exp(-depth / rng.uniform(0.8, 2.0))
    grain = clouds(rng, labels.shape, rng.uniform(3, 8), octaves=3)
    bodies = (clouds(rng, labels.shape, rng.uniform(14, 30)) > 1.3) & (depth > 3)
    image = _each(rng, np.maximum(labels, 0), 0.1) + 0.12 * grain - 0.9 * walls - 0.35 * bodies
    return _blurred(image, rng.uniform(0.5, 1.0))


def _organelles(rng: np.random.Generator, labels: LabelMap, depth: Grey) -> Grey:
    """Bodies with a dark rim and folds inside them, in tissue under the electron microscope."""
    tissue = _tissue(rng, labels.shape)
    ground = _electron(rng, tissue, _depth(tissue))
    folds = clouds(rng, labels.shape, rng.uniform(3, 8), octaves=2, stretch=rng.uniform(1, 4))
    rim = np.exp(-depth / rng.uniform(0.8, 2.0))
    body = rng.uniform(0.3, 0.8) + rng.uniform(0.05, 0.25) * folds - rng.uniform(0.2, 0.7) * rim
    image = np.where(labels > 0, body * _each(rng, labels, 0.1), ground)
    return _blurred(image, rng.uniform(0.5, 1.0))


def _blurred(image: AnyArray, sigma: float) -> Grey:
    blurred = cv2.GaussianBlur(np.asarray(image, dtype=np.float32), (0, 0), sigma)
    return np.asarray(blurred, dtype=np.float32)
