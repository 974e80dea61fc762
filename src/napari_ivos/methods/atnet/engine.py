"""The engine of ATNet: requests in, results out (ECCV 2020, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods._ahead import ahead
from napari_ivos.methods._cache import FeatureCache
from napari_ivos.methods._levels import Fallback, Level, choose_precision, doing, dtype_at, levels
from napari_ivos.methods._protocol import (
    Annotation,
    FrameResult,
    Frames,
    InteractRequest,
    Memory,
    PropagateRequest,
)
from napari_ivos.methods._rounds import rebuild, remember
from napari_ivos.methods._torch import give_back_memory, resolve_device
from napari_ivos.methods.atnet.decision import distribution
from napari_ivos.methods.atnet.model import Model, load_network
from napari_ivos.methods.atnet.network import AtNetwork
from napari_ivos.methods.atnet.steps import Steps
from napari_ivos.methods.atnet.walk import Walk

_DISK_BYTES = 8 * 2**30


def create(
    device: str,
    checkpoint: Path | None,
    *,
    precision: str | None = None,
    cache_bytes: int | None = None,
) -> AtnetEngine:
    """Load ATNet.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    checkpoint : Path, optional
        The authors' weights.
    precision : {"fp32", "bf16", "fp16"}, optional
        Default: the environment variable ``NAPARI_IVOS_PRECISION``, else fp32.
    cache_bytes : int, optional
        What features may take in the device's memory; default: 64 MiB on a processor, where a
        temporary file holds 8 GiB more, a quarter of the memory of a graphics card.

    Raises
    ------
    EngineError
        No such device or precision.
    CheckpointError
        No weights, or none that fit.
    """
    target = resolve_device(device)
    wanted = choose_precision(precision, target)
    if checkpoint is None:
        raise CheckpointError(
            "The method 'atnet' needs the authors' weights, and none were given.",
            "Pass checkpoint='…/ATNet-checkpoint.pth'; docs/methods/atnet.md says where it is.",
        )
    engine = AtnetEngine(partial(load_network, Path(checkpoint)), target, wanted, cache_bytes)
    engine.warm_up()
    return engine


class AtnetEngine:
    """ATNet; the memory is a tuple of `Entry`, one a round.

    Parameters
    ----------
    load : callable
        Gives the network, prepared, on the processor. Called again for each change of size or
        device that a lack of memory leads to.
    device : torch.device
    precision : str
    cache_bytes : int, optional
    """

    def __init__(
        self,
        load: Callable[[], AtNetwork],
        device: torch.device,
        precision: str = "fp32",
        cache_bytes: int | None = None,
    ) -> None:
        self._load = load
        self._precision = precision
        self._work = Fallback(self._begin, levels(device, cache_bytes))

    def warm_up(self) -> None:
        """Load the network now, so that what is wrong with it is said now.

        Raises
        ------
        CheckpointError
            The weights cannot be read, or do not fit.
        """
        self._work.run("Loading ATNet", lambda _: None)
        give_back_memory()

    def interact(self, request: InteractRequest) -> tuple[FrameResult, Memory]:
        """Segment one annotated frame; see `Engine.interact`."""
        if not request.objects:
            raise EngineError("There is no object to segment.", "Add an object first.")
        pixels, memory = request.video[request.frame], remember(request)
        planes = self._work.run(
            doing(request.frame), lambda steps: steps.annotate(pixels, memory[-1])
        )
        give_back_memory()
        return FrameResult(request.frame, distribution(planes), None), memory

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request; see `Engine.propagate`."""
        for way in (request.backward, request.forward):
            walk = Walk(request)
            for index, pixels in ahead(request.video, way):
                yield self._work.run(doing(index), partial(walk.visit, index=index, pixels=pixels))
            del walk
            give_back_memory()

    def rebuild(self, video: Frames, annotations: Sequence[Annotation]) -> Memory:
        """Memory from the annotations alone; features are computed when they are asked for."""
        return rebuild(video, annotations, remember)

    def _begin(self, level: Level) -> Steps:
        on_disk = _DISK_BYTES if level.device.type == "cpu" else 0
        cache = FeatureCache(level.cache_bytes, on_disk)
        dtype = dtype_at(level, self._precision)
        return Steps(Model(self._load(), dtype, cache, level.device), level)
