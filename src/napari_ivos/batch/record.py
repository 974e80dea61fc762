"""What is finished of a table of jobs, in a folder beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from napari_ivos.batch.jobs_file import Entry
from napari_ivos.batch.segment import SegmentJob
from napari_ivos.errors import ExportError, IvosError
from napari_ivos.export._place import placed

_MAX_BYTES = 2**20
_INPUTS = ("video", "strokes", "masks", "checkpoint")


@dataclass(frozen=True, slots=True)
class Task:
    """A job, and where it is written down that it is finished."""

    entry: Entry
    record: Path
    inputs: str
    """Fingerprint of what its result depends on."""

    def result(self) -> str | None:
        """What was done, in one line; None when it is still to be done."""
        try:
            with self.record.open("rb") as stream:
                content: Any = json.loads(stream.read(_MAX_BYTES))
            same = content["inputs"] == self.inputs and self.entry.job.out.exists()
            return str(content["result"]) if same else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def finish(self, result: str) -> None:
        """Write down that it is finished.

        Raises
        ------
        ExportError
            It cannot be written.
        """
        content = {"out": str(self.entry.job.out), "inputs": self.inputs, "result": result}
        with placed(self.record, folder=False) as part:
            part.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


@contextmanager
def claimed(table: Path, entries: Iterable[Entry]) -> Iterator[list[Task]]:
    """Keep the jobs of a table for one command, and give them with their records.

    Raises
    ------
    IvosError
        Another command is at it, or nothing can be written beside it.
    """
    from filelock import FileLock, Timeout

    folder = table.absolute().with_name(f"{table.name}.done")
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise IvosError(
            f"Another command is at work on '{table}'.", "Wait for it, or stop it."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"The folder '{folder}' cannot be written to: {reason}.") from error
    try:
        yield [
            Task(entry, folder / _name(table, entry.job), fingerprint(entry.job))
            for entry in entries
        ]
    finally:
        lock.release()


def _name(table: Path, job: SegmentJob) -> str:
    # Relative, so that table and results can be moved together.
    place = Path(os.path.relpath(job.out, table.absolute().parent)).as_posix()
    return f"{job.out.stem[:40]}.{sha256(place.encode()).hexdigest()[:12]}.json"


def fingerprint(job: SegmentJob) -> str:
    """Tells whether what a job's result depends on is as it was.

    Files count by their size and time. Where they lie, and on which device it is computed, does not
    count.

    Parameters
    ----------
    job : SegmentJob

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    content = asdict(job)
    for name in ("out", "project", "device"):
        del content[name]
    for name in _INPUTS:
        content[name] = None if content[name] is None else list(_stamps(content[name]))
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _stamps(path: Path) -> Iterator[tuple[str, int, int]]:
    """Of a file, or of all in a folder; of nothing if there is nothing."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            status = file.stat()
            yield file.relative_to(path).as_posix(), status.st_size, status.st_mtime_ns
