"""The command ``napari-ivos evaluate``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_ivos.cli._output import sentences
from napari_ivos.defaults import DEFAULT_METHOD

if TYPE_CHECKING:
    from napari_ivos.evaluation.run import Job
    from napari_ivos.evaluation.store import Played

_INTERRUPTED = 130


class Guidance(StrEnum):
    """Who says which frame is mended next."""

    oracle = "oracle"
    rs1 = "rs1"
    rs4 = "rs4"
    uniform = "uniform"
    random = "random"


class Metric(StrEnum):
    """What is measured."""

    J = "J"
    F = "F"
    J_AND_F = "J_AND_F"


def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="Folder of the DAVIS layout; with --labels, frames of one video or more.",
        ),
    ],
    report: Annotated[Path, typer.Option(help="Folder of the report; new, or one to go on with.")],
    method: Annotated[str, typer.Option(help="See: napari-ivos methods.")] = DEFAULT_METHOD,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights, for a method that takes them.")
    ] = None,
    guidance: Annotated[
        Guidance, typer.Option(help="Who chooses the next frame.")
    ] = Guidance.oracle,
    metric: Annotated[Metric, typer.Option(help="What is optimised.")] = Metric.J_AND_F,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="At most.")] = 8,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds that the method has for each object.")
    ] = None,
    sequences: Annotated[str, typer.Option(help="Names, separated by commas.")] = "",
    subset: Annotated[str, typer.Option(help="List of sequences in ImageSets.")] = "val",
    labels: Annotated[
        Path | None, typer.Option(help="Folder of label maps, when DATASET holds frames alone.")
    ] = None,
    starts: Annotated[
        int, typer.Option(min=1, max=100, help="Robot's samples where no person drew round 1.")
    ] = 1,
    robot_nodes: Annotated[
        int, typer.Option(min=1, help="Shortest skeleton that the robot draws along, in pixels.")
    ] = 4,
    points: Annotated[
        str | None,
        typer.Option(help="Round 1 by points: so many in each object, or a YouTube-iVOS file."),
    ] = None,
    short_side: Annotated[
        int | None, typer.Option(help="Scale frames to this, in pixels; 480 for YouTube-iVOS.")
    ] = None,
    via_davisinteractive: Annotated[
        bool, typer.Option(help="Let the DAVIS framework itself play; it must be installed.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of what is chosen at random.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes at a time.")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a Dask scheduler whose workers are to do it."),
    ] = None,
) -> None:
    """Evaluate a method on the DAVIS interactive protocol, by a robot that draws.

    Writes report.csv, summary.json, curves and index.html. The same command goes on where it was
    interrupted.
    """
    with sentences():
        from napari_ivos.evaluation import Protocol, Robot, open_dataset
        from napari_ivos.evaluation import evaluate as run
        from napari_ivos.evaluation.run import list_jobs

        protocol = Protocol(
            method=method,
            device=device,
            checkpoint=None if checkpoint is None else checkpoint.expanduser().absolute(),
            guidance=guidance.value,
            metric=metric.value,
            rounds=rounds,
            time_limit=time_limit,
            starts=starts,
            points=_points(points),
            short_side=short_side,
            via_davisinteractive=via_davisinteractive,
            robot=Robot(nodes=robot_nodes, seed=seed),
            seed=seed,
        )
        names = [name.strip() for name in sequences.split(",") if name.strip()]
        chosen = open_dataset(dataset, labels, names, subset)
        title = f"{method} on {dataset.absolute().name}"
        jobs = len(list_jobs(chosen, protocol))
        with _Progress(metric.value, jobs, rounds) as progress:
            summary = run(
                chosen,
                protocol,
                report,
                workers=workers,
                scheduler=scheduler,
                title=title,
                progress=progress.sample,
                told=progress.round,
            )
        typer.echo(_line(report, summary, metric.value))


def _points(text: str | None) -> int | Path | None:
    if text is None or not text.isdigit():
        return None if text is None else Path(text).absolute()
    return int(text)


class _Progress:
    """A bar in a terminal, round by round; elsewhere one line for each sample."""

    def __init__(self, metric: str, samples: int, rounds: int) -> None:
        self._metric, self._rounds = metric, rounds
        self._finished = self._in_hand = 0
        self._bar: Any = None
        if sys.stderr.isatty():
            length = samples * rounds
            self._bar = typer.progressbar(length=length, label="Samples", file=sys.stderr)

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def round(self, job: Job, number: int) -> None:
        """Show a finished round of the sample in hand."""
        self._in_hand += 1
        self._show(f"{job.sequence.name}, round {number}", 1)

    def sample(self, sample: Played, done: int, total: int) -> None:
        """Show a finished sample; it may have ended early."""
        self._finished = done
        if self._bar is None:
            typer.echo(self._text(sample, done, total), err=True)
        self._show(sample.sequence, self._rounds - self._in_hand)
        self._in_hand = 0

    def _show(self, label: str, steps: int) -> None:
        if self._bar is not None:
            self._bar.label = label
            self._bar.update(steps)

    def _text(self, sample: Played, done: int, total: int) -> str:
        name = f"{done} of {total}: {sample.sequence}, scribbles {sample.number}"
        if not sample.quality:
            return f"{name}: no round within the time limit"
        first, last = sample.quality[0], sample.quality[-1]
        return f"{name}: {self._metric} {first:.3f} after round 1, {last:.3f} in the end"

    def __exit__(self, kind: object, *rest: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, *rest)
        if kind is KeyboardInterrupt:
            done = f"Stopped; {self._finished} samples are finished."
            typer.echo(f"{done} The same command goes on from there.", err=True)
            raise typer.Exit(_INTERRUPTED)


def _line(report: Path, summary: dict[str, Any], metric: str) -> str:
    at = summary["metric_at_threshold"]
    return (
        f"{report / 'index.html'}: AUC of {metric} {summary['auc']:.4f}, "
        f"{metric} after {at['threshold']} s {at[metric]:.4f}"
    )
