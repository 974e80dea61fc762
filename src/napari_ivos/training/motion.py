"""How layers move: rigid motion, scale and smooth deformation, as maps for `cv2.remap`."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray

Field = NDArray[np.float32]
"""(H, W, 2) float32 displacements (x, y) in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where each pixel of a layer comes from, at each time."""

    shape: tuple[int, int]
    centre: NDArray[np.float64]
    """(2,) the point (x, y) round which the layer turns and grows."""
    shift: NDArray[np.float64]
    """(T, 2) pixels (x, y)."""
    turn: NDArray[np.float64]
    """(T,) radians."""
    growth: NDArray[np.float64]
    """(T,) factor."""
    waves: tuple[Field, Field]
    swell: NDArray[np.float64]
    """(T, 2) how much of each of the waves."""

    def source(self, time: int) -> Field:
        """(H, W, 2) float32: for each pixel of the frame, the place (x, y) in the layer."""
        height, width = self.shape
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        cosine = np.cos(-self.turn[time]) / self.growth[time]
        sine = np.sin(-self.turn[time]) / self.growth[time]
        x, y = x - self.centre[0] - self.shift[time, 0], y - self.centre[1] - self.shift[time, 1]
        out = np.dstack([cosine * x - sine * y, sine * x + cosine * y]) + self.centre
        for wave, amount in zip(self.waves, self.swell[time], strict=True):
            out = out + wave * amount
        return np.asarray(out, dtype=np.float32)


def random_motion(
    rng: np.random.Generator,
    shape: tuple[int, int],
    length: int,
    *,
    centre: AnyArray,
    speed: float,
    turn: float,
    growth: float,
    bend: float,
    grain: float,
) -> Motion:
    """A smooth motion that is the identity at time 0.

    Parameters
    ----------
    rng : numpy Generator
    shape : (H, W)
    length : int
        Frames.
    centre : (2,) float
        (x, y).
    speed : float
        Pixels a frame.
    turn, growth : float
        Standard deviations a frame, in radians and as a share.
    bend : float
        Pixels by which parts of the layer are moved against each other, a frame.
    grain : float
        Size of such parts in pixels.
    """
    angle = rng.uniform(0, 2 * np.pi)
    velocity = speed * np.array([np.cos(angle), np.sin(angle)])
    jerk = rng.normal(0, 0.35 * speed, (length - 1, 2))
    steps = velocity + np.cumsum(jerk, axis=0) * 0.5
    return Motion(
        shape,
        np.asarray(centre, dtype=float),
        _from_start(steps),
        _from_start(rng.normal(0, turn) + rng.normal(0, turn / 2, length - 1)),
        np.exp(_from_start(rng.normal(0, growth) + rng.normal(0, growth / 2, length - 1))),
        (_wave(rng, shape, grain), _wave(rng, shape, grain / 2)),
        _from_start(bend * (rng.normal(0, 1, (1, 2)) + rng.normal(0, 0.5, (length - 1, 2)))),
    )


def moved(layer: AnyArray, source: Field, border: int = cv2.BORDER_REFLECT_101) -> AnyArray:
    """A layer (H, W[, C]) as its motion shows it."""
    return np.asarray(cv2.remap(layer, source, None, cv2.INTER_LINEAR, borderMode=border))


def _from_start(steps: AnyArray) -> AnyArray:
    start = np.zeros((1, *np.shape(steps)[1:]))
    return np.concatenate([start, np.cumsum(steps, axis=0)])


def _wave(rng: np.random.Generator, shape: tuple[int, int], grain: float) -> Field:
    coarse = rng.normal(0, 1, (int(shape[0] / grain) + 3, int(shape[1] / grain) + 3, 2)).astype(
        np.float32
    )
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC))
