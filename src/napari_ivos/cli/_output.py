"""How the commands talk: sentences about mistakes, and tables."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import typer

from napari_ivos.errors import IvosError

_USER_ERROR = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


@contextmanager
def sentences(stopped: str = "Stopped; nothing was written.") -> Generator[None]:
    """Turn a user's mistakes, and Ctrl-C, into one sentence and an exit status."""
    try:
        yield
    except IvosError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(_USER_ERROR) from error
    except KeyboardInterrupt:
        typer.echo(stopped, err=True)
        raise typer.Exit(_INTERRUPTED) from None


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
