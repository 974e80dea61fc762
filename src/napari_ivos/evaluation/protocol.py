"""How an evaluation is run: the settings that its numbers depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.metrics import Metric
from napari_ivos.evaluation.robot import Robot
from napari_ivos.guidance import recommend
from napari_ivos.methods import check_choice

Guidance: TypeAlias = Literal["oracle", "rs1", "rs4", "uniform", "random"]
"""Who says which frame is mended next: whoever knows the truth, the method's own reliability (one
frame, or the worst of four), or nobody: evenly spread over the video, or at random."""

MAX_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Protocol:
    """Settings of an evaluation.

    Raises
    ------
    IvosError
        A setting is not possible.
    """

    method: str = "flow"
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
        spec = check_choice(self.method, self.device, self.checkpoint)
        if self.guidance in ("rs1", "rs4") and not spec.reliability:
            raise IvosError(
                f"The method {spec.name} does not estimate how reliable a frame is.",
                "Choose --guidance oracle, uniform or random.",
            )

    def describe(self) -> dict[str, Any]:
        """The settings as JSON takes them."""
        found = asdict(self)
        return {**found, "checkpoint": None if self.checkpoint is None else str(self.checkpoint)}


def next_frame(
    protocol: Protocol,
    quality: Mapping[int, float],
    reliability: NDArray[np.float64],
    visited: Sequence[int],
    used: Sequence[int],
    seed: Sequence[int],
) -> int:
    """The frame that is mended next.

    Of the frames that the guidance leaves over, the one with the lowest quality that was not used
    before; when all were used, the worst of them anyway.

    Parameters
    ----------
    protocol : Protocol
    quality : mapping of int to float
        By frame, of those whose truth is known; only these can be mended.
    reliability : (T,) float64
        What the method thinks of each frame; nan where unknown.
    visited : sequence of int
        Frames annotated so far, those of round 1 included.
    used : sequence of int
        Frames that the robot drew on so far. What people drew in round 1 does not count, as in the
        DAVIS framework.
    seed : sequence of int
        What a random choice depends on.

    Returns
    -------
    int
    """
    free = [frame for frame in quality if frame not in used]
    candidates = _candidates(protocol, quality, reliability, visited, free or list(quality), seed)
    left = [frame for frame in candidates if frame not in used] or candidates
    return min(left, key=lambda frame: (quality[frame], frame))


def _candidates(
    protocol: Protocol,
    quality: Mapping[int, float],
    reliability: NDArray[np.float64],
    visited: Sequence[int],
    free: list[int],
    seed: Sequence[int],
) -> list[int]:
    if protocol.guidance in ("rs1", "rs4"):
        known = np.full(len(reliability), np.nan)
        frames = list(quality)
        known[frames] = reliability[frames]
        # No frame is recommended where the method could tell nothing of any.
        return recommend(known, 1 if protocol.guidance == "rs1" else 4) or list(quality)
    if protocol.guidance == "uniform":
        return [max(free, key=lambda frame: (min(abs(frame - v) for v in visited), -frame))]
    if protocol.guidance == "random":
        return [int(np.random.default_rng([*seed]).choice(free))]
    return list(quality)


def seed_of(protocol: Protocol, sequence: str, *numbers: int) -> list[int]:
    """Seed of a random choice: the same however many sequences or workers there are."""
    return [protocol.seed, crc32(sequence.encode()), *numbers]
