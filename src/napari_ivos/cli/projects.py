"""The command ``napari-ivos replay``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_ivos.cli._output import sentences


def replay(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="A project folder.")],
    video: Annotated[
        Path | None, typer.Option(help="Where the video is, if it is not where it was.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the new masks: .tif, .npz, or a folder.")
    ] = None,
) -> None:
    """Do all that a project's journal says once more, and compare the masks.

    The project is only read. With the same version, method and device every mask comes out the
    same, byte for byte; if not, the command ends with status 1.
    """
    with sentences():
        from napari_ivos.export import check_export, check_inputs
        from napari_ivos.session import replay as play

        if out is not None:  # not after hours of computing
            check_export(out)
            check_inputs(out, [project, video])

        # In a terminal a bar on stderr; in a log file one line.
        with typer.progressbar(length=1, label=f"Replaying {project}", file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.length = total
                bar.update(1)

            found = play(project, video, progress=show)
        with found.session as session:
            if out is not None:
                session.export(out)
        what = f"{project}: {found.runs} results computed again; "
        if not found.different:
            typer.echo(f"{what}the masks of all {found.frames} frames are the same")
            return
        first = found.different[0]
        typer.echo(
            f"{what}{len(found.different)} of {found.frames} frames came out differently, the "
            f"first is frame {first}. Masks are the same only with the same versions, method, "
            "weights and device.",
            err=True,
        )
        raise typer.Exit(1)
