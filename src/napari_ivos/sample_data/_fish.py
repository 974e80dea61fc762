"""Fish seen from the side: a bending body with scales, bands, fins, an eye, lit from above."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.sample_data._texture import Image, clouds, mix, smooth_step

Colour: TypeAlias = NDArray[np.float32]
"""(H, W, 3) float32, 0–255."""

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns of a part of a picture."""

# Along the body: 0 is the snout, 1 the end of the tail; heights as shares of the length.
_AT = [0, 0.02, 0.06, 0.14, 0.26, 0.40, 0.55, 0.68, 0.78, 0.82, 0.88, 0.95, 1.0]
_BACK = [0.0, 0.042, 0.078, 0.13, 0.175, 0.185, 0.15, 0.10, 0.055, 0.05, 0.085, 0.135, 0.15]
_BELLY = [0.0, 0.03, 0.062, 0.11, 0.155, 0.17, 0.145, 0.095, 0.05, 0.048, 0.08, 0.125, 0.14]
_FIN_AT = [0, 0.22, 0.30, 0.42, 0.52, 0.58, 0.68, 0.74, 1.0]
_DORSAL = [0, 0.0, 0.055, 0.065, 0.045, 0.06, 0.055, 0.0, 0.0]
_ANAL = [0, 0.0, 0.0, 0.0, 0.02, 0.07, 0.05, 0.0, 0.0]


@dataclass(frozen=True, slots=True)
class Species:
    """How a fish looks and moves."""

    paint: Callable[[Image, Image, Image], Colour]
    """``paint(along, across, noise)``: colours; `across` is −1 on the back, 1 on the belly."""
    fin: tuple[float, float, float]
    deep: float
    """How much deeper than usual the body is."""
    beats: float
    """Strokes of the tail in a frame."""


@dataclass(frozen=True, slots=True)
class Fish:
    """A fish at one time."""

    species: Species
    skin: Image
    nose: tuple[float, float]
    """(y, x) in the picture."""
    length: float
    facing: int
    """1: to the right; −1: to the left."""
    pitch: float
    time: int


def make_skin(rng: np.random.Generator) -> Image:
    """Mottling of a fish's skin, (96, 192) float32."""
    return clouds(rng, (96, 192), 14, octaves=4)


def draw_fish(fish: Fish, shape: tuple[int, int]) -> tuple[Window, Colour, Image]:
    """Where in a picture a fish is, its colours there, and how far inside (pixels) each pixel is.

    The distance is to the outline, > 0 inside. The fish may leave the picture, but not by more than
    its own length.
    """
    window = _window(fish, shape)
    y, x = (g.astype(np.float32) for g in np.mgrid[window])
    dy, dx = y - np.float32(fish.nose[0]), (np.float32(fish.nose[1]) - x) * fish.facing
    cos, sin = math.cos(fish.pitch), math.sin(fish.pitch)
    along = (dx * cos + dy * sin) / np.float32(fish.length)
    up = (dy * cos - dx * sin) / np.float32(fish.length)
    wave = np.sin(2 * np.pi * (0.85 * along - fish.species.beats * fish.time))
    up = up - (0.012 + 0.055 * np.clip(along, 0, 1) ** 2) * wave.astype(np.float32)
    deep = fish.species.deep
    back, belly = deep * _profile(along, _AT, _BACK), deep * _profile(along, _AT, _BELLY)
    dorsal, anal = _profile(along, _FIN_AT, _DORSAL), _profile(along, _FIN_AT, _ANAL)
    across = np.where(up < 0, up / np.maximum(back, 1e-3), up / np.maximum(belly, 1e-3))
    # The tail is notched; in front of the snout and behind the tail there is nothing.
    end = 0.93 + 0.055 * np.abs(across)
    ends = np.minimum(along, end - along) * 1.2
    inside = np.minimum(np.minimum(up + back + dorsal, belly + anal - up), ends)
    colour = _body(fish, along, across)
    fins = _fins(fish, along, up)
    is_fin = smooth_step((np.abs(across) - 1) * 6 + 0.5) + smooth_step((along - 0.815) * 40)
    colour = _blend(colour, fins, np.clip(is_fin, 0, 1))
    colour = _eye_and_pectoral(fish, colour, along, up, deep)
    return window, colour, np.asarray(inside * fish.length, dtype=np.float32)


def _window(fish: Fish, shape: tuple[int, int]) -> Window:
    y, x = fish.nose
    high, long = 0.45 * fish.length, 1.1 * fish.length
    left = x - (long if fish.facing > 0 else 0.1 * fish.length)
    bounds = ((y - high, y + high, shape[0]), (left, left + 1.2 * fish.length, shape[1]))
    rows, columns = (
        slice(min(max(int(low), 0), size - 1), max(min(int(high) + 1, size), 1))
        for low, high, size in bounds
    )
    return rows, columns


