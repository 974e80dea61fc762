"""Crawling cells under a fluorescence microscope: green cytoplasm, blue nuclei."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.sample_data._clip import SampleClip, finish_clip
from napari_ivos.sample_data._texture import Image, clouds, smooth_step
from napari_ivos.types import LabelMap

_SEED = 20_210
_LENGTH, _HEIGHT, _WIDTH = 64, 256, 320
_TEXTURE = 96
_WAVES = np.arange(2, 7)

# Where cells start (y, x), how fast they crawl (pixels a frame) and their radius. The third
# divides; the sixth leaves on the right; the seventh comes in from the left.
_START = np.array(
    [
        [66, 66], [92, 128], [168, 112], [188, 196], [58, 214], [140, 272], [122, -38], [224, 64],
        [112, 198],
    ],
    dtype=float,
)  # fmt: skip
_SPEED = np.array(
    [
        [0.3, 0.4], [0.1, -0.15], [-0.05, 0.1], [-0.45, 0.2], [0.3, 0.3], [-0.25, 1.6], [0.4, 1.35],
        [-0.35, 0.3], [0.15, 0.05],
    ]
)  # fmt: skip
_RADIUS = np.array([28, 24, 27, 30, 24, 26, 25, 23, 22], dtype=float)
_DIVIDING, _DIVISION_BEGINS, _DIVISION_ENDS = 2, 22, 38
_DAUGHTERS = (10, 11)


@dataclass(frozen=True, slots=True)
class _Body:
    """One cell, or one half of a dividing one, at one time."""

    cell: int
    centre: NDArray[np.float64]
    radius: float
    heading: float
    wobble: NDArray[np.float64]
    """(5,) amplitudes and phases of the outline's waves, as complex numbers."""
    rounding: float
    """1 while dividing: the outline is a circle, the nucleus small and bright."""
    half: int = 0


def make_cells() -> SampleClip:
    """Simulate, render and photograph the cells; about a second."""
    rng = np.random.default_rng(_SEED)
    textures = [
        (clouds(rng, (_TEXTURE, _TEXTURE), 26), clouds(rng, (_TEXTURE, _TEXTURE), 9, octaves=3))
        for _ in range(len(_START))
    ]
    levels = rng.uniform(0.65, 1.05, len(_START))
    labels = np.zeros((_LENGTH, _HEIGHT, _WIDTH), dtype=np.uint16)
    frames = np.empty((_LENGTH, _HEIGHT, _WIDTH, 3), dtype=np.uint8)
    camera = _Camera(rng)
    for time, bodies in enumerate(_crawl(rng)):
        green, blue, labels[time] = _draw(bodies, textures, levels, time)
        frames[time] = camera.expose(green, blue, time)
    parents = dict.fromkeys(_DAUGHTERS, _DIVIDING + 1)
    return finish_clip("cells", "Crawling cells (fluorescence)", frames, labels, parents)


def _crawl(rng: np.random.Generator) -> Iterator[list[_Body]]:
    """The cells at each time: a persistent walk; cells that meet push each other away."""
    centres, speeds = _START.copy(), _SPEED.copy()
    count = len(centres)
    strength = rng.uniform(0.3, 1.0, (count, 5)) * 0.30 / _WAVES
    phase = rng.uniform(0, 2 * np.pi, (count, 5))
    turning = rng.normal(0, 0.10, (count, 5))
    for time in range(_LENGTH):
        yield _bodies(centres, speeds, strength * np.exp(1j * phase), time)
        phase += turning + rng.normal(0, 0.05, phase.shape)
        speeds = 0.9 * speeds + 0.1 * _SPEED + rng.normal(0, 0.1, speeds.shape)
        centres = centres + speeds
        offset = centres[:, None] - centres[None]
        distance = np.linalg.norm(offset, axis=2) + np.eye(count)
        overlap = np.clip(0.93 * (_RADIUS[:, None] + _RADIUS) - distance, 0, None)
        overlap[np.diag_indices(count)] = 0
        centres += 0.25 * ((overlap / distance)[..., None] * offset).sum(axis=1)


def _bodies(
    centres: NDArray[np.float64],
    speeds: NDArray[np.float64],
    wobble: NDArray[np.complex128],
    time: int,
) -> list[_Body]:
    bodies = []
    for cell, (centre, speed) in enumerate(zip(centres, speeds, strict=True)):
        heading = float(np.arctan2(speed[0], speed[1]))
        if cell != _DIVIDING or time < _DIVISION_BEGINS - 8:
            bodies.append(_Body(cell, centre, _RADIUS[cell], heading, wobble[cell], 0.0))
            continue
        span = _DIVISION_ENDS - _DIVISION_BEGINS
        done = float(np.clip((time - _DIVISION_BEGINS) / span, 0, 1))
        late = max(time - _DIVISION_ENDS, 0)
        rounding = min((time - _DIVISION_BEGINS + 8) / 8, 1.0) * max(1 - late / 10, 0.0)
        radius = _RADIUS[cell] * (0.95 - 0.21 * done)
        axis = np.array([np.sin(0.5), np.cos(0.5)])
        apart = radius * (0.98 * done + 0.012 * late)
        for half, side in enumerate((-1, 1)):
            place = centre + side * apart * axis
            wave = wobble[cell] * np.exp(2j * half)
            bodies.append(_Body(cell, place, radius, 0.5, wave, rounding, half))
    return bodies


