"""The commands ``napari-ivos checkpoints``."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_ivos.errors import CheckpointError

if TYPE_CHECKING:
    from napari_ivos.checkpoints import Checkpoint, WeightFile

_USER_ERROR = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(
    no_args_is_help=True,
    help="Published weights: what there is and where, add a file, download, verify.",
)


@contextmanager
def _sentences() -> Generator[None]:
    try:
        yield
    except CheckpointError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(_USER_ERROR) from error
    except KeyboardInterrupt:
        typer.echo("Stopped; a part that can be gone on with was kept.", err=True)
        raise typer.Exit(_INTERRUPTED) from None


@app.command("list")
def list_all() -> None:
    """List the published weights, their licences, and where they lie on this computer."""
    with _sentences():
        from napari_ivos.checkpoints import find_file, list_checkpoints, places

        rows = [("NAME", "METHOD", "LICENCE", "FILE", "SIZE", "WHERE")]
        for one in list_checkpoints():
            for file in one.files:
                where = find_file(file)
                place = "missing" if where is None else str(where)
                rows.append((one.name, one.method, one.licence, file.name, _size(file), place))
        for line in _columns(rows):
            typer.echo(line)
        typer.echo("")
        for one in list_checkpoints():
            typer.echo(f"{one.name}: {one.purpose}")
        typer.echo(f"\nLooked in: {', then '.join(map(str, places()))}")


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of weights.")],
    name: Annotated[
        str | None, typer.Option("--as", help="Which checkpoint it is, where that cannot be seen.")
    ] = None,
) -> None:
    """Check files of weights and copy them to where they are found again."""
    with _sentences():
        from napari_ivos.checkpoints import get_checkpoint, install
        from napari_ivos.methods.weights import identify, verify

        if name is not None:
            get_checkpoint(name)
        for path in files:
            checkpoint, file = identify(path, name)
            target = install(path, file, verify)
            typer.echo(f"{path} is {file.name} of {checkpoint.name}; it is kept as {target}")
            typer.echo(_terms(checkpoint))
            _say_what_is_missing(checkpoint)


@app.command()
def download(
    name: Annotated[str, typer.Argument(help="See: napari-ivos checkpoints list.")],
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the licence shown.")] = False,
) -> None:
    """Show the licence of weights, and download them."""
    with _sentences():
        from napari_ivos import checkpoints
        from napari_ivos.methods.weights import verify

        wanted = checkpoints.get_checkpoint(name)
        if _is_there(wanted):
            return
        typer.echo(f"{name}: {', '.join(f'{f.name}, {_size(f)}' for f in wanted.files)}")
        typer.echo(f"For: {wanted.purpose}\nPaper: {wanted.paper}\nFrom: {wanted.home}")
        typer.echo(_terms(wanted))
        if not yes and not typer.confirm("Do you agree to these terms, and download?"):
            typer.echo("Nothing was downloaded.")
            raise typer.Exit(1)
        with ExitStack() as stack:
            path = checkpoints.download(wanted, verify, progress=_Bars(stack))
        typer.echo(f"{name} is here: {path}")


@app.command("verify")
def verify_found(
    name: Annotated[str | None, typer.Argument(help="One checkpoint; default: all.")] = None,
) -> None:
    """Read the weights that are found whole, and compare them with what they should be."""
    with _sentences():
        from napari_ivos.checkpoints import find_file, get_checkpoint, list_checkpoints

        asked = list_checkpoints() if name is None else (get_checkpoint(name),)
        files = [file for one in asked for file in one.files]
        found = [(path, file) for file in files if (path := find_file(file)) is not None]
        if not found:
            raise CheckpointError(
                f"There are no weights of {name or 'any method'} on this computer.",
                "Run: napari-ivos checkpoints list.",
            )
        fine = [_report(path, file) for path, file in found]
        if not all(fine):
            raise typer.Exit(1)


def _report(path: Path, file: WeightFile) -> bool:
    from napari_ivos.methods.weights import verify

    try:
        compared = verify(path, file)
    except CheckpointError as error:
        typer.echo(f"bad  {error}")
        return False
    how = "" if compared else "; its method is not part of this version, so only counted"
    typer.echo(f"ok   {path} ({file.name}{how})")
    return True


def _is_there(checkpoint: Checkpoint) -> bool:
    """Whether all of it is there and good, said to the user."""
    from napari_ivos.checkpoints import cache_folder, locate
    from napari_ivos.methods.weights import verify_all

    path = locate(checkpoint)
    if path is None:
        return False
    try:
        verify_all(checkpoint, path)
    except CheckpointError as error:
        if cache_folder() not in (path, path.parent):
            raise  # it comes before the cache, so that a good copy there would not be used
        typer.echo(f"{error.message} It will be replaced.")
        return False
    typer.echo(f"{checkpoint.name} is there already: {path}")
    return True


class _Bars:
    """A progress bar for each file, on stderr; one line each where that is no terminal."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._bars: dict[str, Any] = {}

    def __call__(self, file: WeightFile, done: int, total: int | None) -> None:
        if file.name not in self._bars:
            bar = typer.progressbar(length=total or file.about, label=file.name, file=sys.stderr)
            self._bars[file.name] = self._stack.enter_context(bar)
        bar = self._bars[file.name]
        bar.update(done - bar.pos)


def _say_what_is_missing(checkpoint: Checkpoint) -> None:
    from napari_ivos.checkpoints import cache_folder, find_file, locate

    if locate(checkpoint) is None:
        place = cache_folder()
        missing = [file.name for file in checkpoint.files if find_file(file, place) is None]
        typer.echo(f"{checkpoint.name} needs {' and '.join(missing)} as well; add it too.")


def _terms(checkpoint: Checkpoint) -> str:
    return f"Licence: {checkpoint.terms}"


def _size(file: WeightFile) -> str:
    return f"{'' if file.size else 'about '}{round(file.about / 1e6)} MB"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
