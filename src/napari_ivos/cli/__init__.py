"""The command ``napari-ivos``."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_ivos.cli import checkpoints, projects
from napari_ivos.cli._output import columns, sentences, writable
from napari_ivos.cli.batch import batch
from napari_ivos.cli.evaluate import evaluate
from napari_ivos.defaults import DEFAULT_METHOD
from napari_ivos.errors import ExportError, IvosError

if TYPE_CHECKING:
    from napari_ivos.methods import MethodSpec
    from napari_ivos.session import Update

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    # A fault of the program's own shows an ordinary traceback, which can be pasted into an issue.
    pretty_exceptions_enable=False,
    help="Interactive video object segmentation: a few strokes, masks in every frame.",
)


app.add_typer(checkpoints.app, name="checkpoints")
app.command()(evaluate)
app.command()(batch)
app.command()(projects.replay)


class Direction(StrEnum):
    """Where a round is carried to from its frame."""

    both = "both"
    forward = "forward"
    backward = "backward"


def _version(wanted: bool) -> None:
    if wanted:
        from napari_ivos import __version__

        typer.echo(f"napari-ivos {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    clip: Annotated[str, typer.Option(help="Which built-in clip: cells or natural.")] = "cells",
    out: Annotated[
        Path | None,
        typer.Option(help="Play the demo without a person and write the result here."),
    ] = None,
) -> None:
    """Open napari with a built-in clip, ready to draw."""
    with sentences():
        from napari_ivos.sample_data import list_clips

        if clip not in list_clips():
            raise IvosError(
                f"There is no clip called '{clip}'.", f"Choose one of: {', '.join(list_clips())}."
            )
        _check_window()
        if out is not None:
            _make_folder(out)
        from napari_ivos.gui.demo import open_demo

        open_demo(clip, out)
        if out is not None:
            typer.echo(f"The demo's results are in {out}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"The folder '{folder}' cannot be made: {reason}.") from error


def _check_window() -> None:
    """Raise `IvosError` where no window can be opened: Qt itself would end the program."""
    if importlib.util.find_spec("napari") is None:
        raise IvosError(
            "The demo needs napari, which is not installed.",
            'Run: pip install "napari-ivos[all]"',
        )
    wanted = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in wanted):
        raise IvosError(
            "There is no display to open a window on.",
            "Run it on a desktop, or with: xvfb-run -a napari-ivos demo --out FOLDER",
        )


@app.command("segment")
def segment_(
    video: Annotated[
        Path, typer.Argument(metavar="VIDEO", help="Movie, TIFF stack, or folder of pictures.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Where the masks go: .tif, .zarr, .npz, .json, .csv, .mp4, or a folder for PNG."
        ),
    ],
    strokes: Annotated[
        Path | None, typer.Option(help="Scribble file of the DAVIS interactive format (JSON).")
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Label maps to start from, in place of strokes or beside them: .tif, .npy, .npz, "
            ".png, or a folder of png or a zarr. Ids are kept."
        ),
    ] = None,
    masks_frame: Annotated[
        int, typer.Option(help="The frame that a single label map is of.", min=0)
    ] = 0,
    method: Annotated[str, typer.Option(help="See: napari-ivos methods.")] = DEFAULT_METHOD,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights, for a method that takes them.")
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="What a stack's axes are, for instance TCYX.")
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="Which channels to show, for instance 0 or 0,2.")
    ] = None,
    direction: Annotated[
        Direction, typer.Option(help="Where to carry each annotated frame's masks.")
    ] = Direction.both,
    format: Annotated[
        str | None, typer.Option(help="ctc: a folder for the Cell Tracking Challenge.")
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(help="Folder to keep all work in; if it is there, the work goes on."),
    ] = None,
) -> None:
    """Segment a video without a window, from strokes or masks made before.

    Masks are the truth about the frames that they have labels on. The annotated frames are worked
    through in order, each one a round: its strokes are added, then its masks are carried through
    the video. With --project, rounds that were done before are left as they are.
    """
    with sentences("Stopped; nothing was written." if project is None else _kept(project)):
        from napari_ivos.batch import SegmentJob, segment

        job = SegmentJob(
            video=video,
            strokes=strokes,
            out=out,
            method=method,
            device=device,
            checkpoint=checkpoint,
            axes=axes,
            channels=_channels(channels),
            direction=direction.value,
            format=format,
            project=project,
            masks=masks,
            masks_frame=masks_frame,
        )
        typer.echo(segment(job, _bar))


def _kept(project: Path) -> str:
    return f"Stopped; what was done is in {project}, and the same command goes on from there."


def _channels(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise IvosError(
            f"The channels '{text}' are no numbers.", "Give them as in: --channels 0,2"
        ) from None


@contextmanager
def _bar(updates: Iterable[Update], length: int, label: str) -> Iterator[Iterable[Update]]:
    # In a terminal a bar on stderr; in a log file one line for each round.
    with typer.progressbar(updates, length=length, label=label, file=sys.stderr) as shown:
        yield shown


@app.command()
def methods() -> None:
    """List the methods, their weights and licences."""
    from napari_ivos.methods import list_methods

    head = ("NAME", "TITLE", "WEIGHTS", "LICENCE", "DEVICES", "CHECKPOINT")
    for line in columns([head, *map(_method_row, list_methods())]):
        typer.echo(line)


def _method_row(spec: MethodSpec) -> tuple[str, ...]:
    states = {
        "none": "not needed",
        "embedded": "comes with the program",
        "required": "give one with --checkpoint",
    }
    devices = ", ".join(spec.devices)
    return spec.name, spec.title, spec.weights, spec.licence, devices, states[spec.checkpoint]


@app.command()
def doctor() -> None:
    """Look at what is installed and what the computer has, and say what to do about it."""
    from napari_ivos.doctor import examine

    broken = False
    for finding in examine():
        advice = f" → {finding.advice}" if finding.advice else ""
        typer.echo(f"{finding.state:<8} {finding.text}{advice}")
        broken |= finding.state == "problem"
    if broken:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    # Not every terminal and pipe has every letter; what a command says must not end it.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with writable(), sentences():
            app(prog_name="napari-ivos")
    except typer.Exit as end:
        # What ended outside of every command, such as Ctrl-C while the arguments are read.
        sys.exit(end.exit_code)
