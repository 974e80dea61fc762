"""How an evaluation is run: the settings that its numbers depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_ivos.defaults import DEFAULT_METHOD
from napari_ivos.errors import IvosError
from napari_ivos.evaluation.metrics import Metric
from napari_ivos.evaluation.robot import Robot
from napari_ivos.guidance import recommend
from napari_ivos.methods import check_choice

Guidance: TypeAlias = Literal["oracle", "rs1", "rs4", "uniform", "random"]
"""Who says which frame is mended next: whoever knows the truth, the method's own reliability (one
frame, or the worst of four), or nobody: evenly spread over the video, or at random."""

MAX_ROUNDS, MAX_SIDE = 1000, 4096


@dataclass(frozen=True, slots=True)
class Protocol:
    """Settings of an evaluation.

    Raises
    ------
    IvosError
        A setting is not possible.
    """

    method: str = DEFAULT_METHOD
    device: str = "auto"
    checkpoint: Path | None = None
    guidance: Guidance = "oracle"
    metric: Metric = "J_AND_F"
    """What is optimised: the worst frame is the one that is worst by it."""
    rounds: int = 8
    time_limit: float | None = None
    """Seconds that the method has for each object; what comes later does not count."""
    starts: int = 1
    """Samples of a sequence that nobody drew round 1 of."""
    points: int | Path | None = None
    """Round 1 by points: so many at random in each object, or those of a YouTube-iVOS file."""
    short_side: int | None = None
    """Pixels to which frames are scaled for the method; masks are scaled back. None: not at all."""
    via_davisinteractive: bool = False
    """Whether the DAVIS framework itself plays, rather than what is written here after it."""
    robot: Robot = field(default_factory=Robot)
    seed: int = 0

    def __post_init__(self) -> None:
        for value, kind, name in (
            (self.guidance, Guidance, "guidance"),
            (self.metric, Metric, "metric"),
        ):
            if value not in get_args(kind):
                known = ", ".join(get_args(kind))
                raise IvosError(f"There is no {name} '{value}'.", f"Choose one of: {known}.")
        if not 1 <= self.rounds <= MAX_ROUNDS or self.starts < 1:
            raise IvosError(
                "At least one round and one start are needed.", f"At most {MAX_ROUNDS}."
            )
        if self.time_limit is not None and not self.time_limit > 0:
            raise IvosError("The time limit must be a positive number of seconds.")
        if isinstance(self.points, int) and self.points < 1:
            raise IvosError("At least one point is needed in each object.")
        if self.short_side is not None and not 16 <= self.short_side <= MAX_SIDE:
            raise IvosError(f"Frames can be scaled to a short side of 16 to {MAX_SIDE} pixels.")
        spec = check_choice(self.method, self.device, self.checkpoint, there=True)
        if self.guidance in ("rs1", "rs4") and not spec.reliability:
            raise IvosError(
                f"The method {spec.name} does not estimate how reliable a frame is.",
                "Choose --guidance oracle, uniform or random.",
            )

    def describe(self) -> dict[str, Any]:
        """The settings as JSON takes them."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }


def candidates(
    guidance: Guidance,
    frames: Sequence[int],
    reliability: NDArray[np.float64],
    visited: Sequence[int],
    used: Sequence[int],
    seed: Sequence[int],
) -> list[int]:
    """Frames that may be mended next.

    Parameters
    ----------
    guidance : Guidance
    frames : sequence of int
        Those whose truth is known; only these can be mended.
    reliability : (T,) float64
        What the method thinks of each frame; nan where unknown.
    visited : sequence of int
        Frames annotated so far, those of round 1 included.
    used : sequence of int
        Frames that do not count as free, unless all are used.
    seed : sequence of int
        What a random choice depends on.

    Returns
    -------
    list of int
        Not empty.
    """
    free = [frame for frame in frames if frame not in used] or list(frames)
    if guidance in ("rs1", "rs4"):
        known = np.full(len(reliability), np.nan)
        known[list(frames)] = reliability[list(frames)]
        # No frame is recommended where the method could tell nothing of any.
        return recommend(known, 1 if guidance == "rs1" else 4) or list(frames)
    if guidance == "uniform":
        return [max(free, key=lambda frame: (min(abs(frame - v) for v in visited), -frame))]
    if guidance == "random":
        return [int(np.random.default_rng([*seed]).choice(free))]
    return list(frames)


def worst_unused(
    choice: Sequence[int] | None, quality: Mapping[int, float], used: Sequence[int]
) -> int:
    """The frame that the robot draws on.

    Parameters
    ----------
    choice : sequence of int, optional
        The candidates; None: all frames.
    quality : mapping of int to float
        By frame.
    used : sequence of int
        Frames that the robot drew on before. What people drew in round 1 does not count, as in the
        DAVIS framework.

    Returns
    -------
    int
        Of the candidates not used the one with the lowest quality; when all were used, the worst
        anyway. Ties go to the earlier frame.
    """
    frames = list(quality) if choice is None else list(choice)
    left = [frame for frame in frames if frame not in used] or frames
    return min(left, key=lambda frame: (quality[frame], frame))


def seed_of(protocol: Protocol, sequence: str, *numbers: int) -> list[int]:
    """Seed of a random choice: the same however many sequences or workers there are."""
    return [protocol.seed, crc32(sequence.encode()), *numbers]
