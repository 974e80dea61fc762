"""The commands ``napari-ivos checkpoints …``: the authors' published weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from napari_ivos.checkpoints import (
    Checkpoint,
    CheckpointFile,
    download,
    get_checkpoint,
    install,
    list_checkpoints,
    locate,
    match,
    search_folders,
)
from napari_ivos.cli._output import columns, sentences
from napari_ivos.errors import CheckpointError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The weights that the authors of the methods published.",
)


@app.command("list")
def list_() -> None:
    """What there is, where it lies, and under which licence."""
    rows = [("NAME", "METHOD", "LICENCE", "FOUND IN", "PURPOSE")]
    for record in list_checkpoints():
        files = locate(record)
        where = str(files[0].parent) if files else "-"
        rows.append((record.name, record.method, record.licence, where, record.purpose))
    for line in columns(rows):
        typer.echo(line)
    typer.echo("\nLooked for in: " + ", ".join(map(str, search_folders())))


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="A file of published weights.")],
    name: Annotated[
        str | None,
        typer.Option("--as", help="Which checkpoint it is, if the file's name does not say it."),
    ] = None,
) -> None:
    """Verify a file that you downloaded, and copy it to where it is found."""
    with sentences():
        record, item = _record_of(file, name)
        _verifier(record)(file)
        target = install(record, item, file)
        typer.echo(f"{record.name}: every weight fits. It is now in {target}")
        left = [other.name for other in record.files if not (target.parent / other.name).exists()]
        if left:
            typer.echo(f"Still missing for {record.method}: {', '.join(left)}")


@app.command("download")
def download_(
    name: Annotated[str, typer.Argument(help="A name from 'checkpoints list'.")],
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the licence beforehand.")] = False,
) -> None:
    """Download a checkpoint from where its authors put it; goes on where it broke off."""
    with sentences():
        record = get_checkpoint(name)
        verify_file = _verifier(record)
        typer.echo(f"{record.purpose}\n{record.paper}\nLicence: {record.licence}")
        if record.non_commercial:
            typer.echo("This licence allows no commercial use.")
        if not yes and not _agreed():
            raise CheckpointError(
                "Without agreeing to the licence nothing is downloaded.", "Give --yes to agree."
            )
        progress = _show if sys.stderr.isatty() else None
        files = download(record, verify=verify_file, progress=progress)
        typer.echo("Verified: " + ", ".join(map(str, files)))


@app.command()
def verify() -> None:
    """Check again whether the checkpoints on this machine are whole and fit."""
    with sentences():
        faults = found = 0
        for record in list_checkpoints():
            for file in locate(record) or ():
                found += 1
                try:
                    _verifier(record)(file)
                    typer.echo(f"ok      {file}")
                except CheckpointError as error:
                    faults += 1
                    typer.echo(f"damaged {error}")
        if not found:
            typer.echo("There are no checkpoints on this machine.")
        if faults:
            raise CheckpointError(f"{faults} of {found} files are not what they should be.")


def _agreed() -> bool:
    try:
        return typer.confirm("Do you agree to this licence?", err=True)
    except typer.Abort as end:
        typer.echo(err=True)  # the question's line is still open
        if isinstance(end.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return False  # nobody is there to answer


def _record_of(file: Path, name: str | None) -> tuple[Checkpoint, CheckpointFile]:
    known = match(file)
    if name is None:
        fitting = _recognised(file) if known is None else [known]
        if len(fitting) != 1:
            choice = [record.name for record, _ in fitting]
            raise CheckpointError(
                f"Neither the name nor the content of '{file.name}' says which it is.",
                "Say which checkpoint it is with --as, one of: "
                f"{', '.join(choice or [record.name for record in list_checkpoints()])}.",
            )
        return fitting[0]
    record = get_checkpoint(name)
    if known is not None and known[0].name == record.name:
        return known
    if len(record.files) > 1:
        names = " and ".join(item.name for item in record.files)
        raise CheckpointError(f"{name} has several files.", f"Name them {names}.")
    return record, record.files[0]


def _recognised(file: Path) -> list[tuple[Checkpoint, CheckpointFile]]:
    """What a file may be by its content."""
    from napari_ivos.methods import list_methods
    from napari_ivos.methods.weights import identify, table

    known = {name: shapes for spec in list_methods() for name, shapes in table(spec).items()}
    return identify(file, known) if known else []


def _verifier(record: Checkpoint) -> Callable[[Path], None]:
    """What tells whether a file fits; it raises CheckpointError when it does not."""
    from napari_ivos.methods import list_methods, verify_checkpoint

    if record.method not in list_methods():
        raise CheckpointError(
            f"The method '{record.method}' is not part of this version of napari-ivos yet, so its "
            "weights cannot be verified."
        )
    return partial(verify_checkpoint, record.method)


def _show(name: str, done: int, total: int) -> None:
    size = f" of {total / 2**20:.0f}" if total else ""
    typer.echo(f"\r{name}: {done / 2**20:.0f}{size} MiB ", nl=False, err=True)
