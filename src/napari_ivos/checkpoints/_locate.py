"""Where weights lie on this computer."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from napari_ivos.checkpoints._records import Checkpoint, WeightFile, list_checkpoints
from napari_ivos.errors import CheckpointError

ENVIRONMENT = "NAPARI_IVOS_CHECKPOINTS"
"""The environment variable that names a folder of weights."""


def places() -> tuple[Path, ...]:
    """Folders that are looked into, first to last; they need not exist.

    The one that `ENVIRONMENT` names, ``checkpoints/`` of the source checkout that the program runs
    from, and the user's cache.
    """
    named, checkout = os.environ.get(ENVIRONMENT), _checkout()
    first = () if not named else (Path(named).expanduser(),)
    second = () if checkout is None else (checkout,)
    return (*first, *second, cache_folder())


def cache_folder() -> Path:
    """The user's own folder of weights, where `install` and `download` put them."""
    return platformdirs.user_cache_path("napari-ivos", appauthor=False) / "checkpoints"


def _checkout() -> Path | None:
    source = Path(__file__).parents[2]
    root = source.parent
    running = source.name == "src" and (root / "pyproject.toml").is_file()
    return root / "checkpoints" if running else None


def find_file(file: WeightFile, folder: Path | None = None) -> Path | None:
    """Where a file is: in `folder`, or else in the first of `places` that has it."""
    for place in places() if folder is None else (folder,):
        for name in file.names:
            # Not Path.is_file, which raises where a folder may not be entered.
            if os.path.isfile(place / name):
                return place / name
    return None


def locate(checkpoint: Checkpoint) -> Path | None:
    """What to give to a session: the file, or the folder that holds all of several files.

    None when no one place has all of it.
    """
    for place in places():
        if (found := _in(place, checkpoint)) is not None:
            return found
    return None


def find(method: str) -> Path | None:
    """The weights of a method: the first of `places` that has some decides.

    Where one place has several, it is the one for general use (`list_checkpoints`).
    """
    for place in places():
        for checkpoint in list_checkpoints(method):
            if (found := _in(place, checkpoint)) is not None:
                return found
    return None


def _in(place: Path, checkpoint: Checkpoint) -> Path | None:
    found = [find_file(file, place) for file in checkpoint.files]
    if any(path is None for path in found):
        return None
    return found[0] if len(found) == 1 else place


def require(method: str) -> Path:
    """As `find`, for when there must be some.

    Raises
    ------
    CheckpointError
        There are none; says how to get them.
    """
    path = find(method)
    if path is not None:
        return path
    records = list_checkpoints(method)
    if not records:
        raise CheckpointError(
            f"No weights were published for the method '{method}'.", "Give a checkpoint."
        )
    files = " and ".join(file.name for file in records[0].files)
    raise CheckpointError(
        f"The weights of the method '{method}' ({files}) are not on this computer.",
        f"Run: napari-ivos checkpoints download {records[0].name}; or, with the file at hand: "
        "napari-ivos checkpoints add FILE.",
    )