def _profile(along: Image, at: list[float], heights: list[float]) -> Image:
    return np.interp(along, at, heights, left=0.0, right=heights[-1]).astype(np.float32)


def _blend(below: Colour, above: Colour, alpha: Image) -> Colour:
    return np.asarray(below + (above - below) * alpha[..., None], dtype=np.float32)


def _body(fish: Fish, along: Image, across: Image) -> Colour:
    u, v = np.clip(along, 0, 1) * 191, (np.clip(across, -1, 1) + 1) * 47.5
    noise = cv2.remap(fish.skin, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    colour = fish.species.paint(along, across, noise)
    scales = np.sin(along * 150 + 3 * across) * np.sin(across * 17 + 6 * along)
    colour = colour * (1 + 0.06 * scales + 0.07 * noise)[..., None]
    round_ = np.sqrt(np.clip(1 - across**2, 0, 1))
    light = 0.42 + 0.42 * round_ + 0.30 * np.clip(-across, -0.6, 1)
    gill = np.exp(-(((along - 0.205 - 0.03 * across**2) / 0.007) ** 2)) * (np.abs(across) < 0.7)
    light = light * (1 - 0.35 * gill)
    shine = np.exp(-(((across + 0.5) / 0.16) ** 2)) * np.clip(0.8 - along, 0, 1) * 55
    return np.asarray(colour * light[..., None] + shine[..., None], dtype=np.float32)


def _fins(fish: Fish, along: Image, up: Image) -> Colour:
    rays = 0.82 + 0.18 * np.sin((along + 0.9 * np.abs(up)) * 260)
    rays = rays * (1 - 0.25 * smooth_step((along - 0.90) * 16))
    return np.asarray(np.array(fish.species.fin, np.float32) * rays[..., None], dtype=np.float32)


def _eye_and_pectoral(fish: Fish, colour: Colour, along: Image, up: Image, deep: float) -> Colour:
    beat = math.sin(2 * math.pi * 0.7 * fish.species.beats * fish.time)
    turned = 0.8 + 0.25 * beat
    cos, sin = math.cos(turned), math.sin(turned)
    a, b = along - 0.33, up - 0.045 * deep
    q, r = a * cos + b * sin, b * cos - a * sin
    fin = smooth_step((1 - np.hypot(q / 0.085, r / 0.034)) * 4 + 0.3)
    rays = 0.8 + 0.2 * np.sin(np.arctan2(r, q + 0.1) * 30)
    fin_colour = np.array(fish.species.fin, np.float32) * (1.08 * rays)[..., None]
    colour = _blend(colour, np.asarray(fin_colour, dtype=np.float32), fin * 0.85)
    eye = np.hypot(along - 0.088, up + 0.022 * deep)
    for size, tone in ((0.025, (222, 214, 190)), (0.017, (18, 16, 18))):
        flat = np.broadcast_to(np.array(tone, np.float32), colour.shape)
        colour = _blend(colour, flat, smooth_step((size - eye) * fish.length / 1.2 + 0.5))
    glint = np.hypot(along - 0.083, up + 0.028 * deep)
    white = np.full_like(colour, 245)
    return _blend(colour, white, smooth_step((0.006 - glint) * fish.length / 1.2 + 0.4))


def _paint_orange(along: Image, across: Image, noise: Image) -> Colour:
    colour = mix((226, 92, 22), (246, 150, 52), (across + 1) / 2 + 0.12 * noise)
    for middle, half in ((0.20, 0.042), (0.50, 0.052), (0.80, 0.024)):
        bulge = 0.035 * (1 - across**2) * (1.0 if middle < 0.6 else -0.4)
        off = np.abs(along - middle - bulge + 0.002 * noise)
        dark = smooth_step((half + 0.017 - off) * 110)
        white = smooth_step((half - off) * 110)
        colour = _blend(colour, np.full_like(colour, 34), np.asarray(dark, dtype=np.float32))
        colour = _blend(colour, np.full_like(colour, 236), np.asarray(white, dtype=np.float32))
    return colour


def _paint_blue(along: Image, across: Image, noise: Image) -> Colour:
    colour = mix((38, 84, 190), (86, 142, 226), (across + 1) / 2 + 0.18 * noise)
    line = across + 0.42 - 0.5 * np.sin(along * 5.2) * (along - 0.1)
    swoosh = smooth_step((0.26 - np.abs(line) + 0.05 * noise) * 7) * smooth_step((along - 0.13) * 9)
    colour = _blend(colour, np.full_like(colour, 30), np.asarray(swoosh * 0.85, dtype=np.float32))
    tail = smooth_step((along - 0.70 + 0.10 * np.abs(across)) * 22)
    return _blend(colour, mix((240, 196, 40), (250, 216, 90), noise), tail)


ORANGE = Species(_paint_orange, (222, 104, 30), deep=1.0, beats=0.085)
BLUE = Species(_paint_blue, (226, 182, 44), deep=1.14, beats=0.066)
