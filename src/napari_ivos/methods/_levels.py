"""How much a device is asked to do at a time, and in which number format."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from napari_ivos.errors import EngineError
from napari_ivos.methods._torch import inference, is_out_of_memory, translated

S = TypeVar("S")
T = TypeVar("T")

_MIB = 2**20
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Level:
    """How much a device is asked to hold at a time."""

    device: torch.device
    block_bytes: int
    """Of a block of attention."""
    cache_bytes: int
    """Of features that are kept."""
    scale: float = 1.0
    """Of the frames' sides."""


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The number format that a precision stands for on a device.

    Raises
    ------
    EngineError
        There is no such precision, or the device has none.
    """
    if precision not in _DTYPES:
        raise EngineError(
            f"There is no precision '{precision}'.", f"Choose one of: {', '.join(_DTYPES)}."
        )
    if device.type == "cpu" and precision == "fp16":
        raise EngineError("Processors do not run this network in fp16.", "Choose bf16 or fp32.")
    if device.type == "cpu" and precision == "bf16" and not _cpu_has_bf16():
        _log.warning("This processor has no bf16 arithmetic; fp32 is used.")
        return torch.float32
    return _DTYPES[precision]


def choose_precision(asked: str | None, device: torch.device) -> str:
    """The precision asked for, else that of ``NAPARI_IVOS_PRECISION``, else fp32.

    Raises
    ------
    EngineError
        There is no such precision, or the device has none.
    """
    wanted = asked or os.environ.get("NAPARI_IVOS_PRECISION") or "fp32"
    choose_dtype(wanted, device)
    return wanted


def dtype_at(level: Level, precision: str) -> torch.dtype:
    """The number format at a level; a processor that takes over from a card has no fp16."""
    taken_over = level.device.type == "cpu" and precision == "fp16"
    return choose_dtype("fp32" if taken_over else precision, level.device)


def doing(index: int) -> str:
    """What is being done with a frame, to begin a message with."""
    return f"Segmenting frame {index}"


def _cpu_has_bf16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Fallback(Generic[S]):
    """Does work, and does it again with less at a time when memory is full.

    Parameters
    ----------
    begin : callable
        Gives what works at a level; called again for each change that a lack of memory leads to.
    levels : list of Level
        Tried one after the other.
    """

    def __init__(self, begin: Callable[[Level], S], levels: list[Level]) -> None:
        self._begin = begin
        self._levels = list(levels)
        self._lock = threading.RLock()
        self._now: S | None = None

    def run(self, what: str, work: Callable[[S], T]) -> T:
        """Do some work.

        Parameters
        ----------
        what : str
            What is being done, to begin a message with.
        work : callable
            May be called several times.

        Raises
        ------
        EngineError
            It fails, or memory does not suffice at any level.
        """
        with self._lock, translated(what):
            while True:
                try:
                    with inference():
                        if self._now is None:
                            self._now = self._start(self._levels[0])
                        return work(self._now)
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error) or len(self._levels) == 1:
                        raise
                # Out of the handler, so that the failed step's tensors are gone by now.
                self._now = None
                before = self._levels.pop(0)
                change = difference(before, self._levels[0])
                _log.warning("%s is out of memory; going on %s.", before.device, change)

    def _start(self, level: Level) -> S:
        if level.device.type == "cuda":
            torch.cuda.empty_cache()
        return self._begin(level)


def levels(device: torch.device, cache_bytes: int | None) -> list[Level]:
    """What is tried, one after the other, while memory does not suffice."""
    on_cpu = device.type == "cpu"
    most = _default_cache(device) if cache_bytes is None else cache_bytes
    found = [
        Level(device, (16 if on_cpu else 512) * _MIB, most),
        Level(device, 4 * _MIB, most // 8),
        Level(device, 4 * _MIB, most // 8, 0.75),
        Level(device, 4 * _MIB, most // 8, 0.5),
    ]
    return found if on_cpu else found + levels(torch.device("cpu"), cache_bytes)


def difference(before: Level, now: Level) -> str:
    """What a step to the next level means to a user."""
    if now.device != before.device:
        return f"on the {now.device}, which is slower"
    if now.scale != before.scale:
        return f"with frames at {now.scale:.0%} of their size, so masks are coarser"
    return "with smaller pieces, which is a little slower"


def _default_cache(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory // 4)
    return (64 if device.type == "cpu" else 1024) * _MIB
