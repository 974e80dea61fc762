"""The weights of `lite`, from a file to a network that is ready."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from napari_ivos.errors import CheckpointError
from napari_ivos.methods._blocks.fold import fold_norms
from napari_ivos.methods._state_dict import load_state_dict
from napari_ivos.methods._torch import load_strict
from napari_ivos.methods.lite.network import Lite

EMBEDDED = Path(__file__).with_name("lite.safetensors")
"""The weights that ship with the package, in half precision."""


def load_network(path: Path) -> Lite:
    """The network with the weights of a file, ready for inference on the processor.

    Parameters
    ----------
    path : Path
        A state dictionary, as safetensors or as torch writes it, in half or single precision.

    Raises
    ------
    CheckpointError
        The file cannot be read, or does not fit.
    """
    with torch.device("meta"):
        network = Lite()
    state = {
        key: value.float() if value.is_floating_point() else value
        for key, value in _read(path).items()
    }
    load_strict(network, state, "lite")
    network.eval().requires_grad_(False)
    fold_norms(network)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return load_state_dict(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"The weights {path.name} cannot be read: {error}.", "Install the package again."
        ) from error


def write_weights(state: Mapping[str, Tensor], path: Path, about: Mapping[str, str]) -> None:
    """Write weights as they ship: half precision, without the counters of the training.

    Parameters
    ----------
    state : mapping of str to Tensor
        State dictionary of `Lite`.
    path : Path
        A file of safetensors.
    about : mapping of str to str
        Kept in the file's header: recipe, data, licence.
    """
    kept = {
        key: value.detach().cpu().half().contiguous()
        for key, value in state.items()
        if value.is_floating_point()
    }
    part = path.with_name(f"{path.name}.part")
    save_file(kept, part, dict(about))
    # It is written for its owner alone, but ships with the package.
    part.chmod(0o644)
    os.replace(part, path)
