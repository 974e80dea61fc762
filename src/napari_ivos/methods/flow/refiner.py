"""Where another method may improve on `flow`, and what it is given there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.looks import Looks
from napari_ivos.methods.flow.window import Plane, Window
from napari_ivos.types import Frame, Mask


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    """One object on the annotated frame, in a window of working size (h, w)."""

    window: Window
    image: Frame
    """(h, w, 3) uint8."""
    inside: Mask
    """Marked as the object's."""
    outside: Mask
    """Marked as not the object's."""
    evidence: Plane
    """Log-odds that `flow` found for the object."""
    region: Mask
    """What `flow` makes of them."""
    prior: Plane | None
    """The object's probability before the strokes; None when it had no region."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """One object one step further, in a window of working size (h, w)."""

    window: Window
    image: Frame
    """(h, w, 3) uint8."""
    cues: NDArray[np.float32]
    """(16, h, w) from `carry_cues`."""
    evidence: Plane
    """Log-odds that `flow` found for the object."""
    region: Plane
    """What `flow` makes of them, in [0, 1]."""
    sure: float
    """Consistency of the flow where it matters, 0–1."""
    looks: Sequence[Looks]
    """From the annotated frames, oldest round first; not empty where a refiner is asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What is made of an object one step further."""

    plane: Plane
    """Probability of the object, (h, w) float32."""
    expected: float
    """J with the truth that is expected, 0–1."""
    alike: float
    """How like the annotated object the one found is, -1 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """How much there is of an object round each place of a part of a frame."""

    values: NDArray[np.float32]
    """(h, w), 0 or more; coarser than the frame."""
    box: tuple[int, int, int, int]
    """(top, bottom, left, right) of that part, in pixels of the frame."""

    def strongest(self, where: Mask) -> tuple[float, float, float]:
        """The greatest value in a part (H, W) bool of the frame, and its place (y, x)."""
        top, bottom, left, right = self.box
        height, width = self.values.shape
        y = ((np.arange(height) + 0.5) * (bottom - top) / height + top).astype(int)
        x = ((np.arange(width) + 0.5) * (right - left) / width + left).astype(int)
        inside = np.where(where[np.ix_(y, x)], self.values, -1.0)
        row, column = np.unravel_index(int(inside.argmax()), inside.shape)
        return float(inside[row, column]), float(y[row]), float(x[column])


class Refiner(Protocol):
    """Decides again what `flow` decided; keeps no state of a session."""

    def annotated(self, view: Annotated) -> Plane:
        """Probability of the object on an annotated frame, (h, w) float32."""

    def moved(self, views: Sequence[Moved]) -> list[Opinion]:
        """What is to be made of each of some objects one step further."""

    def seek(self, frame: Frame, looks: Looks, about: tuple[float, float]) -> Heat:
        """Where an object may be, in as much of a frame (H, W, 3) round (y, x) as is feasible."""
