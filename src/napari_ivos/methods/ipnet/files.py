"""The two files of weights that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from napari_ivos.errors import CheckpointError
from napari_ivos.methods._state_dict import load_state_dict
from napari_ivos.methods._torch import load_strict
from napari_ivos.methods.ipnet.networks import InteractionNetwork, PropagationNetwork

INTERACTION = "I_e290.pth"
PROPAGATION = "P_e290.pth"
_PAIR = (INTERACTION, PROPAGATION)
# An entry that only this network has.
_SIGNS = {INTERACTION: "Encoder.conv1_p.weight", PROPAGATION: "Encoder.conv1_x.weight"}
_HINT = f"Give the folder that holds {INTERACTION} and {PROPAGATION}."

Network = TypeVar("Network", InteractionNetwork, PropagationNetwork)


def find_pair(path: Path) -> tuple[Path, Path]:
    """The files of both networks.

    Parameters
    ----------
    path : Path
        Their folder, or one of the files, whose partner lies beside it.

    Returns
    -------
    interaction, propagation : Path

    Raises
    ------
    CheckpointError
        There is nothing, a file of another name, or one of the two is missing.
    """
    if not path.exists():
        raise CheckpointError(f"'{path}' does not exist.", _HINT)
    if path.is_file() and path.name not in _PAIR:
        raise CheckpointError(
            f"'{path.name}' is the name of neither of IPNet's two files of weights.",
            f"Call them {INTERACTION} and {PROPAGATION}, and give their folder or one of them.",
        )
    folder = path if path.is_dir() else path.parent
    missing = [name for name in _PAIR if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"IPNet has two files of weights, and {' and '.join(missing)} is not in '{folder}'."
            if len(missing) == 1
            else f"Neither of IPNet's two files of weights is in '{folder}'.",
            _HINT,
        )
    return folder / INTERACTION, folder / PROPAGATION


def load_networks(path: Path) -> tuple[InteractionNetwork, PropagationNetwork]:
    """Both networks with the weights of a checkpoint, ready for inference on the processor.

    Parameters
    ----------
    path : Path
        See `find_pair`.

    Raises
    ------
    CheckpointError
        A file is missing, cannot be read or does not fit; the two are swapped, or the same.
    """
    first, second = find_pair(path)
    # The larger one first: what loading takes for a while comes on top of what is there already.
    propagation = _load(PropagationNetwork, second, first, "IPNet's propagation network")
    interaction = _load(InteractionNetwork, first, second, "IPNet's interaction network")
    return interaction, propagation


def _load(make: type[Network], path: Path, partner: Path, name: str) -> Network:
    state = load_state_dict(path, mapped=False)
    if _holds(state, partner.name) and not _holds(state, path.name):
        raise _mistaken(path, partner)
    with torch.device("meta"):
        network = make()
    load_strict(network, state, name)
    # Weights are rewritten one after the other, and each old one goes when its successor is there.
    state.clear()
    network.prepare()
    return network


def _holds(state: Mapping[str, Tensor], name: str) -> bool:
    return _SIGNS[name] in state


def _mistaken(path: Path, partner: Path) -> CheckpointError:
    """What to say when a file holds the other network."""
    if _holds(load_state_dict(partner), path.name):
        return CheckpointError(
            f"{path.name} and {partner.name} are swapped: each holds the other's network.",
            "Rename them.",
        )
    return CheckpointError(
        f"{path.name} and {partner.name} hold the same network, so that of {path.name} is missing.",
        f"Download {path.name} again.",
    )
