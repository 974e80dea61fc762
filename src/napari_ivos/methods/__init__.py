"""The methods: each sub-package describes itself with a `SPEC` and is found by that."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from napari_ivos.checkpoints import find, missing_message
from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods._early import load_early
from napari_ivos.methods._protocol import (
    Annotation,
    Engine,
    FrameResult,
    Frames,
    HumanMap,
    InteractRequest,
    Memory,
    MethodSpec,
    PropagateRequest,
)

__all__ = [
    "Annotation",
    "Engine",
    "FrameResult",
    "Frames",
    "HumanMap",
    "InteractRequest",
    "Memory",
    "MethodSpec",
    "PropagateRequest",
    "check_choice",
    "create_engine",
    "get_method",
    "list_methods",
    "load_early",
    "verify_checkpoint",
]


@cache
def _specs() -> tuple[MethodSpec, ...]:
    found: list[MethodSpec] = [
        importlib.import_module(f"{__name__}.{module.name}").SPEC
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg and not module.name.startswith("_")
    ]
    return tuple(sorted(found, key=lambda spec: spec.name))


def list_methods() -> list[MethodSpec]:
    """All methods there are, by name.

    Returns
    -------
    list of MethodSpec
        Listing imports neither torch nor any method's engine.
    """
    return list(_specs())


def get_method(name: str) -> MethodSpec:
    """Description of the method called `name`.

    Raises
    ------
    EngineError
        When there is no such method.
    """
    for spec in _specs():
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in _specs())
    raise EngineError(f"There is no method called '{name}'.", f"Choose one of: {known}.")


def create_engine(name: str, device: str = "auto", checkpoint: Path | None = None) -> Engine:
    """Load a method.

    Parameters
    ----------
    name : str
        One of `list_methods`.
    device : str
        "auto", or one of the method's devices, with an index if wanted ("cuda:1").
    checkpoint : Path, optional
        A file or folder of weights, for methods that take one; by default what is found on this
        machine.

    Returns
    -------
    Engine

    Raises
    ------
    EngineError
        No such method, or a device that it cannot use.
    CheckpointError
        There are no weights on this machine, or they do not fit.
    """
    spec = check_choice(name, device, checkpoint)
    if spec.checkpoint == "required" and checkpoint is None:
        checkpoint = find(name)
        if checkpoint is None:
            raise missing_message(name)
    module, function = spec.engine.split(":")
    engine: Engine = getattr(importlib.import_module(module), function)(device, checkpoint)
    return engine


def verify_checkpoint(name: str, path: Path) -> None:
    """Whether weights fit a method, as its own table says, or else by loading them.

    Parameters
    ----------
    name : str
    path : Path
        One file; for a method without a table, what the method takes.

    Raises
    ------
    CheckpointError
        Says what does not fit.
    """
    spec = get_method(name)
    if spec.state_dict:
        from napari_ivos.methods.weights import table, verify

        verify(path, table(spec))
    else:
        create_engine(name, "cpu", path)


def check_choice(
    name: str, device: str = "auto", checkpoint: Path | None = None, *, there: bool = False
) -> MethodSpec:
    """Whether a method, a device and a checkpoint go together, without loading anything.

    Parameters
    ----------
    name, device, checkpoint
        As for `create_engine`.
    there : bool
        Whether the checkpoint must be there already.

    Returns
    -------
    MethodSpec
        The method's description.

    Raises
    ------
    EngineError
        No such method, a kind of device that it cannot use, or a checkpoint too many or too few.
    CheckpointError
        The checkpoint is not there, but should be.
    """
    spec = get_method(name)
    if not isinstance(device, str):
        raise EngineError(f"{device!r} is no device.", "Give 'auto', 'cpu' or 'cuda', say.")
    kind = device.split(":", maxsplit=1)[0]
    if device != "auto" and kind not in spec.devices:
        raise EngineError(
            f"The method '{name}' does not run on '{device}'.",
            f"Choose 'auto' or one of: {', '.join(spec.devices)}.",
        )
    if checkpoint is not None and spec.checkpoint == "none":
        raise EngineError(f"The method '{name}' takes no checkpoint.", "Leave it out.")
    if there and checkpoint is not None and not Path(checkpoint).exists():
        raise CheckpointError(f"There is no checkpoint '{checkpoint}'.", "Check its path.")
    return spec
