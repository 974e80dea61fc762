"""Devices, checkpoints and errors of the methods that run on torch."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods._state_dict import compare, load_state_dict

# Of the threads that torch takes unless it is told otherwise.
_HALF = max(1, torch.get_num_threads() // 2)

Network = TypeVar("Network", bound=nn.Module)


def resolve_device(name: str) -> torch.device:
    """The device that a name stands for.

    Parameters
    ----------
    name : str
        "auto" (CUDA, else MPS, else the processor), "cpu", "cuda", "cuda:1", "mps".

    Raises
    ------
    EngineError
        There is no such device here.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EngineError(f"'{name}' is not the name of a device.", _DEVICE_HINT) from error
    there = {"cpu": True, "cuda": cuda, "mps": mps}.get(device.type, False)
    if device.type == "cuda" and cuda:
        there = (device.index or 0) < torch.cuda.device_count()
    if not there:
        raise EngineError(f"There is no device '{name}' that torch can use here.", _DEVICE_HINT)
    return device


_DEVICE_HINT = "Choose 'auto' or 'cpu', or install the build of torch for your graphics card."


def load_strict(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Give a network its weights; every name and every shape must fit, but for `COUNTER`.

    Parameters
    ----------
    network : Module
        May lie on the "meta" device: it takes the very tensors of `state`; see `own_tensors`.
    state : mapping of str to Tensor
    name : str
        How to call the network in the message.

    Raises
    ------
    CheckpointError
        Says how many weights are missing, unknown or of another shape, and names the first.
    """
    wanted = network.state_dict()
    faults = compare(state, {key: tuple(value.shape) for key, value in wanted.items()})
    if faults:
        raise CheckpointError(
            f"The checkpoint does not fit {name}: of its {len(wanted)} weights, "
            f"{'; '.join(faults)}.",
            "It was made for another network, or for another version of it.",
        )
    tensors = {key: value.to(wanted[key].dtype) for key, value in state.items()}
    for key in wanted.keys() - tensors.keys():
        tensors[key] = torch.zeros((), dtype=wanted[key].dtype)
    network.load_state_dict(tensors, strict=True, assign=True)


def own_tensors(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy what a network still shares with `state`: a mapped file may be replaced any time.

    Called after the layers were rewritten, so that most weights are copied just once.
    """
    shared = {tensor.data_ptr() for tensor in state.values()}
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.data_ptr() in shared:
            tensor.data = tensor.data.clone()


def load_prepared(
    make: Callable[[], Network], prepare: Callable[[Network], None], checkpoint: Path, name: str
) -> Network:
    """A network with the weights of a checkpoint, ready for inference on the processor.

    Parameters
    ----------
    make : callable
        Gives the network as it was trained.
    prepare : callable
        Rewrites its loaded layers for inference, in place.
    checkpoint : Path
    name : str
        How to call the network in messages.

    Raises
    ------
    CheckpointError
        The file cannot be read, or does not fit.
    """
    with torch.device("meta"):
        network = make()
    state = load_state_dict(checkpoint)
    load_strict(network, state, name)
    prepare(network)
    own_tensors(network, state)
    return network


@contextmanager
def beside_others() -> Iterator[None]:
    """Leave half of the processor's cores to what works at the same time in other threads.

    Torch's threads wait for each other by spinning, which would slow the others down.
    """
    before = torch.get_num_threads()
    if before <= _HALF:
        # Nor set it back: a thread that begins meanwhile takes the lower number for its own.
        yield
        return
    torch.set_num_threads(_HALF)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device's memory is full; torch has no one type for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "not enough memory" in text
    )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn torch's errors into `EngineError`; RuntimeError is swallowed by GUI workers.

    Parameters
    ----------
    what : str
        What was being done, to begin the message with.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise EngineError(
                f"{what} needs more memory than there is.",
                "Use a smaller video, fewer objects, or a device with more memory.",
            ) from error
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise EngineError(
            f"{what} failed: {first}.", "Please report it, with the video."
        ) from error


@contextmanager
def inference(precise: bool = True) -> Iterator[None]:
    """No gradients, and on CUDA no TF32 where results must be those of float32.

    Not to be held across a yield: both are settings of the thread or the process.
    """
    with torch.inference_mode():
        if not (precise and torch.cuda.is_available()):
            yield
            return
        products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
        before = products.allow_tf32, convolutions.allow_tf32
        products.allow_tf32 = convolutions.allow_tf32 = False
        try:
            yield
        finally:
            products.allow_tf32, convolutions.allow_tf32 = before


def give_back_memory() -> None:
    """Let the C library return what it holds but does not use, where it can (Linux).

    Maps of some ten megabytes leave holes behind that would otherwise stay with the process.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
