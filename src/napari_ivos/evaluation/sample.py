"""What comes of a sample: its measurements, and what a person wants to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_ivos.evaluation.rows import Row
from napari_ivos.types import Frame, LabelMap


@dataclass(frozen=True, slots=True)
class Worst:
    """The frame that was worst in the end."""

    frame: int
    quality: float
    picture: Frame
    truth: LabelMap
    shown: LabelMap


@dataclass(slots=True)
class Sample:
    """What came of a sample."""

    sequence: str
    number: int
    """Of the scribbles of round 1."""
    rows: list[Row] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """The frame that each round was drawn on."""
    strokes: list[int] = field(default_factory=list)
    """How many were drawn in each round."""
    quality: list[float] = field(default_factory=list)
    """The metric after each round, over all objects and scored frames."""
    worst: Worst | None = None
