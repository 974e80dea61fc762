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
    looks: Sequence[Looks]
    """From the annotated frames, oldest round first; never empty."""


class Refiner(Protocol):
    """Decides again what `flow` decided; keeps no state of a session."""

    def annotated(self, view: Annotated) -> Plane:
        """Probability of the object on an annotated frame, (h, w) float32."""

    def moved(self, view: Moved) -> tuple[Plane, float]:
        """Probability of the object, (h, w) float32, and its expected J with the truth (0–1)."""
