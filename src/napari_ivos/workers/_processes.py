"""Several processes on this computer."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import TypeAlias, TypeVar

from napari_ivos.errors import IvosError
from napari_ivos.workers._attempt import attempt, died, environment

T = TypeVar("T")
_Ending: TypeAlias = Future[IvosError | None]

_LIVES = 3
"""How many workers may die of a task."""


def run_in_processes(
    tasks: Sequence[T], work: Callable[[T], None], workers: int
) -> Iterator[tuple[T, IvosError | None]]:
    """Do the work in processes; see `napari_ivos.workers.run_all`."""
    left, deaths = deque(range(len(tasks))), Counter[int]()
    with environment(workers), _workers(min(workers, len(tasks))) as idle:
        busy: dict[_Ending, tuple[_Worker, int]] = {}
        while left or busy:
            while left and idle:
                worker, number = idle.pop(), left.popleft()
                busy[worker.start(work, tasks[number])] = worker, number
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                worker, number = busy.pop(future)
                idle.append(worker)
                try:
                    error = future.result()
                except BrokenProcessPool:
                    deaths[number] += 1
                    if deaths[number] < _LIVES:
                        left.appendleft(number)
                        continue
                    error = died()
                yield tasks[number], error


class _Worker:
    """A process that takes one task after the other, and is replaced when it dies.

    Each has a pool of its own: of a pool of several nobody knows whose task ended it, and all that
    the others had in hand would be lost with it.
    """

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        # Forked workers would share locks of libraries that are loaded already.
        self.pool = ProcessPoolExecutor(1, get_context("spawn"), _start_worker)

    def start(self, work: Callable[[T], None], task: T) -> _Ending:
        try:
            return self.pool.submit(attempt, work, task)
        except BrokenProcessPool:
            self._renew()
            return self.pool.submit(attempt, work, task)


@contextmanager
def _workers(number: int) -> Iterator[list[_Worker]]:
    before = set(active_children())
    workers = [_Worker() for _ in range(number)]
    try:
        yield list(workers)
    except BaseException:
        # What they are at may take hours; nothing of it counts.
        for child in set(active_children()) - before:
            child.terminate()
        raise
    finally:
        for worker in workers:
            worker.pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    # Ctrl-C reaches the workers too; the command decides what becomes of them. When it is killed
    # they must not go on without it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
