"""What was measured: a row per sequence, scribble, round, object and frame."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from napari_ivos.errors import IvosError

COLUMNS = (
    "sequence",
    "scribble_idx",
    "interaction",
    "object_id",
    "frame",
    "jaccard",
    "contour",
    "j_and_f",
    "timing",
)
"""As in the reports of the DAVIS interactive framework, after an index without a name."""


class Row(NamedTuple):
    """One line of a report, in the order of `COLUMNS`."""

    sequence: str
    scribble_idx: int
    """Which of the scribbles of round 1; from 1 on."""
    interaction: int
    """The round; from 1 on."""
    object_id: int
    frame: int
    jaccard: float
    contour: float
    j_and_f: float
    timing: float
    """Seconds that the method took for the round."""


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a report as CSV; numbers keep all their digits."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("", *COLUMNS))
        writer.writerows((index, *row) for index, row in enumerate(rows))


def read_rows(path: Path) -> list[Row]:
    """Read a report, whatever the order of its columns.

    Raises
    ------
    IvosError
        The file cannot be read, or is no report.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(_parse(csv.DictReader(file)))
    except OSError as error:
        raise IvosError(f"The report {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise IvosError(
            f"{path} is not a report of an evaluation.",
            f"It needs the columns {', '.join(COLUMNS)}.",
        ) from error


def _parse(lines: csv.DictReader[str]) -> Iterator[Row]:
    if not set(COLUMNS) <= set(lines.fieldnames or ()):
        raise ValueError("columns are missing")
    for line in lines:
        scribble, interaction, object_id, frame = (int(line[name]) for name in COLUMNS[1:5])
        j, f, both, seconds = (float(line[name]) for name in COLUMNS[5:])
        yield Row(line["sequence"], scribble, interaction, object_id, frame, j, f, both, seconds)
