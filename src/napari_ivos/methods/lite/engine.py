"""The engine of `lite`: that of `flow`, with the network in the two places where it decides."""

from __future__ import annotations

from pathlib import Path

from napari_ivos.methods._torch import resolve_device
from napari_ivos.methods.flow.engine import FlowEngine
from napari_ivos.methods.lite.model import EMBEDDED, load_network
from napari_ivos.methods.lite.refiner import NetworkRefiner


def create(device: str, checkpoint: Path | None) -> FlowEngine:
    """Make the engine.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps": where the network runs; flow runs on the processor.
    checkpoint : Path or None
        Other weights of the same network; by default those of the package.

    Returns
    -------
    FlowEngine

    Raises
    ------
    EngineError
        There is no such device.
    CheckpointError
        The weights do not fit.
    """
    network = load_network(checkpoint or EMBEDDED)
    return FlowEngine(NetworkRefiner(network, resolve_device(device)))
