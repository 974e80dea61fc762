"""Run the jobs of a table: all that is not finished, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ivos.batch.jobs_file import named
from napari_ivos.batch.record import Task
from napari_ivos.batch.segment import SegmentJob, opened, segment
from napari_ivos.errors import EngineError, IvosError, ProjectError
from napari_ivos.export._place import clear_parts
from napari_ivos.workers import patiently, run_all

if TYPE_CHECKING:
    from napari_ivos.session import Update


def check_jobs(table: Path, tasks: Sequence[Task]) -> list[int]:
    """Look at everything that can be wrong before hours of work.

    Parameters
    ----------
    table : Path
    tasks : sequence of Task

    Returns
    -------
    list of int
        How long each is: its frames, times its rounds.

    Raises
    ------
    IvosError
        A job is not possible; the message names its line.
    """
    lengths = []
    for task in tasks:
        try:
            _check_folders(task.entry.job)
            with opened(task.entry.job) as it:
                lengths.append(len(it.video) * len(it.frames))
        except IvosError as error:
            raise named(table, task.entry.line, error) from error
    return lengths


def _check_folders(job: SegmentJob) -> None:
    from napari_ivos.session._folder import is_project

    project = job.project
    if project is None or is_project(project):
        return
    if not project.parent.is_dir():
        raise ProjectError(f"There is no folder '{project.parent}' for the project.", "Make it.")
    if project.exists() and (not project.is_dir() or any(project.iterdir())):
        raise ProjectError(
            f"'{project}' is no project.", "Choose a project, or a new or an empty folder."
        )


def run_batch(
    tasks: Sequence[Task],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    told: Callable[[Task], None] = lambda _: None,
) -> Iterator[tuple[Task, str | IvosError]]:
    """Segment one video after the other, or several at a time.

    Parameters
    ----------
    tasks : sequence of Task
    workers, scheduler
        As for `napari_ivos.workers.run_all`.
    told : callable
        Told each finished frame, if it is segmented in this process.

    Yields
    ------
    task, outcome
        In the order in which they are finished: what was done, in one line, or the error that
        ended it. The others go on.

    Raises
    ------
    IvosError
        There is no such scheduler, or it went away; what is finished stays.
    """
    here = partial(_work, told=told)
    for task, error in run_all(tasks, _work, workers=workers, scheduler=scheduler, here=here):
        done = None if error else patiently(task.result)
        yield (
            task,
            done
            or error
            or IvosError(
                f"A worker has finished it, but '{task.record.parent}' does not say so.",
                "All computers have to see the same files under the same names.",
            ),
        )


def _work(task: Task, told: Callable[[Task], None] = lambda _: None) -> None:
    # It may have been finished just before its worker died.
    if task.result() is not None:
        return

    clear_parts(task.entry.job.out)

    try:
        done = segment(
            task.entry.job, lambda updates, *_: nullcontext(_telling(updates, task, told))
        )
    except IvosError:
        raise
    except Exception as error:
        # A fault of the program's own must not cost all other jobs their night.
        raise EngineError(
            f"The program failed: {type(error).__name__}: {error}.",
            "'napari-ivos segment' with the same options shows where.",
        ) from error
    task.finish(done)


def _telling(
    updates: Iterable[Update], task: Task, told: Callable[[Task], None]
) -> Iterator[Update]:
    for update in updates:
        told(task)
        yield update
