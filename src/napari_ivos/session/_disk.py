"""Files of masks in a folder, by their keys; and what to tell when a disk does not take them."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from napari_ivos.errors import ProjectError

Key: TypeAlias = int
"""Names one stored array, also for those who open the folder later."""

_NAME = re.compile(r"(\d{8,15})\.blosc(\.part)?")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What systems answer when there is no room left."""


def file_of(folder: Path, key: Key, part: str = "") -> Path:
    """Where an array lies."""
    return folder / f"{key:08d}.blosc{part}"


def listed(folder: Path) -> list[tuple[Key, bool]]:
    """The keys there are, and whether a file is one that was not written to its end.

    Raises
    ------
    ProjectError
        The folder cannot be read; one that is not there holds nothing.
    """
    try:
        found = [_NAME.fullmatch(file.name) for file in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ProjectError(f"The folder '{folder}' cannot be read: {error.strerror}.") from error
    return [(int(match[1]), match[2] is not None) for match in found if match is not None]


def write(folder: Path, key: Key, content: bytes) -> Path:
    """Write an array's file, whole or not at all.

    Raises
    ------
    ProjectError
        The disk is full or cannot be written to.
    """
    file, part = file_of(folder, key), file_of(folder, key, ".part")
    try:
        with part.open("xb") as stream:
            stream.write(content)
        part.replace(file)
    except OSError as error:
        unlink([part])
        raise not_written(folder, error) from error
    return file


def not_written(folder: Path, error: OSError) -> ProjectError:
    """What to tell when a mask cannot be written."""
    return ProjectError(
        f"A mask could not be written to '{folder}': {error.strerror}.", what_to_do(error)
    )


def what_to_do(error: OSError) -> str:
    """The hint for a user whose project folder cannot be written to."""
    if error.errno in FULL:
        return "Free some disk space; what was done so far is still there."
    return "Save the project to another folder; what was done so far is still there."


def delete(folder: Path, keys: list[Key]) -> None:
    """Take the files of arrays away."""
    unlink(file_of(folder, key) for key in keys)


def unlink(files: Iterable[Path]) -> None:
    """Take files away, as far as that goes."""
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError:  # it only takes up room
            continue
