"""Projects that nobody gave a place: kept in a folder of the user's, so that no work is lost."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from napari_ivos.errors import ProjectError

SUFFIX = ".ivos"
ENVIRONMENT = "NAPARI_IVOS_PROJECTS"
"""Names another folder for them; empty: nothing is kept unless it is saved."""

LARGE = 10 * 2**30
"""From how many bytes on the user is told what they take."""


def folder() -> Path | None:
    """The folder of the automatic projects; None: there are to be none."""
    given = os.environ.get(ENVIRONMENT)
    if given is not None:
        return Path(given).expanduser().absolute() if given else None
    from platformdirs import user_data_path

    return user_data_path("napari-ivos", appauthor=False) / "projects"


def is_automatic(project: Path | None) -> bool:
    """Whether a project lies in that folder."""
    return project is not None and project.parent == folder()


def place_for(name: str) -> Path:
    """Where the work on a video is to be kept; the folder around it is made.

    Raises
    ------
    ProjectError
        It cannot be made.
    """
    around = folder()
    assert around is not None
    try:
        around.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(
            f"The folder '{around}' for automatic projects cannot be made: {error.strerror}.",
            "Save the project to another folder (Save as).",
        ) from error
    short = re.sub(r"[^\w-]+", "_", name).strip("_")[:60] or "video"
    stem = f"{short} {time.strftime('%Y-%m-%d %H.%M')}"
    names = itertools.chain([stem], (f"{stem} {n}" for n in itertools.count(2)))
    return next(p for p in (around / f"{one}{SUFFIX}" for one in names) if not p.exists())


def recent(count: int) -> list[Path]:
    """The automatic projects that were worked on last, the latest first."""
    around, found = folder(), []
    if around is not None and around.is_dir():
        for path in around.glob(f"*{SUFFIX}"):
            with suppress(OSError):  # one that is being made, or was just deleted
                found.append(((path / "journal.jsonl").stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)[:count]]


def remove(project: Path) -> None:
    """Delete an automatic project; any other is left alone."""
    if is_automatic(project):
        shutil.rmtree(project, ignore_errors=True)


def bytes_taken() -> int:
    """What all of them take on the disk."""
    around = folder()
    return 0 if around is None else sum(_sizes(around))


def _sizes(around: Path) -> Iterator[int]:
    for where, _, names in os.walk(around):
        for name in names:
            with suppress(OSError):
                yield os.stat(os.path.join(where, name)).st_size
