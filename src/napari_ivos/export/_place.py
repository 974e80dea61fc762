"""Where a result goes: nothing is seen there before it is whole, nothing foreign is lost."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_ivos.errors import ExportError

_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file managers leave in folders; nobody misses it."""


def contents(folder: Path) -> list[Path]:
    """What a folder holds, sorted, without file managers' own files."""
    return sorted(path for path in folder.iterdir() if path.name not in _LITTER)


def check_place(target: Path, earlier: Callable[[Path], bool] | None) -> None:
    """Raise `ExportError` unless a file (a folder, when `earlier` is given) may be written here."""
    parent = target.parent
    if not parent.is_dir():
        raise ExportError(f"There is no folder '{parent}' to write to.", "Make it first.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ExportError(f"The folder '{parent}' cannot be written to.", "Choose another one.")
    with as_export_error(target):
        # Names have a greatest length, and the temporary one is longer.
        _part(target).is_dir()
    if earlier is None:
        if target.is_dir():
            raise ExportError(f"'{target}' is a folder, not a file.", "Choose another name.")
        if target.exists() and not os.access(target, os.W_OK):
            raise ExportError(f"The file '{target}' is write-protected.", "Choose another name.")
    elif target.exists():
        if not target.is_dir():
            raise ExportError(f"'{target}' is a file, not a folder.", "Choose another name.")
        with as_export_error(target):
            foreign = contents(target) and not earlier(target)
        if foreign:
            raise ExportError(
                f"The folder '{target}' holds other files, which stay as they are.",
                "Choose a new or an empty folder.",
            )


@contextmanager
def placed(target: Path, *, folder: bool) -> Iterator[Path]:
    """Give a temporary path beside `target`; move it there when the block ends without error.

    Raises
    ------
    ExportError
        For an OSError of the block or of the move: no space left, and so on.
    """
    part = _part(target)
    try:
        with as_export_error(target):
            if folder:
                part.mkdir()
            yield part
            if folder:
                _swap_folder(part, target)
            else:
                part.replace(target)
    finally:
        # After a move there is nothing left here; after anything else, Ctrl-C too, nothing stays.
        if folder:
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _part(target: Path) -> Path:
    return target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")


@contextmanager
def as_export_error(target: Path) -> Iterator[None]:
    """Turn an OSError into one clear sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(
            f"Cannot write '{target}': {reason}.", "Choose another folder, or make room there."
        ) from error


def clear_parts(target: Path) -> None:
    """Remove what programs left beside `target` that were ended while they wrote it."""
    form = re.compile(rf"\.{re.escape(target.stem)}\.[0-9a-f]{{8}}\.part{re.escape(target.suffix)}")
    for part in target.parent.glob(".*"):
        if form.fullmatch(part.name):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def _swap_folder(part: Path, target: Path) -> None:
    if not target.exists():
        part.rename(target)
        return
    old = part.with_name(f"{part.name}-old")
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
