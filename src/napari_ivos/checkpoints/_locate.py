"""Where checkpoints lie on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from napari_ivos.checkpoints._records import Checkpoint, CheckpointFile, list_checkpoints
from napari_ivos.errors import CheckpointError

ENVIRONMENT = "NAPARI_IVOS_CHECKPOINTS"


def user_folder() -> Path:
    """The folder that checkpoints are downloaded and added to."""
    from platformdirs import user_cache_path

    return user_cache_path("napari-ivos") / "checkpoints"


def search_folders() -> list[Path]:
    """Where checkpoints are looked for, in this order.

    The folder that ``$NAPARI_IVOS_CHECKPOINTS`` names, ``checkpoints/`` of a source checkout, and
    the user's cache.
    """
    folders = []
    if os.environ.get(ENVIRONMENT):
        folders.append(Path(os.environ[ENVIRONMENT]).expanduser())
    checkout = Path(__file__).parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "checkpoints").is_dir():
        folders.append(checkout / "checkpoints")
    folders.append(user_folder())
    return folders


def locate(record: Checkpoint) -> list[Path] | None:
    """The files of a checkpoint, all from one folder; None where one is missing everywhere."""
    for folder in search_folders():
        files = [_file_in(folder, item) for item in record.files]
        found = [file for file in files if file is not None]
        if len(found) == len(record.files):
            return found
    return None


def find(method: str) -> Path | None:
    """What to give to ``Session(checkpoint=...)`` for a method; None where there is nothing.

    Parameters
    ----------
    method : str

    Returns
    -------
    Path or None
        The file, or for a checkpoint of several files their folder; the first of the method's
        checkpoints that is there.
    """
    for record in list_checkpoints(method):
        files = locate(record)
        if files is not None:
            return files[0] if len(files) == 1 else files[0].parent
    return None


def missing_message(method: str) -> CheckpointError:
    """What to tell a user whose method has no weights yet."""
    records = list_checkpoints(method)
    if not records:
        return CheckpointError(f"The method '{method}' needs a checkpoint.", "Give its path.")
    record = records[0]
    names = " and ".join(item.name for item in record.files)
    return CheckpointError(
        f"The method '{method}' needs its authors' weights ({names}), which are not on this "
        "machine.",
        f"Run 'napari-ivos checkpoints download {record.name}', or download them from "
        f"{record.page} and run 'napari-ivos checkpoints add FILE'.",
    )


def install(record: Checkpoint, item: CheckpointFile, source: Path) -> Path:
    """Copy a file that was verified into the user's folder, whole or not at all.

    Raises
    ------
    CheckpointError
        It cannot be read or written.
    """

    def copy(part: Path) -> None:
        shutil.copyfile(source, part)

    return place(user_folder() / item.name, copy)


def place(target: Path, write: Callable[[Path], None]) -> Path:
    """Write a file under another name, then rename it."""
    part = target.with_name(f".{target.name}.copy")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CheckpointError(f"'{target}' cannot be written: {error.strerror}.") from error
    return target


def match(path: Path) -> tuple[Checkpoint, CheckpointFile] | None:
    """The record that a file's name belongs to; None for a name that no author uses."""
    for record in list_checkpoints():
        for item in record.files:
            if path.name in (item.name, *item.aliases):
                return record, item
    return None


def _file_in(folder: Path, item: CheckpointFile) -> Path | None:
    for name in (item.name, *item.aliases):
        if (folder / name).is_file():
            return folder / name
    return None
