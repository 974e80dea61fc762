"""Two fish over sand and rocks, filmed by a diver who pans: parallax, shadows, an occluder."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.sample_data._clip import SampleClip, finish_clip
from napari_ivos.sample_data._fish import BLUE, ORANGE, Colour, Fish, draw_fish, make_skin
from napari_ivos.sample_data._texture import Image, clouds, mix, smooth_step
from napari_ivos.types import AnyArray

_SEED = 4_711
_LENGTH, _HEIGHT, _WIDTH = 64, 240, 432
_MARGIN = 170
"""How much wider than the picture the painted scenery is, for the pan."""
_HORIZON = 132
_WATER = np.array([38, 112, 138], dtype=np.float32)


def make_natural() -> SampleClip:
    """Paint the scenery once, then film it; about two seconds."""
    rng = np.random.default_rng(_SEED)
    scene = _Scenery(rng)
    skins = [make_skin(rng), make_skin(rng)]
    labels = np.zeros((_LENGTH, _HEIGHT, _WIDTH), dtype=np.uint16)
    frames = np.empty((_LENGTH, _HEIGHT, _WIDTH, 3), dtype=np.uint8)
    shake = np.cumsum(rng.normal(0, 0.2, (_LENGTH, 2)), axis=0).tolist()
    for time in range(_LENGTH):
        frames[time], labels[time] = scene.film(_school(time, skins), time, shake[time])
    return finish_clip("natural", "Reef fish (natural scene)", frames, labels)


def _school(time: int, skins: list[Image]) -> list[Fish]:
    """Both fish, the farther one first, placed in the scene of the middle layer."""
    ahead = 146 + 4.3 * time + 6 * math.sin(time / 7)
    back = 326 - 0.9 * time + 8 * math.sin(time / 9 + 1)
    rise, fall = 128 - 13 * math.sin(time / 11), 104 + 15 * math.sin(time / 13 + 0.5)
    length = 124 + 8 * math.sin(time / 20)
    near = Fish(ORANGE, skins[0], (rise, ahead), length, 1, 0.13 * math.cos(time / 11), time)
    tilt = -0.10 * math.cos(time / 13 + 0.5)
    far = Fish(BLUE, skins[1], (fall, back), 98, -1, tilt, time)
    return [far, near]


class _Scenery:
    """The painted layers; each is wider than the picture and moves at its own speed."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        shape = (_HEIGHT, _WIDTH + _MARGIN)
        self._back = _paint_back(rng, shape)
        self._floor, self._floor_cover = _paint_floor(rng, shape)
        self._reef, self._reef_cover = _paint_reef(rng, shape, 296, 122, 140)
        self._ripples = [clouds(rng, (_HEIGHT, shape[1] + 80), 38, octaves=2) for _ in range(2)]
        y, x = np.mgrid[:_HEIGHT, :_WIDTH]
        away = np.hypot((y - _HEIGHT * 0.4) / _HEIGHT, (x - _WIDTH / 2) / _WIDTH)
        self._vignette: Image = (1.06 - 0.45 * away**2).astype(np.float32)

    def film(
        self, school: list[Fish], time: int, shake: list[float]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """One picture (H, W, 3) uint8 and its truth (H, W) uint16."""
        pan = 88 * (time / _LENGTH) ** 1.1
        picture = _shift(self._back, 0.35 * pan + shake[1], shake[0])
        cover = _shift(self._floor_cover, pan + shake[1], shake[0])
        floor = _shift(self._floor, pan + shake[1], shake[0])
        shine = self._caustics(time, pan)
        floor = floor * (0.86 + 0.55 * shine)[..., None]
        labels = np.zeros((_HEIGHT, _WIDTH), dtype=np.uint16)
        drawn = [self._place(fish, pan, shake) for fish in school]
        for fish in drawn:
            floor = floor * (1 - 0.62 * _shadow(fish))[..., None]
        picture = _over(picture, floor, cover)
        for label, fish in zip((2, 1), drawn, strict=True):
            window, colour, inside = draw_fish(fish, (_HEIGHT, _WIDTH))
            colour = colour * (0.88 + 0.40 * shine[window])[..., None]
            colour = _over(colour, _WATER, _fog(label))
            cover = smooth_step(inside / 1.6 + 0.5)
            picture[window] = _over(picture[window], colour, cover)
            labels[window][inside > 0] = label
        # The reef is nearest to the camera and so moves fastest.
        cover = _shift(self._reef_cover, 1.35 * pan + shake[1], shake[0])
        reef = _shift(self._reef, 1.35 * pan + shake[1], shake[0])
        picture = _over(picture, reef * (0.92 + 0.3 * shine)[..., None], cover)
        labels[cover > 0.5] = 0
        return self._develop(picture), labels

    def _place(self, fish: Fish, pan: float, shake: list[float]) -> Fish:
        y, x = fish.nose[0] - shake[0], fish.nose[1] - 0.9 * pan - shake[1]
        return Fish(
            fish.species, fish.skin, (y, x), fish.length, fish.facing, fish.pitch, fish.time
        )

    def _caustics(self, time: int, pan: float) -> Image:
        """Moving net of light under waves: where two ripple patterns meet."""
        one = _shift(self._ripples[0], pan + 0.7 * time, 0)
        two = _shift(self._ripples[1], pan + 40 - 0.5 * time, 0)
        return np.asarray(np.exp(-((one + two) ** 2) * 2.2), dtype=np.float32)

    def _develop(self, picture: Colour) -> NDArray[np.uint8]:
        sharp = cv2.GaussianBlur(picture, (0, 0), 0.65) * self._vignette[..., None]
        grain = self._rng.standard_normal(sharp.shape, dtype=np.float32) * np.float32(3.0)
        return np.asarray(np.clip(sharp + grain, 0, 255), dtype=np.uint8)


def _shift(layer: Image, right: float, down: float) -> Image:
    """What a camera sees of a layer after moving; past the layer's edge, its edge."""
    move = np.array([[1, 0, right], [0, 1, down]], dtype=np.float32)
    return np.asarray(
        cv2.warpAffine(
            layer,
            move,
            (_WIDTH, _HEIGHT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _over(below: Colour, above: AnyArray, alpha: Image | float) -> Colour:
    share = alpha[..., None] if isinstance(alpha, np.ndarray) else np.float32(alpha)
    return np.asarray(below + (above - below) * share, dtype=np.float32)


def _fog(label: int) -> float:
    """How much water lies between a fish and the camera."""
    return 0.20 if label == 2 else 0.06


def _shadow(fish: Fish) -> Image:
    """The soft shadow below a fish on the sand."""
    middle = fish.nose[1] - fish.facing * 0.48 * fish.length
    ground = 196 + 0.12 * (fish.nose[0] - 100)
    x = np.exp(-(((np.arange(_WIDTH) - middle) / (0.36 * fish.length)) ** 2))
    y = np.exp(-(((np.arange(_HEIGHT) - ground) / 8) ** 2))
    return np.outer(y, x).astype(np.float32)


def _paint_back(rng: np.random.Generator, shape: tuple[int, int]) -> Colour:
    """Water that darkens with depth, light shafts, and rocks in the haze."""
    y, x = (g.astype(np.float32) for g in np.mgrid[: shape[0], : shape[1]])
    water = mix((116, 196, 202), (38, 112, 138), y / 120)
    shafts = clouds(rng, (1, shape[1] * 2), 34, octaves=3)[0]
    at = np.clip(x + 0.45 * y, 0, len(shafts) - 1).astype(int)
    water = water + (np.clip(shafts[at], 0, None) * 9 * (1 - y / shape[0]))[..., None]
    for height, haze, grain in ((96, 0.70, 60), (116, 0.45, 42)):
        line = height - 16 * clouds(rng, (1, shape[1]), grain, octaves=4)[0]
        cover = smooth_step((y - line[None]) / 3)
        rock = mix((48, 74, 70), (104, 118, 92), 0.5 + 0.3 * clouds(rng, shape, 16))
        rock = _over(rock, _WATER, haze)
        water = _over(water, rock, cover)
    return water


def _paint_floor(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Colour, Image]:
    """Rippled sand in perspective, with stones."""
    y, x = (g.astype(np.float32) for g in np.mgrid[: shape[0], : shape[1]])
    depth = np.clip((y - _HORIZON + 14) / (shape[0] - _HORIZON), 0.06, None)
    bend = clouds(rng, shape, 70, octaves=2) * 2.2
    ripple = np.sin(26 / depth**0.7 + bend + x / 120)
    sand = mix((150, 132, 98), (222, 204, 160), 0.52 + 0.17 * ripple * np.clip(depth, 0, 1))
    fine = clouds(rng, shape, 5, octaves=3, stretch=1.8)
    patch = clouds(rng, shape, 60, stretch=2.5)
    sand = sand * (1 + 0.07 * fine + 0.06 * patch)[..., None]
    for row, column, share in rng.uniform((150, 0, 4), (236, shape[1], 15), (30, 3)):
        size = share * (row - 90) / 130
        off = np.hypot((x - column) / (1.5 * size), (y - row) / size) + 0.12 * patch
        lit = 0.55 - 0.5 * (y - row) / size + 0.22 * fine
        stone = mix((66, 62, 58), (168, 158, 138), lit)
        dark = np.hypot((x - column - size * 0.3) / (1.7 * size), (y - row - size * 0.6) / size)
        sand = sand * (1 - 0.35 * smooth_step((1.1 - dark) * 2.5))[..., None]
        sand = _over(sand, stone, smooth_step((1 - off) * size * 0.7))
    fog = np.clip(0.85 - 1.6 * depth, 0, 0.75)
    sand = _over(sand, _WATER, fog)
    line = _HORIZON + 4 * clouds(rng, (1, shape[1]), 80, octaves=3)[0]
    return sand, smooth_step((y - line[None]) / 4)


def _paint_reef(
    rng: np.random.Generator, shape: tuple[int, int], middle: float, top: float, width: float
) -> tuple[Colour, Image]:
    """A rock overgrown with coral in front of everything."""
    y, x = (g.astype(np.float32) for g in np.mgrid[: shape[0], : shape[1]])
    rough = clouds(rng, shape, 40, octaves=5)
    off = np.abs(x - middle) / (width / 2)
    height = top + (shape[0] - top) * np.clip(off, 0, 2) ** 3
    lumps = 7 * clouds(rng, (1, shape[1]), 48, octaves=4)[0]
    cover = smooth_step((y - height + 4 * rough + lumps[None]) / 2.5)
    # Lit from the upper left: the slope of the rough surface.
    slope = cv2.Sobel(rough, cv2.CV_32F, 0, 1) + 0.6 * cv2.Sobel(rough, cv2.CV_32F, 1, 0)
    fine = clouds(rng, shape, 7, octaves=3)
    rock = mix((44, 38, 44), (132, 112, 104), 0.42 - 0.13 * slope + 0.10 * fine)
    algae = smooth_step(clouds(rng, shape, 22, octaves=3) * 1.2)
    rock = _over(rock, mix((92, 40, 72), (176, 92, 120), 0.5 + 0.3 * fine), algae * 0.7)
    return rock * (1.15 - 0.5 * (y - top) / (shape[0] - top))[..., None], cover
