"""Space on a disk, and what can go wrong with it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from napari_ivos.errors import CheckpointError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no EDQUOT


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
        raise CheckpointError(f"'{where}' cannot be written: {error.strerror or error}.") from error


def in_words(size: int) -> str:
    """A number of bytes for people: "304 MB"."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
