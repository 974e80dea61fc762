"""A whole evaluation: all samples of a data set, one after the other or by several workers."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.dataset import EvaluationSequence
from napari_ivos.evaluation.play import play
from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.store import Played, Store
from napari_ivos.workers import patiently, run_all


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
    scheduler: str | None = None,
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
    scheduler : str, optional
        Address of a Dask scheduler, whose workers are to play. They have to see the same files.

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
    work = partial(_work, protocol=protocol, folder=store.folder.absolute())
    here = partial(work, told=told)
    for job, error in run_all(left, work, workers=workers, scheduler=scheduler, here=here):
        if error is not None:
            raise error
        yield _found(store, job)


def _work(
    job: Job,
    protocol: Protocol,
    folder: Path,
    told: Callable[[Job, int], None] | None = None,
) -> None:
    if not folder.is_dir():
        raise IvosError(
            f"There is no folder '{folder}' on {platform.node()}.",
            "All computers have to see the same files under the same names.",
        )
    store = Store(folder)
    # It may have been finished just before its worker died.
    if store.find(job.sequence.name, job.number) is not None:
        return
    progress: Callable[[int], None] = partial(told, job) if told else lambda _: None
    if protocol.via_davisinteractive:
        from napari_ivos.evaluation.framework import play_framework

        sample = play_framework(job.sequence, job.number, protocol, progress)
    else:
        sample = play(job.sequence, job.number, protocol, progress=progress)
    store.add(sample)


def _found(store: Store, job: Job) -> Played:
    done = patiently(lambda: store.find(job.sequence.name, job.number))
    if done is None:
        raise IvosError(
            f"A worker has finished {job.sequence.name}, but it is not in '{store.folder}'.",
            "All computers have to see the same files under the same names.",
        )
    return done
