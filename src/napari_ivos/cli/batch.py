"""The command ``napari-ivos batch``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_ivos.cli._output import sentences
from napari_ivos.errors import IvosError

if TYPE_CHECKING:
    from napari_ivos.batch.record import Task

_FAILED = 1
_INTERRUPTED = 130


def batch(
    jobs: Annotated[
        Path, typer.Argument(metavar="JOBS", help="Table of jobs (CSV): video, strokes, out, …")
    ],
    again: Annotated[bool, typer.Option("--again", help="Redo what is finished, too.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes at a time.")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler whose workers are to do it."),
    ] = None,
) -> None:
    """Segment many videos without a window, from strokes or masks made before.

    Each line of JOBS is a job, its first line names the columns: video, out, strokes or masks; and,
    where wanted, masks_frame, method, device, checkpoint, axes, channels, direction, format,
    project, as for segment.
    Jobs that are finished, and whose files are as they were, are not done again.
    """
    with sentences():
        from napari_ivos.batch import read_jobs
        from napari_ivos.batch.record import claimed
        from napari_ivos.batch.run import check_jobs, run_batch
        from napari_ivos.workers import check_scheduler

        check_scheduler(scheduler, workers)
        with claimed(jobs, read_jobs(jobs)) as tasks:
            left = [task for task in tasks if again or task.result() is None]
            lengths = check_jobs(jobs, left)
            for task in left:
                task.record.unlink(missing_ok=True)
            with _Progress(jobs, left, lengths) as progress:
                for task, done in run_batch(
                    left, workers=workers, scheduler=scheduler, told=progress.frame
                ):
                    progress.finished(task, done)
        _sum_up(jobs, len(tasks), progress)


class _Progress:
    """A bar in a terminal, frame by frame where that is known; elsewhere one line for each job."""

    def __init__(self, table: Path, tasks: Sequence[Task], lengths: Sequence[int]) -> None:
        self._table = table
        self._lengths = dict(zip((task.record for task in tasks), lengths, strict=True))
        self._jobs, self._shown = len(tasks), dict.fromkeys(self._lengths, 0)
        self.done, self.failed = 0, list[tuple[int, IvosError]]()
        self._bar: Any = None
        if sys.stderr.isatty() and tasks:
            self._bar = typer.progressbar(length=sum(lengths), label="Jobs", file=sys.stderr)

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def frame(self, task: Task) -> None:
        """Show a finished frame of the job in hand."""
        self._show(task, min(self._shown[task.record] + 1, self._lengths[task.record]))

    def finished(self, task: Task, outcome: str | IvosError) -> None:
        """Show a finished job; with a project it may have taken fewer rounds."""
        if isinstance(outcome, IvosError):
            self.failed.append((task.entry.line, outcome))
            text = f"{task.entry.job.out}: failed"
        else:
            self.done += 1
            text = outcome
        self._show(task, self._lengths[task.record])
        if self._bar is None:
            typer.echo(f"{self.done + len(self.failed)} of {self._jobs}: {text}", err=True)

    def _show(self, task: Task, frames: int) -> None:
        if self._bar is not None:
            self._bar.label = f"{task.entry.job.out.name} ({self._jobs} jobs)"
            self._bar.update(frames - self._shown[task.record])
        self._shown[task.record] = frames

    def __exit__(self, kind: object, *rest: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, *rest)
        if kind is KeyboardInterrupt:
            done = f"Stopped; {self.done} of {self._jobs} jobs were finished."
            typer.echo(f"{done} The same command goes on from there.", err=True)
            raise typer.Exit(_INTERRUPTED)


def _sum_up(table: Path, jobs: int, progress: _Progress) -> None:
    for line, error in progress.failed:
        typer.echo(f"Error: line {line} of {table.name}: {error}", err=True)
    before = jobs - progress.done - len(progress.failed)
    typer.echo(
        f"{table}: {jobs} job{'s' if jobs > 1 else ''}, {progress.done} done now, "
        f"{before} before, {len(progress.failed)} failed"
    )
    if progress.failed:
        raise typer.Exit(_FAILED)
