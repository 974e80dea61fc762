"""Whether files of weights are what they should be, by the names and shapes of their tensors.

Importing this loads no torch; the functions do.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_ivos.checkpoints import Checkpoint, CheckpointFile, list_checkpoints
from napari_ivos.errors import CheckpointError
from napari_ivos.methods._protocol import MethodSpec

if TYPE_CHECKING:
    from torch import Tensor

    from napari_ivos.methods._state_dict import Shapes

Tables: TypeAlias = "Mapping[str, Shapes]"
"""By file name: the entries that a published file has, and their shapes."""


def table(spec: MethodSpec) -> Tables:
    """What a method expects of its files; empty when it does not say (`MethodSpec.state_dict`)."""
    if not spec.state_dict:
        return {}
    module, function = spec.state_dict.split(":")
    made: Tables = getattr(importlib.import_module(module), function)()
    return made


def verify(path: Path, known: Tables) -> None:
    """Read a file whole and compare it with what it should be.

    Parameters
    ----------
    path : Path
        Its name tells which of the files in `known` it should be; if it does not, any of them.
    known : Tables
        What may be in it.

    Raises
    ------
    CheckpointError
        Says exactly what does not fit.
    """
    from napari_ivos.methods._state_dict import find_damage, is_intact, load_state_dict

    state = load_state_dict(path)
    called = [item for _, item in _items(known) if _is_called(path, item)]
    names = [item.name for item in called] or list(known)
    nearest = max(names, key=lambda name: len(state.keys() & known[name].keys()))
    _raise(path, nearest, _misfits(state, nearest, known))
    if not is_intact(path):
        raise CheckpointError(f"'{path}' is damaged: a checksum is wrong.", "Download it again.")
    _raise(path, nearest, find_damage(state))


def identify(path: Path, known: Tables) -> list[tuple[Checkpoint, CheckpointFile]]:
    """Which published files a file may be, by the names and shapes of its tensors.

    Raises
    ------
    CheckpointError
        It cannot be read, or holds no weights.
    """
    from napari_ivos.methods._state_dict import load_state_dict

    state = load_state_dict(path)
    fitting = [one for one in _items(known) if not _misfits(state, one[1].name, known)]
    return [one for one in fitting if _is_called(path, one[1])] or fitting


def _items(known: Tables) -> list[tuple[Checkpoint, CheckpointFile]]:
    return [
        (record, item)
        for record in list_checkpoints()
        for item in record.files
        if item.name in known
    ]


def _misfits(state: Mapping[str, Tensor], name: str, known: Tables) -> list[str]:
    from napari_ivos.methods._state_dict import compare

    return compare(state, known[name])


def _is_called(path: Path, item: CheckpointFile) -> bool:
    """Whether a file's name says what it is; browsers add numbers to names, people add words."""
    names = (item.name, *item.aliases)
    return any(Path(name).stem.lower() in path.name.lower() for name in names)


def _raise(path: Path, name: str, faults: list[str]) -> None:
    if faults:
        raise CheckpointError(
            f"'{path}' is not {name}: {'; '.join(faults)}.",
            "It was made for another network, or for another version of it.",
        )