def _draw(
    bodies: list[_Body],
    textures: list[tuple[Image, Image]],
    levels: NDArray[np.float64],
    time: int,
) -> tuple[Image, Image, LabelMap]:
    """Light from cytoplasm and nuclei, and which cell covers each pixel."""
    green = np.zeros((_HEIGHT, _WIDTH), dtype=np.float32)
    blue = np.zeros_like(green)
    depth = np.zeros_like(green)
    labels = np.zeros(green.shape, dtype=np.uint16)
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH].astype(np.float32)
    for body in bodies:
        divided = body.rounding > 0 and time >= _DIVISION_ENDS
        divided |= body.cell == _DIVIDING and time >= _DIVISION_ENDS
        label = _DAUGHTERS[body.half] if divided else body.cell + 1
        reach = int(body.radius * 1.6)
        top, left = (int(v) - reach for v in body.centre)
        window = (
            slice(max(top, 0), max(top + 2 * reach, 0)),
            slice(max(left, 0), max(left + 2 * reach, 0)),
        )
        if rows[window].size == 0:
            continue
        y = rows[window] - np.float32(body.centre[0])
        x = columns[window] - np.float32(body.centre[1])
        inside, cytoplasm, nucleus = _light(body, y, x, textures[body.cell])
        # Where two cells meet, the one that reaches further in has the pixel.
        wins = inside > depth[window]
        cover = smooth_step(inside / 2.2 + 0.5) * np.float32(levels[body.cell])
        shown = wins | (inside > -1.1) & (depth[window] <= 0)
        green[window] = np.where(shown, cover * cytoplasm, green[window])
        blue[window] = np.where(shown, cover * nucleus, blue[window])
        labels[window][wins] = label
        depth[window] = np.maximum(depth[window], inside)
    return green, blue, labels


def _light(
    body: _Body, y: Image, x: Image, texture: tuple[Image, Image]
) -> tuple[Image, Image, Image]:
    """How far each pixel lies inside the cell (pixels), and what shines there."""
    angle = np.arctan2(y, x) - np.float32(body.heading)
    distance = np.hypot(y, x)
    waves = np.ones_like(angle)
    for number, wave in zip(_WAVES, body.wobble * (1 - 0.85 * body.rounding), strict=True):
        waves += np.float32(abs(wave)) * np.cos(number * angle + np.float32(np.angle(wave)))
    # A crawling cell is long and pulls a tail.
    stretch = np.float32(0.16 * (1 - body.rounding))
    waves *= 1 + stretch * np.cos(2 * angle) - stretch * 0.35 * np.cos(angle)
    edge = np.float32(body.radius) * waves
    inside = edge - distance
    share = np.clip(distance / edge, 0, 1.2)
    u, v = share * np.cos(angle), share * np.sin(angle)
    spot = np.float32(_TEXTURE / 2.6)
    at = (u * spot + _TEXTURE / 2, v * spot + _TEXTURE / 2)
    coarse, fine = (cv2.remap(t, *at, cv2.INTER_LINEAR) for t in texture)
    size = np.float32(0.42 - 0.14 * body.rounding)
    core = smooth_step((size - np.hypot(u + 0.12, v * np.float32(1.25))) * 7 + 0.5)
    thick = 0.3 + 0.7 * np.sqrt(np.clip(1 - share**2, 0, 1)) + np.float32(0.5 * body.rounding)
    granules = np.clip(fine - 1.2, 0, None) * 0.5
    cytoplasm = thick * (0.62 + 0.13 * coarse + granules) * (1 - 0.55 * core)
    cytoplasm += 0.16 * np.exp(-((inside - 2.0) ** 2) / 5)
    nucleus = core * (0.75 + 0.16 * fine + np.float32(0.5 * body.rounding))
    return inside, np.clip(cytoplasm, 0.05, None), np.clip(nucleus, 0, None)


class _Camera:
    """Uneven light, blur, bleaching, shot noise, and one intensity mapping for the whole stack."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
        away = np.hypot((rows - 110) / _HEIGHT, (columns - 185) / _WIDTH)
        self._lamp: Image = (1.12 - 1.1 * away**1.7).astype(np.float32)
        self._haze: Image = (0.075 + 0.012 * clouds(rng, rows.shape, 70, octaves=3)).astype(
            np.float32
        )
        self._dirt = np.zeros(rows.shape, dtype=np.float32)
        for y, x in rng.integers((4, 4), (_HEIGHT - 4, _WIDTH - 4), (26, 2)):
            self._dirt[y, x] = rng.uniform(0.5, 2.5)
        self._dirt = cv2.GaussianBlur(self._dirt, (0, 0), 1.2)

    def expose(self, green: Image, blue: Image, time: int) -> NDArray[np.uint8]:
        """Take one picture, (H, W, 3) uint8."""
        bleached = np.float32(0.55 + 0.45 * np.exp(-time / 35))
        focus = 1.0 + 0.35 * np.sin(time / 9) ** 2
        small = cv2.resize(green, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        halo = 0.16 * cv2.resize(cv2.GaussianBlur(small, (0, 0), 3.5), green.shape[::-1])
        channels = []
        for light, photons in ((green + halo + self._dirt, 150), (blue, 120)):
            sharp = cv2.GaussianBlur(light, (0, 0), focus)
            mean = np.clip((sharp * bleached + self._haze) * self._lamp, 0, None) * photons
            noise = self._rng.standard_normal(mean.shape, dtype=np.float32)
            channels.append((mean + noise * np.sqrt(mean + 4)) / photons)
        g, b = channels
        picture = np.stack([0.22 * g + 0.12 * b, 0.98 * g + 0.28 * b, 0.30 * g + 1.0 * b], axis=2)
        return np.asarray(np.clip(picture * 300, 0, 255), dtype=np.uint8)
