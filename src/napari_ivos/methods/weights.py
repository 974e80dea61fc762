"""Whether files of weights are what they should be: joins the records, the methods and torch.

Importing this loads no torch; the functions do.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_ivos.checkpoints import Checkpoint, WeightFile, list_checkpoints
from napari_ivos.errors import CheckpointError
from napari_ivos.methods import list_methods

if TYPE_CHECKING:
    from torch import Tensor

    from napari_ivos.methods._state_dict import Shapes

Tables: TypeAlias = "Mapping[str, Shapes]"
"""By file name: the entries that a published file has, and their shapes."""


def tables() -> Tables:
    """What the methods that are here expect of their files (`MethodSpec.state_dict`)."""
    merged: dict[str, Shapes] = {}
    for spec in list_methods():
        if spec.state_dict:
            module, function = spec.state_dict.split(":")
            merged |= getattr(importlib.import_module(module), function)()
    return merged


def verify(path: Path, file: WeightFile, known: Tables | None = None) -> bool:
    """Read a file whole and compare it with what it should be.

    Parameters
    ----------
    path : Path
    file : WeightFile
        What it should be.
    known : Tables, optional
        Default: `tables`.

    Returns
    -------
    bool
        Whether names and shapes were compared. False: the method is not part of this version, so
        that the entries could only be counted.

    Raises
    ------
    CheckpointError
        Says exactly what does not fit.
    """
    from napari_ivos.methods._state_dict import find_damage, is_intact, load_state_dict

    state = load_state_dict(path)
    known = tables() if known is None else known
    _raise(path, file.name, _misfits(state, file, known))
    if not is_intact(path):
        raise CheckpointError(f"'{path}' is damaged: a checksum is wrong.", "Download it again.")
    _raise(path, file.name, find_damage(state))
    return file.name in known


def verify_all(checkpoint: Checkpoint, path: Path, known: Tables | None = None) -> bool:
    """As `verify`, for what `checkpoints.locate` gives: a file, or a folder of several."""
    known = tables() if known is None else known
    files = checkpoint.files
    paths = [path] if len(files) == 1 else [path / file.name for file in files]
    compared = [verify(one, file, known) for one, file in zip(paths, files, strict=True)]
    return all(compared)


def identify(
    path: Path, name: str | None = None, known: Tables | None = None
) -> tuple[Checkpoint, WeightFile]:
    """Which published file a file is, by the names and shapes of its tensors.

    Parameters
    ----------
    path : Path
    name : str, optional
        The checkpoint that the user says it is; otherwise the file's name decides between
        those that are made alike.
    known : Tables, optional
        Default: `tables`.

    Returns
    -------
    checkpoint : Checkpoint
    file : WeightFile

    Raises
    ------
    CheckpointError
        It is none of them: says exactly what does not fit the nearest one. Or it may be several.
    """
    from napari_ivos.methods._state_dict import load_state_dict

    state = load_state_dict(path)
    known = tables() if known is None else known
    choices = [(c, f) for c in list_checkpoints() if name in (None, c.name) for f in c.files]
    fitting = [(c, f) for c, f in choices if not _misfits(state, f, known)]
    called = [(c, f) for c, f in fitting if _is_called(path, f)]
    if len(fitting) == 1 or called:
        return (called or fitting)[0]
    if fitting:
        names = [c.name for c, _ in fitting]
        raise CheckpointError(
            f"'{path}' may be {' or '.join(names)}, which differ in their numbers alone.",
            f"Say which: --as {names[0]}.",
        )
    _, nearest = max(choices, key=lambda one: _likeness(path, state, one[1], known))
    raise _misfit(path, nearest.name, _misfits(state, nearest, known))


def _misfits(state: Mapping[str, Tensor], file: WeightFile, known: Tables) -> list[str]:
    from napari_ivos.methods._state_dict import compare

    if file.name in known:
        return compare(state, known[file.name])
    if len(state) in file.entries:
        return []
    return [f"{len(state)} entries where {' or '.join(map(str, file.entries))} should be"]


def _is_called(path: Path, file: WeightFile) -> bool:
    """Whether a file's name says what it is; browsers add numbers to names, people add words."""
    return any(Path(name).stem.lower() in path.stem.lower() for name in file.names)


def _likeness(
    path: Path, state: Mapping[str, Tensor], file: WeightFile, known: Tables
) -> tuple[int, bool, int]:
    shared = len(state.keys() & known[file.name].keys()) if file.name in known else 0
    return shared, _is_called(path, file), -abs(len(state) - file.entries[0])


def _raise(path: Path, name: str, faults: list[str]) -> None:
    if faults:
        raise _misfit(path, name, faults)


def _misfit(path: Path, name: str, faults: list[str]) -> CheckpointError:
    return CheckpointError(
        f"'{path}' is not {name}: {'; '.join(faults)}.",
        "It was made for another network, or for another version of it.",
    )
