"""The engine of GIS-RAmap: requests in, results out (CVPR 2021, section 3)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods._protocol import (
    Annotation,
    FrameResult,
    Frames,
    InteractRequest,
    Memory,
    PropagateRequest,
)
from napari_ivos.methods._schedule import blend, blend_weight
from napari_ivos.methods._torch import inference, is_out_of_memory, resolve_device, translated
from napari_ivos.methods.gis.cache import FeatureCache
from napari_ivos.methods.gis.memory import Entry, make_entry
from napari_ivos.methods.gis.model import Level, Model, choose_dtype, load_network
from napari_ivos.methods.gis.network import FrameFeatures, GisNetwork
from napari_ivos.methods.gis.padding import Rims
from napari_ivos.methods.gis.steps import Planes, Sources, Steps
from napari_ivos.types import Frame, ProbMap

T = TypeVar("T")

_MIB = 2**20
_DISK_BYTES = 4096 * _MIB
_log = logging.getLogger(__name__)


def create(
    device: str,
    checkpoint: Path | None,
    *,
    precision: str | None = None,
    cache_bytes: int | None = None,
) -> GisEngine:
    """Load GIS-RAmap.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    checkpoint : Path, optional
        The authors' weights.
    precision : {"fp32", "bf16", "fp16"}, optional
        Default: the environment variable ``NAPARI_IVOS_PRECISION``, else fp32.
    cache_bytes : int, optional
        What features may take in the device's memory; default: 96 MiB on a processor, where a
        temporary file holds 4 GiB more, a quarter of the memory of a graphics card.

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
            "The method 'gis' needs the authors' weights, and none were given.",
            "Pass checkpoint='…/GIS-ckpt_standard.pth'; docs/methods/gis.md says where it is.",
        )
    return GisEngine(load_network(checkpoint), target, wanted, cache_bytes)


class GisEngine:
    """GIS-RAmap; the memory is a tuple of `Entry`, one a round.

    Parameters
    ----------
    network : GisNetwork
        Loaded and prepared.
    device : torch.device
    precision : str
    cache_bytes : int, optional
    """

    def __init__(
        self,
        network: GisNetwork,
        device: torch.device,
        precision: str = "fp32",
        cache_bytes: int | None = None,
    ) -> None:
        self._network = network
        self._precision = precision
        self._cache_bytes = cache_bytes
        self._levels = _levels(device)
        self._rims = Rims()
        self._lock = threading.RLock()
        self._steps = self._at(self._levels[0])

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
        outcome = self._run(request.frame, lambda steps: steps.annotate(pixels, entry))
        self._rims.remember(request.frame, request.objects, outcome.probs[1:], outcome.masks)
        result = FrameResult(request.frame, outcome.probs, outcome.score)
        return result, (*earlier, entry)

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request; see `Engine.propagate`."""
        for way in (request.backward, request.forward):
            walk = _Walk(request, self._rims)
            for index, pixels in _ahead(request.video, way):
                yield self._run(index, lambda steps, i=index, p=pixels: walk.visit(steps, i, p))

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

    def _run(self, index: int, work: Callable[[Steps], T]) -> T:
        """Do the work on a frame, with less at a time when memory is full."""
        with self._lock, translated(f"Segmenting frame {index}"):
            while True:
                steps = self._steps
                try:
                    with inference():
                        return work(steps)
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error) or len(self._levels) == 1:
                        raise
                # Out of the handler, so that the failed step's tensors are let go.
                self._step_down()

    def _step_down(self) -> None:
        before = self._levels.pop(0)
        now = self._levels[0]
        _log.warning("%s is out of memory; going on %s.", before.device, _difference(before, now))
        self._steps = self._at(now)

    def _at(self, level: Level) -> Steps:
        on_cpu = level.device.type == "cpu"
        precision = "fp32" if on_cpu and self._precision == "fp16" else self._precision
        dtype = choose_dtype(precision, level.device)
        bound = _default_cache(level.device) if self._cache_bytes is None else self._cache_bytes
        if level.device.type == "cuda":
            torch.cuda.empty_cache()
        cache = FeatureCache(bound, _DISK_BYTES if on_cpu else 0)
        return Steps(Model(self._network, dtype, cache, level), level)


class _Walk:
    """One direction of a propagation: what the frame visited last hands on to the next."""

    def __init__(self, request: PropagateRequest, rims: Rims) -> None:
        self._request = request
        self._rims = rims
        self._last = request.frame
        self._probs = request.start.probs
        self._steps: Steps | None = None
        self._features: FrameFeatures
        self._masks: Planes
        self._sources: Sources

    def visit(self, steps: Steps, index: int, pixels: Frame) -> FrameResult:
        """Segment the next frame; changes nothing when it fails."""
        if steps is not self._steps:
            self._begin(steps)
        request = self._request
        image = steps.image(pixels)
        outcome = steps.visit(
            image,
            (pixels.shape[0], pixels.shape[1]),
            self._features,
            self._masks,
            self._sources,
            index,
            request.absent(index),
        )
        probs, masks = self._blend(steps, index, outcome.probs, outcome.masks)
        self._rims.remember(index, request.objects, probs[1:], masks)
        self._features = steps.model.features(image)
        self._last, self._probs, self._masks = index, probs, masks
        return FrameResult(index, probs, outcome.score)

    def _begin(self, steps: Steps) -> None:
        """Start from the last result, at the working size of `steps`."""
        request = self._request
        self._features = steps.model.features(steps.image(request.video[self._last]))
        self._masks = self._shrink(steps, self._last, self._probs)
        self._sources = Sources(steps, request.video, request.memory, request.objects)
        self._steps = steps

    def _shrink(self, steps: Steps, index: int, probs: ProbMap) -> Planes:
        return self._rims.shrink(index, self._request.objects, steps.to_working(probs[1:]))

    def _blend(
        self, steps: Steps, index: int, probs: ProbMap, masks: Planes
    ) -> tuple[ProbMap, Planes]:
        """Meet the result of the rounds before; the neighbour gets the blended masks."""
        request = self._request
        share = blend_weight(index, request.frame, request.annotated)
        old = request.previous(index) if share < 1 else None
        if old is None:
            return probs, masks
        before = self._shrink(steps, index, old)
        return blend(probs, old, share), blend(masks, before, share)


def _ahead(video: Frames, indices: Sequence[int]) -> Generator[tuple[int, Frame]]:
    """Frames in the order given, the next one read while the last is worked on."""
    with ThreadPoolExecutor(1, "napari-ivos-frames") as reader:
        waiting = [reader.submit(video.__getitem__, index) for index in indices[:1]]
        for place, index in enumerate(indices):
            pixels = waiting.pop().result()
            if place + 1 < len(indices):
                waiting.append(reader.submit(video.__getitem__, indices[place + 1]))
            yield index, pixels


def _levels(device: torch.device) -> list[Level]:
    """What is tried, one after the other, while memory does not suffice."""
    most = (32 if device.type == "cpu" else 512) * _MIB
    levels = [
        Level(device, most),
        Level(device, 8 * _MIB),
        Level(device, 8 * _MIB, 0.75),
        Level(device, 8 * _MIB, 0.5),
    ]
    return levels if device.type == "cpu" else levels + _levels(torch.device("cpu"))


def _difference(before: Level, now: Level) -> str:
    if now.device != before.device:
        return f"on the {now.device}, which is slower"
    if now.scale != before.scale:
        return f"with frames at {now.scale:.0%} of their size, so masks are coarser"
    return "with smaller pieces, which is a little slower"


def _default_cache(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory // 4)
    return (96 if device.type == "cpu" else 1024) * _MIB
