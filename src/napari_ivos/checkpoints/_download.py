"""Weights from their authors' servers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import filelock

from napari_ivos.checkpoints._connection import (
    InterruptedTransferError,
    Patience,
    RefusedError,
)
from napari_ivos.checkpoints._files import disk_errors, in_words, make_folder
from napari_ivos.checkpoints._locate import cache_folder, find_file
from napari_ivos.checkpoints._records import Checkpoint, WeightFile
from napari_ivos.checkpoints._transfer import Transfer
from napari_ivos.errors import CheckpointError

Check: TypeAlias = Callable[[Path, WeightFile], object]
"""Raises `CheckpointError` when a file is not the one that the record describes."""

Progress: TypeAlias = Callable[[WeightFile, int, int | None], None]
"""Called with the file, the bytes that are there, and the bytes there will be, if known."""

# The size of a file that nobody here has seen is a guess: a state dictionary may hold more.
_SLACK = 4
_MARGIN = 2**24


def download(
    checkpoint: Checkpoint,
    check: Check,
    folder: Path | None = None,
    *,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Fetch what is missing of a checkpoint; show its terms to the user before.

    A part that an interrupted download left is gone on with where the server allows it.

    Parameters
    ----------
    checkpoint : Checkpoint
    check : callable
        See `Check`; called with each finished file before it gets its name.
    folder : Path, optional
        Default: `cache_folder`.
    progress : callable, optional
        See `Progress`; an exception from it cancels.
    patience : Patience, optional

    Returns
    -------
    Path
        What to give to a session: the file, or the folder of several files.

    Raises
    ------
    CheckpointError
        In one sentence, why it could not be had, and how to get it by hand.
    """
    place = cache_folder() if folder is None else folder
    with disk_errors(place):
        make_folder(place)
        lock = filelock.FileLock(place / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise CheckpointError(
                f"Another program is downloading into '{place}'.", "Wait until it is done."
            ) from error
    try:
        done = [
            _fetch(file, place, check, progress or _silent, patience or Patience())
            for file in checkpoint.files
        ]
    finally:
        lock.release()
    return done[0] if len(done) == 1 else place


def _silent(file: WeightFile, done: int, total: int | None) -> None:
    """Show no progress."""


def _fetch(
    file: WeightFile, place: Path, check: Check, progress: Progress, patience: Patience
) -> Path:
    present = find_file(file, place)
    if present is not None and _passes(present, file, check):
        return present
    part = place / f"{file.name}.part"
    limit = file.size or _SLACK * file.about + _MARGIN
    transfer = Transfer(
        file.url, part, limit, patience, lambda done, total: progress(file, done, total)
    )
    complete = False
    try:
        transfer.run()
        complete = True
        _check_record(part, file)
        check(part, file)
        with disk_errors(place):
            target = part.replace(place / file.name)
    except (RefusedError, InterruptedTransferError) as error:
        kept = isinstance(error, InterruptedTransferError) and transfer.resumable
        way = "Try again to go on where it stopped; or download" if kept else "Download"
        raise CheckpointError(
            f"'{file.name}' cannot be downloaded: {error}.",
            f"{way} it in a browser from {file.page} and then run: "
            "napari-ivos checkpoints add FILE.",
        ) from error
    finally:
        # A complete file that failed its check would fail it again.
        if complete or not transfer.resumable:
            transfer.discard()
    return target


def _passes(path: Path, file: WeightFile, check: Check) -> bool:
    try:
        check(path, file)
    except CheckpointError:
        return False
    return True


def _check_record(path: Path, file: WeightFile) -> None:
    """Compare a file with the size and the sum that its record has, if it has them."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise CheckpointError(
            f"'{file.name}' has {in_words(size)} instead of {in_words(file.size)}.", "Try again."
        )
    if file.sha256 is None:
        return
    with disk_errors(path.parent), path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != file.sha256:
        raise CheckpointError(
            f"'{file.name}' is not the file that the authors published: its SHA-256 differs.",
            "Try again; if it happens again, the file on the server was changed.",
        )
