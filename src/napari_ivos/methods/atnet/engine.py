"""The engine of ATNet: requests in, results out (CVPR 2021, section 3)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods._ahead import ahead
from napari_ivos.methods._cache import FeatureCache
from napari_ivos.methods._levels import Fallback, Level, choose_dtype, levels
from napari_ivos.methods._protocol import (
    Annotation,
    FrameResult,
    Frames,
    InteractRequest,
    Memory,
    PropagateRequest,
)
from napari_ivos.methods._rounds import Entry, make_entry
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
    wanted = precision or os.environ.get("NAPARI_IVOS_PRECISION") or "fp32"
    choose_dtype(wanted, target)
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
        earlier: tuple[Entry, ...] = request.memory or ()
        pixels = request.video[request.frame]
        entry = make_entry(
            request.frame,
            request.objects,
            request.strokes,
            (pixels.shape[0], pixels.shape[1]),
            prior=request.prior,
            shown=request.shown,
            human=request.human,
            earlier=earlier,
        )
        planes = self._work.run(_doing(request.frame), lambda steps: steps.annotate(pixels, entry))
        give_back_memory()
        return FrameResult(request.frame, distribution(planes), None), (*earlier, entry)

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request; see `Engine.propagate`."""
        for way in (request.backward, request.forward):
            walk = Walk(request)
            for index, pixels in ahead(request.video, way):
                yield self._work.run(_doing(index), partial(walk.visit, index=index, pixels=pixels))
            del walk
            give_back_memory()

    def rebuild(self, video: Frames, annotations: Sequence[Annotation]) -> Memory:
        """Memory from the annotations alone; features are computed when they are asked for.

        A round's strokes count as given all at once: the guide of the last one is gated by the
        mask from before the round.
        """
        entries: tuple[Entry, ...] = ()
        size = (video.shape[1], video.shape[2])
        for past in annotations:
            entry = make_entry(
                past.frame,
                past.objects,
                past.strokes,
                size,
                prior=past.prior,
                shown=None,
                human=past.human,
                earlier=entries,
            )
            entries = (*entries, entry)
        return entries

    def _begin(self, level: Level) -> Steps:
        on_cpu = level.device.type == "cpu"
        precision = "fp32" if on_cpu and self._precision == "fp16" else self._precision
        dtype = choose_dtype(precision, level.device)
        cache = FeatureCache(level.cache_bytes, _DISK_BYTES if on_cpu else 0)
        return Steps(Model(self._load(), dtype, cache, level.device), level)


def _doing(index: int) -> str:
    return f"Segmenting frame {index}"
