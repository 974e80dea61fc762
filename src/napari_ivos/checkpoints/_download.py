"""Fetching a checkpoint: resumed when it breaks off, verified, and renamed at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from napari_ivos.checkpoints._connection import InterruptedTransferError, Patience, RefusedError
from napari_ivos.checkpoints._disk import disk_errors, in_words
from napari_ivos.checkpoints._locate import user_folder
from napari_ivos.checkpoints._records import Checkpoint, CheckpointFile
from napari_ivos.checkpoints._transfer import Transfer
from napari_ivos.errors import CheckpointError

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes there are, and the bytes there will be (0: not known)."""

Verify = Callable[[Path], None]
"""Raises CheckpointError for a file that is not good."""


def download(
    record: Checkpoint,
    *,
    folder: Path | None = None,
    verify: Verify | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> list[Path]:
    """Download the files of a checkpoint that are not there yet, or are there and not good.

    The licence is the caller's to show first. What arrived of a file stays beside its place under a
    name that ends in ``.part`` if the server can go on with it, which the next call does.

    Parameters
    ----------
    record : Checkpoint
    folder : Path, optional
        By default the user's cache.
    verify : callable, optional
        Is given each file before it takes its name, and raises CheckpointError if it is not good;
        the file is deleted then.
    progress : callable, optional
        May raise to cancel.
    patience : Patience, optional

    Returns
    -------
    list of Path

    Raises
    ------
    CheckpointError
        The server has no such file, sends something else, or cannot be reached; the disk is full;
        the file does not verify; another program is downloading into the folder.
    """
    import filelock

    place = user_folder() if folder is None else folder
    with disk_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(place / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise CheckpointError(
                f"Another program is downloading into '{place}'.", "Wait until it is done."
            ) from error
    try:
        return [
            _fetch(record, item, place / item.name, verify, progress, patience or Patience())
            for item in record.files
        ]
    finally:
        lock.release()


def _fetch(
    record: Checkpoint,
    item: CheckpointFile,
    target: Path,
    verify: Verify | None,
    progress: Progress | None,
    patience: Patience,
) -> Path:
    if target.exists() and _passes(target, verify):
        return target

    def report(done: int, total: int | None) -> None:
        if progress is not None:
            progress(item.name, done, total or 0)

    part = target.with_name(f"{target.name}.part")
    transfer = Transfer(item.url, part, item.largest, patience, report)
    complete = False
    try:
        transfer.run()
        complete = True
        _check_record(part, item)
        if verify is not None:
            verify(part)
        with disk_errors(target.parent):
            part.replace(target)
    except (RefusedError, InterruptedTransferError) as error:
        kept = isinstance(error, InterruptedTransferError) and transfer.resumable
        way = "Try again, to go on where it broke off; or download" if kept else "Download"
        raise CheckpointError(
            f"{item.name} could not be downloaded: {error}.",
            f"{way} it in a browser from {record.page}, then run "
            "'napari-ivos checkpoints add FILE'.",
        ) from error
    finally:
        # A complete file that failed its check would fail it again.
        if complete or not transfer.resumable:
            transfer.discard()
    return target


def _passes(path: Path, verify: Verify | None) -> bool:
    try:
        if verify is not None:
            verify(path)
    except CheckpointError:
        return False
    return True


def _check_record(path: Path, item: CheckpointFile) -> None:
    """Compare a file with the size and the sum that its record has, if it has them."""
    size = path.stat().st_size
    if item.size is not None and size != item.size:
        raise CheckpointError(
            f"{item.name} has {in_words(size)} instead of {in_words(item.size)}.", "Try again."
        )
    if item.sha256 is None:
        return
    with disk_errors(path.parent), path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != item.sha256:
        raise CheckpointError(
            f"{item.name} is not the file that the authors published: its SHA-256 differs.",
            "Try again; if it happens again, the file on the server was changed.",
        )
