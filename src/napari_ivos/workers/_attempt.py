"""What comes of a task, wherever it is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from napari_ivos.errors import EngineError, IvosError

T = TypeVar("T")

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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


@contextmanager
def environment(workers: int) -> Iterator[None]:
    """Environment to start workers in; what the user has set stays.

    Each gets its share of the cores: the libraries read it when they are loaded. And Python is not
    to warn of what ended workers could not put away: it does so itself.
    """
    threads = str(max((os.cpu_count() or 1) // workers, 1))
    wanted = {name: threads for name in _THREADS if name not in os.environ}
    warnings = os.environ.get("PYTHONWARNINGS")
    silence = "ignore:resource_tracker:UserWarning"
    os.environ.update(wanted, PYTHONWARNINGS=",".join(filter(None, (warnings, silence))))
    try:
        yield
    finally:
        for name in wanted:
            del os.environ[name]
        if warnings is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = warnings
