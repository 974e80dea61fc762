"""Pictures of a report: curves, and the frames that went worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_ivos.evaluation.metrics import boundary
from napari_ivos.evaluation.sample import Worst
from napari_ivos.masks import davis_palette
from napari_ivos.types import LabelMap

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_LONG_SIDE = 640
_INK, _GRID = (40, 40, 40), (222, 222, 222)
_LINES = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189))


def worst_case(worst: Worst) -> Image:
    """A frame twice, side by side: with the right masks, and with those that there were.

    Parameters
    ----------
    worst : Worst

    Returns
    -------
    PIL.Image.Image
        RGB; each half at most 640 pixels long.
    """
    from PIL import Image

    halves = [_overlay(worst.picture, labels) for labels in (worst.truth, worst.shown)]
    height, width, _ = halves[0].shape
    gap = np.full((height, max(width // 100, 2), 3), 255, dtype=np.uint8)
    picture = Image.fromarray(np.concatenate([halves[0], gap, halves[1]], axis=1))
    picture.thumbnail((2 * _LONG_SIDE, _LONG_SIDE))
    return picture


def _overlay(picture: NDArray[np.uint8], labels: LabelMap) -> NDArray[np.uint8]:
    # Ids beyond the palette go round it again, leaving out black.
    index = np.where(labels == 0, 0, (labels.astype(np.int64) - 1) % 255 + 1)
    colours = davis_palette()[index]
    mixed = np.where((labels > 0)[..., None], picture // 2 + colours // 2, picture)
    edges = np.zeros(labels.shape, dtype=bool)
    for number in np.unique(labels[labels > 0]):
        edges |= boundary(labels == number)
    mixed[edges] = 255
    return np.asarray(mixed, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def plot(curves: Sequence[Curve], x_title: str, y_title: str) -> Image:
    """Draw curves of values from 0 to 1.

    Parameters
    ----------
    curves : sequence of Curve
    x_title, y_title : str

    Returns
    -------
    PIL.Image.Image
        RGB, 800 × 500.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (800, 500), "white")
    draw = ImageDraw.Draw(picture)
    draw.font = ImageFont.load_default(15)
    end = max((max(curve.x, default=0) for curve in curves), default=0) or 1.0
    box = _Box(80, 30, 770, 430, float(end))
    _axes(draw, box, x_title, y_title)
    for number, curve in enumerate(curves):
        colour = _LINES[number % len(_LINES)]
        line = [box.at(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
        draw.line(line, fill=colour, width=3)
        for x, y in line:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
        draw.text((box.right - 8, box.bottom - 28 - 20 * number), curve.name, colour, anchor="rm")
    return picture


@dataclass(frozen=True, slots=True)
class _Box:
    left: int
    top: int
    right: int
    bottom: int
    end: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = self.left + (self.right - self.left) * x / self.end
        return across, self.bottom - (self.bottom - self.top) * y


def _ticks(end: float) -> list[float]:
    """At most nine round numbers from 0 on, in steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(end / 8))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 8 >= end)
    return [float(f"{step * number:.6g}") for number in range(int(end / step + 1e-9) + 1)]


def _axes(draw: ImageDraw, box: _Box, x_title: str, y_title: str) -> None:
    for value in np.linspace(0, 1, 6).tolist():
        _, y = box.at(0, value)
        draw.line([(box.left, y), (box.right, y)], fill=_GRID)
        draw.text((box.left - 8, y), f"{value:.1f}", _INK, anchor="rm")
    for value in _ticks(box.end):
        x, _ = box.at(value, 0)
        draw.line([(x, box.top), (x, box.bottom)], fill=_GRID)
        draw.text((x, box.bottom + 8), f"{value:g}", _INK, anchor="ma")
    draw.line([(box.left, box.top), (box.left, box.bottom), (box.right, box.bottom)], fill=_INK)
    draw.text(((box.left + box.right) / 2, box.bottom + 40), x_title, _INK, anchor="ma")
    draw.text((box.left, 6), y_title, _INK)
