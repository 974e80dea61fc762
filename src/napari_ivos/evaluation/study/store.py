"""The folder of a person's results: a finished sequence is there whole, or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from napari_ivos.errors import ExportError, IvosError
from napari_ivos.evaluation.store import read_json, write_json
from napari_ivos.evaluation.study.trial import StudyRound
from napari_ivos.export._place import placed
from napari_ivos.types import ObjectId

COLUMNS = (
    "sequence",
    "obj_id",
    "N_rounds",
    "final_J",
    "final_F",
    "scribble_time",
    "operation_time",
    "finding_time",
    "total_time",
)
"""As in the tables that the GIS-RAmap authors' programs write."""
ROUND_COLUMNS = ("sequence", "round", *(item.name for item in fields(StudyRound)))


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a sequence."""

    sequence: str
    objects: tuple[ObjectId, ...]
    scores: list[tuple[float, float]]
    """J and F of each object: means over the scored frames."""
    rounds: list[StudyRound]

    def rows(self) -> Iterable[tuple[object, ...]]:
        """Lines of the table, one for each object, in the order of `COLUMNS`."""
        scribble = sum(item.scribble_time for item in self.rounds)
        operation = sum(item.operation_time for item in self.rounds)
        finding = sum(item.finding_time for item in self.rounds)
        times = (scribble, operation, finding, scribble + operation + finding)
        for object_id, (j, f) in zip(self.objects, self.scores, strict=True):
            yield (self.sequence, object_id, len(self.rounds), j, f, *(round(t, 3) for t in times))

    def round_rows(self) -> Iterable[tuple[object, ...]]:
        """Lines of the table of rounds, in the order of `ROUND_COLUMNS`."""
        for number, item in enumerate(self.rounds, start=1):
            frame, *times = asdict(item).values()
            yield (self.sequence, number, frame, *(round(t, 3) for t in times))


class StudyStore:
    """Results of one person with one method and guidance.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    participant : str

    Raises
    ------
    ExportError
        It cannot be written to.
    """

    def __init__(self, folder: Path, participant: str) -> None:
        self.folder = folder
        self._finished = folder / "sequences"
        self._table = folder / f"result_{participant}.csv"
        try:
            for inner in (self._finished, folder / "masks"):
                inner.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ExportError(f"The folder '{folder}' cannot be written to: {reason}.") from error
        # A window may let go of it in another thread than it took it in.
        self._lock = FileLock(folder / ".lock", timeout=0, thread_local=False)

    def claim(self, settings: dict[str, Any]) -> None:
        """Keep the folder for one study, of these settings; until `close`.

        Raises
        ------
        IvosError
            Somebody else is writing to it, or it was begun with other settings.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise IvosError(
                f"This participant's study is open in another window ('{self.folder}').",
                "Close that one first.",
            ) from error
        except OSError as error:
            raise ExportError(f"The folder '{self.folder}' cannot be written to.") from error
        self._check(settings)
        # The program may have ended between a sequence and its lines in the tables.
        self._write_tables()

    def _check(self, settings: dict[str, Any]) -> None:
        file = self.folder / "study.json"
        if not file.exists():
            write_json(file, settings)
            return
        before = read_json(file)
        for name in sorted({*settings, *before}):
            if settings.get(name) != before.get(name):
                what = "list of sequences" if name == "sequences" else f"{name}: {before.get(name)}"
                raise IvosError(
                    f"The study in '{self.folder}' was begun with another {what}.",
                    "Give the same to go on with it, or choose another folder or participant.",
                )

    def is_finished(self, sequence: str) -> bool:
        """Whether the results of a sequence are there."""
        return self._file(sequence).is_file()

    def masks(self, sequence: str) -> Path:
        """Folder of a sequence's final masks."""
        return self.folder / "masks" / sequence

    def add(self, result: Finished) -> None:
        """Write the results of a sequence.

        Raises
        ------
        ExportError
            They cannot be written.
        """
        write_json(self._file(result.sequence), asdict(result))
        self._write_tables()

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.release()

    def _file(self, sequence: str) -> Path:
        # Sequences are named by folders of the data set, so this is a plain name.
        return self._finished / f"{sequence}.json"

    def _write_tables(self) -> None:
        """Write the tables anew from all finished sequences."""
        done = [_read(file) for file in sorted(self._finished.glob("[!.]*.json"))]
        if not done:
            return
        _write_csv(self._table, COLUMNS, (row for item in done for row in item.rows()))
        rounds = (row for item in done for row in item.round_rows())
        _write_csv(self.folder / "rounds.csv", ROUND_COLUMNS, rounds)


def _read(file: Path) -> Finished:
    content = read_json(file)
    try:
        return Finished(
            str(content["sequence"]),
            tuple(map(int, content["objects"])),
            [(float(j), float(f)) for j, f in content["scores"]],
            [
                StudyRound(int(item.pop("frame")), **{key: float(item[key]) for key in item})
                for item in content["rounds"]
            ],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IvosError(
            f"{file} does not hold the results of a sequence.", "Remove it to have it done again."
        ) from error


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    with placed(path, folder=False) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
