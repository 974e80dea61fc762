"""A journal's lines become a history again, without running any method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from napari_ivos.errors import IvosError
from napari_ivos.session._codec import Decoder, forget, setting
from napari_ivos.session._disk import Key
from napari_ivos.session._history import Edit, History
from napari_ivos.session._journal import damaged, read_lines
from napari_ivos.session._state import State

NOTES = frozenset({"open", "run", "result", "end"})
"""Words of a line that say what went on, and change nothing in the history."""

FAULTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, IvosError)
"""What reading a line that makes no sense ends in."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a session was opened."""

    method: str
    device: str
    checkpoint: Path | None
    strokes: Literal["hint", "law"] | None
    accumulate: bool

    def written(self, program: str) -> dict[str, Any]:
        """For the journal."""
        return {
            "program": program,
            "method": self.method,
            "device": self.device,
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint),
            "strokes": self.strokes,
            "accumulate": self.accumulate,
        }

    @property
    def state(self) -> State:
        """What a session of these settings begins with."""
        return State(method=self.method, device=self.device, checkpoint=self.checkpoint)


def read_settings(known: dict[str, Any]) -> Settings:
    """From the journal.

    Raises
    ------
    ValueError, TypeError, KeyError
        They make no sense.
    """
    strokes = known["strokes"]
    if strokes not in (None, "hint", "law"):
        raise ValueError(f"strokes are '{strokes}'")
    method, device = setting("method", known["method"]), setting("device", known["device"])
    checkpoint = setting("checkpoint", known["checkpoint"])
    return Settings(method, device, checkpoint, strokes, known["accumulate"] is True)


@dataclass(slots=True)
class Restored:
    """What a journal says."""

    history: History = field(default_factory=lambda: History(State()))
    settings: Settings | None = None
    """Of the last time it was opened."""
    checksum: int = 0
    end: int = 0
    """Where the next line goes."""
    highest: Key = 0
    """The highest key of an array that was ever named, whether it is still there or not."""
    plans: set[int] = field(default_factory=set)
    """Runs that have not ended."""
    running: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Propagations that have not ended, by the plan: their frame and their edit."""
    cut: dict[int, int] = field(default_factory=dict)
    """Propagations that the program's end cut off: edits by their frames."""

    @property
    def interrupted(self) -> tuple[int, ...]:
        """Frames whose propagation was cut off, and not taken back since."""
        left = {**self.cut, **dict(self.running.values())}
        there = {edit.number for edit in self.history.done}
        return tuple(sorted(frame for frame, number in left.items() if number in there))


def lines_of(file: Path) -> Iterator[tuple[int, list[Any], int, int]]:
    """Number, changes, checksum and end of each line.

    Raises
    ------
    ProjectError
        The journal is damaged, or cannot be read.
    """
    for number, (line, checksum, end) in enumerate(read_lines(file), start=1):
        if not isinstance(line, list) or not all(isinstance(c, list) and c for c in line):
            raise damaged(file, number)
        yield number, line, checksum, end


def restore(file: Path, length: int) -> Restored:
    """Read a journal.

    Parameters
    ----------
    file : Path
    length : int
        Number of frames of the video.

    Raises
    ------
    ProjectError
        It is damaged, or cannot be read.
    """
    found, decoder, edits = Restored(), Decoder(length), dict[int, Edit]()
    for number, line, checksum, end in lines_of(file):
        try:
            for change in line:
                if change[0] in NOTES:
                    _note(found, decoder, line, *change)
                else:
                    decoder.apply(change, found.history, edits)
        except FAULTS as error:
            raise damaged(file, number) from error
        found.checksum, found.end = checksum, end
    if found.settings is None:
        raise damaged(file, 1)
    forget(found.history)
    found.highest = decoder.highest
    return found


def _note(found: Restored, decoder: Decoder, line: list[Any], word: str, *values: Any) -> None:
    if word == "open":
        found.plans.clear()
        if found.settings is None:
            found.history.state = read_settings(values[0]).state
        found.settings = read_settings(values[0])
        found.cut.update(dict(found.running.values()))
        found.running.clear()
    elif word == "run":
        plan, kind, frame, *_ = values
        decoder.index(frame)
        found.plans.add(plan)
        if kind == "propagate":
            (number,) = [change[1] for change in line if change[0] == "begin"]
            found.running[plan] = (frame, number)
    elif values[0] not in found.plans:
        raise ValueError(f"there is no run {values[0]}")
    elif word == "end":
        found.plans.discard(values[0])
        frame, _ = found.running.pop(values[0], (-1, 0))
        found.cut.pop(frame, None)
