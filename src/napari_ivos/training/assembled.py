"""Drawn things made of parts unlike each other, as vehicles, tools and clothed people are.

Photographs of animals alone teach that what is dark inside an object, or of another colour, is not
part of it. Here a body carries windows, patches and limbs, and may cast a shadow.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.sample_data._texture import clouds
from napari_ivos.types import Mask

_FEWEST_CORNERS = 3
_MOST_CORNERS = 8


def draw_thing(
    rng: np.random.Generator,
    photo: NDArray[np.float32],
    centre: tuple[float, float],
    size: float,
) -> tuple[NDArray[np.float32], Mask]:
    """Colours of a thing, and where it is.

    Parameters
    ----------
    rng : numpy Generator
    photo : (H, W, 3) float32
        0–255; some parts show a piece of it.
    centre : (x, y)
        Pixels.
    size : float
        Of its larger side, about, in pixels.

    Returns
    -------
    colour : (H, W, 3) float32
    mask : (H, W) bool
    """
    shape = photo.shape[0], photo.shape[1]
    half = size / 2 * np.array([1.0, np.exp(rng.uniform(np.log(0.35), 0.0))])
    half = half if rng.random() < 0.7 else half[::-1]
    mask = np.zeros(shape, dtype=bool)
    colour = photo.copy()
    tilt = rng.normal(0, 0.2)
    for _ in range(int(rng.integers(0, 4))):
        limb = _limb(rng, shape, centre, half)
        colour, mask = _painted(rng, colour, photo, limb), mask | limb
    body = _patch(rng, shape, np.array(centre), half, tilt)
    colour, mask = _painted(rng, colour, photo, body), mask | body
    for _ in range(int(rng.integers(1, 7))):
        at = np.array(centre) + rng.uniform(-0.9, 0.9, 2) * half
        part = _patch(rng, shape, at, half * rng.uniform(0.08, 0.45, 2), tilt)
        if rng.random() < 0.7:
            part &= body
        colour, mask = _painted(rng, colour, photo, part), mask | part
    return colour, mask


def cast_shadow(rng: np.random.Generator, cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much light a thing takes from what is behind it, (H, W) float32 in [0, 1].

    Parameters
    ----------
    rng : numpy Generator
    cover : (H, W) float32
        In [0, 1], of the thing.
    """
    rows, columns = np.nonzero(cover > 0.5)
    if len(rows) == 0:
        return np.zeros_like(cover)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    if rng.random() < 0.5:
        matrix = np.array(
            [[1, 0, rng.normal(0, 0.3) * width], [0, 1, rng.uniform(0, 0.3) * height]]
        )
        shade = cv2.warpAffine(cover, matrix, cover.shape[::-1])
    else:
        shade = np.zeros_like(cover)
        middle = int(columns.mean() + rng.normal(0, 0.1) * width), int(rows.max())
        axes = int(width * rng.uniform(0.3, 0.7)) + 1, int(height * rng.uniform(0.05, 0.25)) + 1
        cv2.ellipse(shade, middle, axes, 0, 0, 360, 1.0, -1)
    softness = rng.uniform(0.5, 0.05 * width + 1)
    depth = np.float32(rng.uniform(0.2, 0.8))
    return np.asarray(depth * cv2.GaussianBlur(shade, (0, 0), softness), dtype=np.float32)


def _patch(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
    tilt: float,
) -> Mask:
    """An ellipse or a polygon with rounded corners."""
    out = np.zeros(shape, dtype=np.uint8)
    if rng.random() < 0.4:
        axes = max(int(half[0]), 1), max(int(half[1]), 1)
        middle = int(centre[0]), int(centre[1])
        cv2.ellipse(out, middle, axes, float(np.degrees(tilt)), 0, 360, 1, -1)
        return out > 0
    corners = int(rng.integers(_FEWEST_CORNERS, _MOST_CORNERS))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    if rng.random() < 0.5:
        angles = np.pi / 4 + np.pi / 2 * np.arange(4) + rng.normal(0, 0.2, 4)
    x, y = 1.2 * half[0] * np.cos(angles), 1.2 * half[1] * np.sin(angles)
    cosine, sine = np.cos(tilt), np.sin(tilt)
    points = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1) + centre
    cv2.fillPoly(out, [np.round(points).astype(np.int32)], 1)
    softness = 0.08 * float(half.min())
    if softness > 0.5:
        out = (cv2.GaussianBlur(out.astype(np.float32), (0, 0), softness) > 0.5).astype(np.uint8)
    return out > 0


def _limb(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centre: tuple[float, float],
    half: NDArray[np.float64],
) -> Mask:
    """A bent bar that sticks out: a leg, a handle."""
    start = np.array(centre) + rng.uniform(-0.7, 0.7, 2) * half
    joints = start + np.cumsum(rng.normal(0, 0.6, (3, 2)) * half.max(), axis=0) * 0.6
    points = np.round(np.vstack([start, joints[: int(rng.integers(1, 4))]])).astype(np.int32)
    out = np.zeros(shape, dtype=np.uint8)
    thickness = max(int(rng.uniform(0.06, 0.3) * half.min()), 2)
    cv2.polylines(out, [points], False, 1, thickness)
    return out > 0


def _painted(
    rng: np.random.Generator, colour: NDArray[np.float32], photo: NDArray[np.float32], where: Mask
) -> NDArray[np.float32]:
    """Colours with a part painted: plain, spotted, or as a piece of the photograph elsewhere."""
    shape = where.shape
    kind = rng.random()
    if kind < 0.25:
        shift = (int(rng.integers(shape[0])), int(rng.integers(shape[1])))
        paint = np.roll(photo, shift, axis=(0, 1))
    else:
        # Much that people make is black, white or grey.
        base = np.full(3, rng.choice([rng.uniform(0, 50), rng.uniform(0, 255)]))
        base = base + rng.normal(0, 1, 3) * rng.choice([3.0, 40.0])
        strength = 4.0 if kind < 0.7 else 25.0
        spots = clouds(rng, (shape[0], shape[1]), rng.uniform(4, 60))[..., None]
        paint = base + strength * rng.random() * spots
    y, x = np.mgrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    light = 1 + rng.normal(0, 0.6) * y + rng.normal(0, 0.6) * x
    return np.where(where[..., None], paint * light[..., None], colour).astype(np.float32)
