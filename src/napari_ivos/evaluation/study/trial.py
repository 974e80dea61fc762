"""A person's work on one sequence: what may be done when, and what is timed meanwhile.

The phases are those of the GIS-RAmap authors' real-world evaluation (CVPR 2021): scribbling,
operating (the person waits for the computer) and finding (the next frame to draw on).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

from napari_ivos.errors import IvosError

StudyGuidance: TypeAlias = Literal["free", "rs1", "rs4"]
"""Who finds the next frame: the person alone, the method, or the person among four candidates."""


class Phase(Enum):
    """What the person is doing."""

    READY = "looking at the video; no clock runs"
    SCRIBBLING = "drawing"
    OPERATING = "waiting for the computer"
    FINDING = "looking for the next frame"
    OVER = "satisfied"


@dataclass(slots=True)
class StudyRound:
    """A run, and the seconds that it took the person."""

    frame: int = -1
    """The frame that was drawn on."""
    scribble_time: float = 0.0
    operation_time: float = 0.0
    finding_time: float = 0.0
    """From the end of the run until the next frame was chosen, or the person was satisfied."""


class Trial:
    """Phases and clocks of one person on one sequence.

    Each second from the first press of the mouse until the person is satisfied belongs to one
    round and one of its three times. What is not possible in a phase is refused, and changes no
    clock: however often a key is pressed, there is one reading of the clock for each step.

    Parameters
    ----------
    guidance : {"free", "rs1", "rs4"}
    clock : callable
        Gives seconds.
    """

    def __init__(
        self, guidance: StudyGuidance = "free", clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.guidance = guidance
        self.phase = Phase.READY
        self.rounds: list[StudyRound] = []
        """Those whose run has ended."""
        self.chosen: int | None = None
        """The frame to draw on in this round; None: any."""
        self._clock = clock
        self._since = 0.0
        self._open = StudyRound()

    def press(self) -> None:
        """Take note of a press of the mouse on the video: the first one starts the clock."""
        if self.phase is Phase.READY:
            self._since = self._clock()
            self.phase = Phase.SCRIBBLING

    def check_stroke(self, frame: int, drawn: int | None) -> None:
        """Raise `IvosError` unless a stroke may be drawn on this frame now.

        Parameters
        ----------
        frame : int
        drawn : int or None
            The frame with strokes that were not run; None: there is none. (Here and below.)
        """
        if self.phase not in (Phase.READY, Phase.SCRIBBLING):
            raise IvosError("Nothing is drawn now.", self._instead)
        if drawn not in (None, frame):
            raise IvosError(f"The strokes of this round are on frame {drawn}.", self._instead)
        if self.chosen not in (None, frame):
            raise IvosError(
                f"Frame {self.chosen} was chosen for this round.",
                "Press Space to choose this one instead."
                if self.guidance == "free"
                else "Press Space to go back to it.",
            )

    def run(self, drawn: int | None) -> None:
        """Begin to wait for the computer.

        Raises
        ------
        IvosError
            Nothing can be run now.
        """
        if self.phase not in (Phase.READY, Phase.SCRIBBLING):
            raise IvosError("Nothing can be run now.", self._instead)
        if drawn is None:
            raise IvosError("There is nothing new to run.", "Draw a stroke first.")
        self.press()
        self._open.frame = drawn
        self._open.scribble_time += self._lap()
        self.phase = Phase.OPERATING

    def failed(self) -> None:
        """Say that the run failed: it is no round, and the strokes can be run once more."""
        if self.phase is Phase.OPERATING:
            self._open.operation_time += self._lap()
            self.phase = Phase.SCRIBBLING

    def operated(self) -> None:
        """Say that the run has ended, and its masks are on the screen."""
        if self.phase is Phase.OPERATING:
            self._open.operation_time += self._lap()
            self.rounds.append(self._open)
            self._open, self.chosen = StudyRound(), None
            self.phase = Phase.FINDING

    def choose(self, frame: int, drawn: int | None = None) -> None:
        """Choose the frame to draw on next, or another one while nothing is drawn yet.

        Raises
        ------
        IvosError
            There is nothing to choose now.
        """
        if self.phase is not Phase.FINDING and (
            self.phase is not Phase.SCRIBBLING or drawn is not None
        ):
            raise IvosError("No frame can be chosen now.", self._instead)
        if self.rounds:
            self.rounds[-1].finding_time += self._lap()
            self.chosen = frame
            self.phase = Phase.SCRIBBLING

    def satisfied(self, drawn: int | None = None) -> None:
        """End the sequence; looking at the last result counts as finding.

        Raises
        ------
        IvosError
            There is no result yet, or not the last one.
        """
        if self.phase is Phase.OPERATING:
            raise IvosError("The computer is not ready yet.", self._instead)
        if not self.rounds:
            raise IvosError("There is no result yet.", "Draw, and run (R) at least once.")
        if drawn is not None:
            raise IvosError("There are strokes that were not run.", "Run (R) or undo (U) them.")
        if self.phase is not Phase.OVER:
            self.rounds[-1].finding_time += self._lap()
            self.phase = Phase.OVER

    @property
    def _instead(self) -> str:
        if self.phase is Phase.FINDING:
            return "Choose a frame (A to D)." if self.guidance == "rs4" else "Choose a frame first."
        return {
            Phase.READY: "Draw on the frame that shows the objects best.",
            Phase.SCRIBBLING: "Run (R) or undo (U) the strokes first.",
            Phase.OPERATING: "Wait until the run has ended.",
            Phase.OVER: "The sequence is over.",
        }[self.phase]

    def _lap(self) -> float:
        """Seconds since the clock was read last."""
        before, self._since = self._since, self._clock()
        return self._since - before
