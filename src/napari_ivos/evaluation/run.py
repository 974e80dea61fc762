"""A whole evaluation: all samples of a data set, one after the other or by several workers."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from napari_ivos.errors import EngineError
from napari_ivos.evaluation.dataset import EvaluationSequence
from napari_ivos.evaluation.play import play
from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.store import Played, Store

_LIVES = 3
"""How often in a row workers may die without any sample getting done."""


@dataclass(frozen=True, slots=True)
class Job:
    """One sample that is to be played."""

    sequence: EvaluationSequence
    number: int


def list_jobs(sequences: Sequence[EvaluationSequence], protocol: Protocol) -> list[Job]:
    """The samples of a data set: one for each scribble file, or the robot's."""
    return [
        Job(sequence, number) for sequence in sequences for number in _numbers(sequence, protocol)
    ]


def _numbers(sequence: EvaluationSequence, protocol: Protocol) -> Sequence[int]:
    if isinstance(protocol.points, Path):
        return [1]
    if sequence.scribbles and protocol.points is None:
        return [number for number, _ in sequence.scribbles]
    return range(1, protocol.starts + 1)


def run_jobs(
    jobs: Sequence[Job],
    protocol: Protocol,
    store: Store,
    workers: int = 1,
    told: Callable[[Job, int], None] = lambda *_: None,
) -> Iterator[Played]:
    """Play the samples that the store does not hold yet.

    Parameters
    ----------
    jobs : sequence of Job
    protocol : Protocol
    store : Store
        Takes each sample as soon as it is finished.
    workers : int
        Processes to run at a time; 1 runs all in this one. A worker that dies is replaced.
    told : callable
        Told each finished round, if it is played in this process.

    Yields
    ------
    Played
        All samples; those finished before at once, the others in the order they finish.

    Raises
    ------
    IvosError
        A sample cannot be played; what is finished by then stays.
    """
    left = []
    for job in jobs:
        done = store.find(job.sequence.name, job.number)
        if done is None:
            left.append(job)
        else:
            yield done
    if workers == 1 or len(left) == 1:
        for job in left:
            _work(job, protocol, store.folder, partial(told, job))
            yield _found(store, job)
    else:
        yield from _shared(left, protocol, store, workers)


def _shared(left: list[Job], protocol: Protocol, store: Store, workers: int) -> Iterator[Played]:
    lives = _LIVES
    while left:
        with _pool(min(workers, len(left))) as pool:
            waiting = {pool.submit(_work, job, protocol, store.folder): job for job in left}
            try:
                for job in _finished(waiting):
                    left.remove(job)
                    lives = _LIVES
                    yield _found(store, job)
            except BrokenProcessPool as error:
                lives -= 1
                if lives == 0:
                    raise EngineError(
                        "The workers were ended from outside again and again.",
                        "Often that is for lack of memory: give fewer --workers.",
                    ) from error
        # One may have been finished just before its worker died.
        for job in [job for job in left if store.find(job.sequence.name, job.number)]:
            left.remove(job)
            yield _found(store, job)


def _finished(waiting: dict[Future[None], Job]) -> Iterator[Job]:
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            future.result()
            yield waiting.pop(future)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Forked workers would share locks of libraries that are loaded already. Each worker gets its
    # share of the cores: the libraries read these when they are loaded.
    threads = str(max((os.cpu_count() or 1) // workers, 1))
    names = [name for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name not in os.environ]
    os.environ.update(dict.fromkeys(names, threads))
    before = set(active_children())
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
    try:
        yield pool
    except BaseException:
        # What they are at may take hours; nothing of it counts.
        for child in set(active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name in names:
            del os.environ[name]


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


def _work(
    job: Job, protocol: Protocol, folder: Path, progress: Callable[[int], None] = lambda _: None
) -> None:
    if protocol.via_davisinteractive:
        from napari_ivos.evaluation.framework import play_framework

        sample = play_framework(job.sequence, job.number, protocol, progress)
    else:
        sample = play(job.sequence, job.number, protocol, progress=progress)
    Store(folder).add(sample)


def _found(store: Store, job: Job) -> Played:
    done = store.find(job.sequence.name, job.number)
    assert done is not None, "the store gives back what it took"
    return done
