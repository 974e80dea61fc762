"""The folder of a report while it grows: a finished sample is there whole, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import ExportError, IvosError
from napari_ivos.evaluation.rows import Row, read_rows, write_rows
from napari_ivos.evaluation.sample import Sample
from napari_ivos.export._place import clear_parts, placed

_MAX_JSON_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class Played:
    """A finished sample, as it lies in the report's folder."""

    folder: Path
    sequence: str
    number: int
    frames: tuple[int, ...]
    strokes: tuple[int, ...]
    quality: tuple[float, ...]
    worst: tuple[int, float] | None
    """The frame that was worst in the end, and how good it was."""

    def rows(self) -> list[Row]:
        """Its lines of the report."""
        return read_rows(self.folder / "rows.csv")

    @property
    def picture(self) -> Path:
        """Picture of the worst frame."""
        return self.folder / "worst.jpg"


class Store:
    """Finished samples, each in a folder of its own.

    Parameters
    ----------
    folder : Path
        The report's; made when it is not there.

    Raises
    ------
    ExportError
        It cannot be written to, or holds something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._samples = folder / "samples"
        self._settings = folder / "settings.json"
        try:
            if folder.is_dir() and any(folder.iterdir()) and not self._settings.is_file():
                raise ExportError(
                    f"The folder '{folder}' holds other files, which stay as they are.",
                    "Choose a new or an empty folder.",
                )
            self._samples.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ExportError(f"The folder '{folder}' cannot be written to: {reason}.") from error

    @contextmanager
    def claimed(self, settings: dict[str, Any]) -> Iterator[None]:
        """Keep the folder for one evaluation, of these settings.

        Raises
        ------
        IvosError
            Another evaluation is writing to it, or it was begun with other settings.
        """
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".lock", timeout=0):
                self._check(json.loads(json.dumps(settings)))
                # What workers left behind that were ended from outside.
                for part in self._samples.glob(".*.part*"):
                    shutil.rmtree(part, ignore_errors=True)
                yield
        except Timeout as error:
            raise IvosError(
                f"Another evaluation is writing to '{self.folder}'.", "Wait for it, or stop it."
            ) from error

    def _check(self, settings: dict[str, Any]) -> None:
        # A slip that nothing came of, such as a wrong checkpoint, does not spoil the folder.
        if not self._settings.exists() or not any(self._samples.glob("[!.]*")):
            write_json(self._settings, settings)
            return
        before = read_json(self._settings)
        for name in sorted({*settings, *before}):
            if settings.get(name) != before.get(name):
                raise IvosError(
                    f"The report in '{self.folder}' was begun with {name} = {before.get(name)}, "
                    f"not {settings.get(name)}.",
                    "Give the same settings to go on with it, or another folder for the report.",
                )

    def find(self, sequence: str, number: int) -> Played | None:
        """A finished sample; None when it is not finished."""
        folder = self._place(sequence, number)
        if not folder.is_dir():
            return None
        content = read_json(folder / "sample.json")
        try:
            worst = content["worst"]
            return Played(
                folder,
                sequence,
                number,
                tuple(map(int, content["frames"])),
                tuple(map(int, content["strokes"])),
                tuple(map(float, content["quality"])),
                None if worst is None else (int(worst["frame"]), float(worst["quality"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise IvosError(
                f"{folder} does not hold a finished sample.", "Remove it to have it done again."
            ) from error

    def add(self, sample: Sample) -> None:
        """Write a finished sample, whole or not at all; one that is there already stays.

        Raises
        ------
        ExportError
            It cannot be written.
        """
        target = self._place(sample.sequence, sample.number)
        # A worker that was thought dead may have been quicker.
        if target.is_dir():
            return
        clear_parts(target)
        worst = sample.worst
        content = {
            "sequence": sample.sequence,
            "number": sample.number,
            "frames": sample.frames,
            "strokes": sample.strokes,
            "quality": sample.quality,
            "worst": None if worst is None else {"frame": worst.frame, "quality": worst.quality},
        }
        with placed(target, folder=True) as part:
            write_rows(part / "rows.csv", sample.rows)
            (part / "sample.json").write_text(json.dumps(content), encoding="utf-8")
            if worst is not None:
                from napari_ivos.evaluation.pictures import worst_case

                worst_case(worst).save(part / "worst.jpg", quality=88)

    def _place(self, sequence: str, number: int) -> Path:
        # Sequences are named by folders of the data set, so this is a plain name.
        return self._samples / f"{sequence}.{number:03d}"


def write_json(path: Path, content: object) -> None:
    """Write JSON, whole or not at all."""
    with placed(path, folder=False) as part:
        part.write_text(json.dumps(content, indent=1, default=_plain), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a small JSON object of our own.

    Raises
    ------
    IvosError
        It is missing or damaged.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise IvosError(f"The file {path} is larger than 16 MiB.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IvosError(
            f"The file {path} is missing or damaged.", "Remove its folder to have it done again."
        ) from error
    if not isinstance(content, dict):
        raise IvosError(f"The file {path} is damaged.", "Remove its folder to have it done again.")
    return content


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not go into JSON")
