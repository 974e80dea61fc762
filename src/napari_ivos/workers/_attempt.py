"""What comes of a task, wherever it is done."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from napari_ivos.errors import EngineError, IvosError

T = TypeVar("T")


def attempt(work: Callable[[T], None], task: T) -> IvosError | None:
    """Do the work for a task; returns what the user is to be told if it cannot be done."""
    try:
        work(task)
    except IvosError as error:
        return error
    return None


def died() -> EngineError:
    """What to tell of a task whose workers all ended before it was done."""
    return EngineError(
        "The workers were ended from outside again and again.",
        "Often that is for lack of memory: give fewer --workers.",
    )


def threads_of(workers: int) -> dict[str, str]:
    """Environment that gives each worker its share of the cores.

    The libraries read it when they are loaded. What the user has set stays.
    """
    threads = str(max((os.cpu_count() or 1) // workers, 1))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: threads for name in names if name not in os.environ}
