"""Work that is shared out: in this process, to several here, or to the machines of a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TypeVar

from napari_ivos.errors import IvosError
from napari_ivos.workers._attempt import attempt

__all__ = ["check_scheduler", "patiently", "run_all"]

T = TypeVar("T")

_PATIENCE = 90
"""Seconds that a network disk may take to show what another computer wrote."""


def check_scheduler(scheduler: str | None, workers: int = 1) -> None:
    """Find out before anything else whether work could be shared out as asked.

    Parameters
    ----------
    scheduler : str, optional
    workers : int
        As for `run_all`.

    Raises
    ------
    IvosError
        Dask distributed is not installed, or both were given.
    """
    if scheduler is None:
        return
    if not find_spec("distributed"):
        raise IvosError(
            "--scheduler needs Dask distributed, which is not installed.",
            'Run: pip install "napari-ivos[cluster]"',
        )
    if workers > 1:
        raise IvosError(
            "A cluster has the workers that were started for it.",
            "Give either --scheduler or --workers.",
        )


def run_all(
    tasks: Sequence[T],
    work: Callable[[T], None],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    here: Callable[[T], None] | None = None,
) -> Iterator[tuple[T, IvosError | None]]:
    """Do some work for each of many tasks.

    A task whose worker dies is given to another one, and one that is thought dead may be alive. So
    the work may be begun more than once for a task: it has to keep its result by itself, whole or
    not at all, and return at once where there is one.

    Parameters
    ----------
    tasks : sequence
        Each goes to its worker by pickling, and so does `work`.
    work : callable
        Takes a task.
    workers : int
        Processes to run at a time; 1 runs all in this one. They are those of a local Dask cluster
        where distributed is installed, and plain ones where it is not.
    scheduler : str, optional
        Address of the Dask scheduler whose workers are to do it, such as "tcp://host:8786".
    here : callable, optional
        Does the same as `work`, but is used where all runs in this process; it may show progress.

    Yields
    ------
    task, error
        In the order in which they are finished; the `IvosError` that ended it, or None. That its
        workers died again and again is one, too.

    Raises
    ------
    IvosError
        There is no such scheduler, or it went away.
    """
    check_scheduler(scheduler, workers)
    if scheduler is None and (workers == 1 or len(tasks) < 2):
        for task in tasks:
            yield task, attempt(here or work, task)
    elif scheduler is None and not find_spec("distributed"):
        from napari_ivos.workers._processes import run_in_processes

        yield from run_in_processes(tasks, work, workers)
    else:
        from napari_ivos.workers._cluster import run_on_cluster

        yield from run_on_cluster(tasks, work, min(workers, len(tasks)), scheduler)


def patiently(look: Callable[[], T | None]) -> T | None:
    """Look for what a worker has written, until it is seen.

    Parameters
    ----------
    look : callable
        Gives None while it is not there.

    Returns
    -------
    object or None
        What `look` gave; None after a minute and a half in which it was not there.
    """
    until = time.monotonic() + _PATIENCE
    while (found := look()) is None and time.monotonic() < until:
        time.sleep(1)
    return found
