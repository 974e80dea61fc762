"""The table of jobs: a CSV file, as spreadsheets write it, with one job a line."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from napari_ivos.batch.segment import SegmentJob
from napari_ivos.errors import IvosError
from napari_ivos.session import Direction

COLUMNS = tuple(field.name for field in fields(SegmentJob))
_NEEDED = ("video", "out")
_PATHS = (*_NEEDED, "strokes", "masks", "checkpoint", "project")
_MAX_BYTES = 2**24
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    line: int
    job: SegmentJob


def read_jobs(path: Path) -> list[Entry]:
    """Read a table of jobs, without looking at the files that it names.

    Parameters
    ----------
    path : Path
        A CSV file in UTF-8, parted by commas, semicolons or tabs. Its first line names the
        columns: ``video``, ``out``, ``strokes`` or ``masks`` or both, and any of `COLUMNS` beside.
        An empty cell stands for the default. Relative paths are relative to the file's folder.

    Returns
    -------
    list of Entry
        At least one; all their outputs and projects are different, and none is another's input.

    Raises
    ------
    IvosError
        The file cannot be read, or a line is wrong; the message names the line.
    """
    base = path.absolute().parent
    head, *lines = _lines(path)
    names = _names(path, head)
    entries = []
    for number, cells in lines:
        try:
            entries.append(Entry(number, _job(base, dict(_cells(names, cells)))))
        except IvosError as error:
            raise named(path, number, error) from error
    if not entries:
        raise IvosError(f"The table '{path}' holds no jobs.", "Each line below the first is one.")
    _check_places(path, entries)
    return entries


def named(path: Path, line: int, error: IvosError) -> IvosError:
    """The same error, with the line that it is about."""
    return IvosError(f"Line {line} of '{path.name}': {error.message}", error.hint)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that hold anything, with their numbers; at least one."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise IvosError(f"The table '{path}' is larger than 16 MiB.")
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise csv.Error("bytes of 0")
        first = text.partition("\n")[0]
        separator = max(_SEPARATORS, key=first.count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except OSError as error:
        raise IvosError(
            f"The table '{path}' cannot be read: {error.strerror}.", "Check its path."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise IvosError(
            f"The table '{path}' is no CSV file in UTF-8.", "Save it as 'CSV UTF-8'."
        ) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise IvosError(f"The table '{path}' is empty.", _columns())
    return lines


def _columns() -> str:
    return f"Its first line names the columns; there is: {', '.join(COLUMNS)}."


def _names(path: Path, head: tuple[int, list[str]]) -> list[str]:
    names = [name.lower() for name in head[1]]
    for name in names:
        if name not in COLUMNS:
            raise IvosError(f"The table '{path}' has a column '{name}'.", _columns())
        if names.count(name) > 1:
            raise IvosError(f"The table '{path}' has two columns '{name}'.", "Remove one.")
    for name in _NEEDED:
        if name not in names:
            raise IvosError(f"The table '{path}' has no column '{name}'.", _columns())
    return names


def _cells(names: list[str], cells: list[str]) -> Iterator[tuple[str, str]]:
    if len(cells) != len(names):
        raise IvosError(
            f"There are {len(cells)} cells for {len(names)} columns.",
            "A cell with commas in it, such as the channels 0,2, goes in double quotes.",
        )
    for name, cell in zip(names, cells, strict=True):
        if cell:
            yield name, cell
        elif name in _NEEDED:
            raise IvosError(f"There is no {name}.", "Only other columns may be empty.")


def _job(base: Path, cells: dict[str, str]) -> SegmentJob:
    if not {"strokes", "masks"}.intersection(cells):
        raise IvosError(
            "There are neither strokes nor masks.", "Name a file in one of these columns."
        )
    values: dict[str, Any] = {"strokes": None, **cells}
    for name in _PATHS:
        if name in cells:
            values[name] = Path(os.path.abspath(base / Path(cells[name]).expanduser()))
    if "channels" in cells:
        values["channels"] = _channels(cells["channels"])
    if "masks_frame" in cells:
        values["masks_frame"] = _number(cells["masks_frame"])
    if cells.get("direction", "both") not in get_args(Direction):
        known = ", ".join(get_args(Direction))
        raise IvosError(
            f"There is no direction '{cells['direction']}'.", f"Choose one of: {known}."
        )
    return SegmentJob(**values)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise IvosError(f"The frame '{text}' is no number.", "Frames count from 0.") from None


def _channels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise IvosError(f"The channels '{text}' are no numbers.", "Give them as in: 0,2") from None


def _inputs(job: SegmentJob) -> list[Path]:
    return [place for place in (job.video, job.strokes, job.masks) if place is not None]


def _check_places(path: Path, entries: Iterable[Entry]) -> None:
    inputs = {place for entry in entries for place in _inputs(entry.job)}
    taken: dict[Path, int] = {}
    for entry in entries:
        job = entry.job
        if within := inputs & {job.out, *job.out.parents}:
            wrong = IvosError(
                f"The masks would be written into the input '{within.pop()}'.",
                "Choose another place for them.",
            )
            raise named(path, entry.line, wrong)
        for place in (job.out, job.project):
            if place in taken:
                twice = IvosError(
                    f"Line {taken[place]} writes to '{place}' as well.", "Choose another place."
                )
                raise named(path, entry.line, twice)
            if place is not None:
                taken[place] = entry.line
