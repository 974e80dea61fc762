"""The workers of a Dask cluster: one that is running somewhere, or one for the moment, here."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

from napari_ivos.errors import EngineError, IvosError
from napari_ivos.workers._attempt import died, environment

T = TypeVar("T")

_PATIENCE = 60
"""Seconds that the first worker may take to join."""

_LOOK = 2
"""Seconds after which it is seen that more workers joined."""

# Ctrl-C reaches local workers too; the command decides what becomes of them.
_ON_START = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def run_on_cluster(
    tasks: Sequence[T], work: Callable[[T], None], workers: int, scheduler: str | None
) -> Iterator[tuple[T, IvosError | None]]:
    """Do the work on a cluster, see `napari_ivos.workers.run_all`; a local one without address."""
    _quiet()
    with _local(workers) if scheduler is None else _joined(scheduler) as client:
        try:
            for number, future in _ended(client, tasks, work):
                yield tasks[number], _error(future)
        except _LostError as error:
            raise IvosError(
                f"The Dask scheduler{'' if scheduler is None else f' at {scheduler}'} went away.",
                "What is finished is kept; start it again, and the same command goes on.",
            ) from error


class _LostError(Exception):
    """Nothing is heard of the scheduler any more."""


def _ended(client: Any, tasks: Sequence[T], work: Callable[[T], None]) -> Iterator[tuple[int, Any]]:
    """The numbers of the tasks that ended, one way or the other, with their futures."""
    from distributed import wait

    left, busy = deque(range(len(tasks))), dict[Any, int]()
    while left or busy:
        try:
            # No worker gets a task before it is free for it: when one dies, Dask suspects all that
            # was waiting for it as well. Without any worker one task waits for the next that joins.
            free = max(sum(client.nthreads().values()), 1) - len(busy)
            for number in [left.popleft() for _ in range(min(free, len(left)))]:
                busy[client.submit(work, tasks[number], pure=False)] = number
            done = wait(list(busy), timeout=_LOOK, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            continue
        except (OSError, CancelledError) as error:
            raise _LostError from error
        for future in done:
            yield busy.pop(future), future


def _error(future: Any) -> IvosError | None:
    from distributed import KilledWorker

    # A result would have to be fetched from a worker that may just be dying; there is none to be
    # fetched, and errors have come already.
    if future.status == "finished":
        return None
    try:
        future.result()
    except KilledWorker:
        return died()
    except IvosError as error:
        return error
    except CancelledError as error:
        raise _LostError from error
    raise AssertionError(f"a future that is done is {future.status}")


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster, Security

    with environment(workers):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=None,
                # It listens on a port; other people here must not be able to give it work.
                security=Security.temporary(),
                preload=[_ON_START],
                silence_logs=logging.CRITICAL,
            )
        except RuntimeError as error:
            raise EngineError(
                "The workers were ended from outside while they started.",
                "Often that is for lack of memory: give fewer --workers.",
            ) from error
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def _joined(scheduler: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise IvosError(
            f"There is no Dask scheduler at '{scheduler}'.",
            "Its address is what 'dask scheduler' shows, such as tcp://host:8786.",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise IvosError(
                f"No worker has joined the Dask scheduler at {scheduler} within a minute.",
                f"Start some: dask worker {scheduler} --nthreads 1",
            ) from error
        _check_versions(client)
        yield client


def _check_versions(client: Any) -> None:
    here = version("napari-ivos")
    found = client.run(version, "napari-ivos", on_error="return")
    for worker, there in found.items():
        if there != here:
            has = "no napari-ivos" if isinstance(there, Exception) else f"napari-ivos {there}"
            raise IvosError(
                f"The worker {worker} has {has}; here it is {here}.", "Install the same there."
            )


def _quiet() -> None:
    """Keep Dask from telling what the outcomes tell as well."""
    import distributed  # sets its loggers up

    del distributed
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
