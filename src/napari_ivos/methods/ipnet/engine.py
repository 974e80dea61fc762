"""The engine of IPNet: requests in, results out (CVPR 2019, section 3)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods._ahead import ahead
from napari_ivos.methods._levels import Fallback, Level, choose_precision, doing, dtype_at
from napari_ivos.methods._protocol import (
    Annotation,
    FrameResult,
    Frames,
    InteractRequest,
    Memory,
    PropagateRequest,
)
from napari_ivos.methods._rounds import rebuild
from napari_ivos.methods._torch import give_back_memory, resolve_device
from napari_ivos.methods.ipnet.files import load_networks
from napari_ivos.methods.ipnet.model import Model
from napari_ivos.methods.ipnet.networks import InteractionNetwork, PropagationNetwork
from napari_ivos.methods.ipnet.rounds import Aggregates, Rounds, choose_rounds
from napari_ivos.methods.ipnet.steps import Annotated, Steps, planes_before
from napari_ivos.methods.ipnet.walk import Halves, Walk

_OBJECT_BYTES = 64 * 2**20
"""What an object's maps take on the device, roughly."""

_TOGETHER = 16


def create(
    device: str,
    checkpoint: Path | None,
    *,
    rounds: str | None = None,
    precision: str | None = None,
) -> IpnetEngine:
    """Load IPNet.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    checkpoint : Path, optional
        The folder with the authors' two files of weights, or one of the files.
    rounds : {"blend", "released"}, optional
        How a round meets the rounds before: blended by the distance to the next annotated frame,
        as the paper has it, or overwriting them, as the authors' program does. Default: the
        environment variable ``NAPARI_IVOS_IPNET_ROUNDS``, else blend.
    precision : {"fp32", "bf16", "fp16"}, optional
        Default: the environment variable ``NAPARI_IVOS_PRECISION``, else fp32.

    Raises
    ------
    EngineError
        No such device, precision or way for rounds to meet.
    CheckpointError
        No weights, or none that fit.
    """
    target = resolve_device(device)
    wanted = choose_precision(precision, target)
    way = choose_rounds(rounds or os.environ.get("NAPARI_IVOS_IPNET_ROUNDS") or "blend")
    if checkpoint is None:
        raise CheckpointError(
            "The method 'ipnet' needs the authors' weights, and none were given.",
            "Pass checkpoint=FOLDER with I_e290.pth and P_e290.pth; docs/methods/ipnet.md says "
            "where they are.",
        )
    engine = IpnetEngine(partial(load_networks, Path(checkpoint)), target, way, wanted)
    engine.warm_up()
    return engine


class IpnetEngine:
    """IPNet; the memory is a mapping of `Aggregates`.

    Parameters
    ----------
    load : callable
        Gives the networks, prepared, on the processor. Called again for each change that a lack of
        memory leads to.
    device : torch.device
    rounds : {"blend", "released"}
    precision : str
    """

    def __init__(
        self,
        load: Callable[[], tuple[InteractionNetwork, PropagationNetwork]],
        device: torch.device,
        rounds: Rounds = "blend",
        precision: str = "fp32",
    ) -> None:
        self._load = load
        self._rounds = rounds
        self._precision = precision
        self._work = Fallback(self._begin, levels(device))

    def warm_up(self) -> None:
        """Load the networks now, so that what is wrong with them is said now.

        Raises
        ------
        CheckpointError
            The weights cannot be read, or do not fit.
        """
        self._work.run("Loading IPNet", lambda _: None)
        give_back_memory()

    def interact(self, request: InteractRequest) -> tuple[FrameResult, Memory]:
        """Segment one annotated frame; see `Engine.interact`."""
        if not request.objects:
            raise EngineError("There is no object to segment.", "Add an object first.")
        earlier: Aggregates = request.memory or {}
        pixels = request.video[request.frame]
        shown = request.prior if request.shown is None else request.shown
        size = (pixels.shape[0], pixels.shape[1])
        before = planes_before(request.objects, size, shown, request.human)
        given = Annotated(request.objects, request.strokes, before)
        probs, memory = self._work.run(
            doing(request.frame), lambda steps: steps.annotate(pixels, given, earlier)
        )
        return FrameResult(request.frame, probs, None), memory

    def propagate(self, request: PropagateRequest) -> Iterator[FrameResult]:
        """Visit the frames of the request; see `Engine.propagate`."""
        # What strokes took; not after them, since the next stroke takes it again.
        give_back_memory()
        halves = Halves(request.objects, request.memory or {})
        for way in (request.backward, request.forward):
            walk = Walk(request, self._rounds, halves)
            for index, pixels in ahead(request.video, way):
                yield self._work.run(doing(index), partial(walk.visit, index=index, pixels=pixels))

    def rebuild(self, video: Frames, annotations: Sequence[Annotation]) -> Memory:
        """Memory from the annotations alone: each annotated frame is segmented once more."""
        return rebuild(video, annotations, lambda request: self.interact(request)[1])

    def _begin(self, level: Level) -> Steps:
        model = Model(self._load(), dtype_at(level, self._precision), level.device)
        return Steps(model, max(level.block_bytes // _OBJECT_BYTES, 1))


def levels(device: torch.device) -> list[Level]:
    """What is tried, one after the other, while memory does not suffice.

    The networks' input has one size whatever the frame's, so there is only the number of objects
    that are done at a time; a processor does them one by one, which is as fast there.
    """
    one = Level(device, _OBJECT_BYTES, 0)
    if device.type == "cpu":
        return [one]
    return [Level(device, _TOGETHER * _OBJECT_BYTES, 0), one, *levels(torch.device("cpu"))]
