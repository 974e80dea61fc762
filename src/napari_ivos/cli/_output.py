"""How the commands talk: sentences about mistakes, and tables."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

import typer

from napari_ivos.errors import IvosError

_USER_ERROR = 2
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no EDQUOT
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


@contextmanager
def writable() -> Generator[None]:
    """Turn a full device, of which no library says the file, into one sentence and a status."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        # What waits to be written would fail once more when the program ends.
        with open(os.devnull, "w") as nowhere, suppress(OSError, ValueError):
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        with suppress(OSError):
            typer.echo(f"Error: Nothing more can be written: {error.strerror}.", err=True)
        sys.exit(_USER_ERROR)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
