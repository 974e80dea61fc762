"""Putting weights in their place: space, temporary names, and what can go wrong with a disk."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from napari_ivos.checkpoints._locate import cache_folder
from napari_ivos.checkpoints._records import WeightFile
from napari_ivos.errors import CheckpointError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no EDQUOT


def install(
    source: Path,
    file: WeightFile,
    check: Callable[[Path, WeightFile], object],
    folder: Path | None = None,
) -> Path:
    """Copy a file under its published name, where it is found again.

    Parameters
    ----------
    source : Path
    file : WeightFile
        What it is.
    check : callable
        Called with the finished copy and `file`; raises `CheckpointError` when it is not that.
    folder : Path, optional
        Default: `cache_folder`.

    Returns
    -------
    Path
        The copy, or `source` itself where it lies in place already.

    Raises
    ------
    CheckpointError
        The file cannot be read, the copy cannot be written, or `check` refuses it.
    """
    place = cache_folder() if folder is None else folder
    target = place / file.name
    with disk_errors(place):
        make_folder(place)
        if target.exists() and target.samefile(source):
            check(target, file)
            return target
        ask_for_space(place, source.stat().st_size)
        copy = place / f".{file.name}.{os.getpid()}.tmp"
        try:
            shutil.copyfile(source, copy)
            check(copy, file)
            copy.replace(target)
        finally:
            copy.unlink(missing_ok=True)
    return target


def make_folder(folder: Path) -> None:
    """Make a folder and those above it."""
    folder.mkdir(parents=True, exist_ok=True)


def ask_for_space(folder: Path, needed: int) -> None:
    """Raise `CheckpointError` when a disk has not enough space for `needed` bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CheckpointError(
            f"The disk of '{folder}' has {in_words(free)} free, and {in_words(needed)} are needed.",
            "Make space there.",
        )


@contextmanager
def disk_errors(folder: Path) -> Generator[None]:
    """Turn what a disk can raise into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise CheckpointError(
                f"The disk of '{folder}' is full.", "Make space there."
            ) from error
        where = error.filename or folder
        raise CheckpointError(
            f"'{where}' cannot be read or written: {error.strerror or error}."
        ) from error


def in_words(size: int) -> str:
    """A number of bytes for people: "304 MB"."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
