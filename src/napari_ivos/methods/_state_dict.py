"""Tensors in files that torch wrote, and whether they are those of a network."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from napari_ivos.errors import CheckpointError

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""The entries that a network's state dictionary has, and their shapes."""

COUNTER = "num_batches_tracked"
"""Entries that count batches of the training: of no use here, absent before torch 0.4.1."""

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIX = "module."
_ZIP = b"PK\x03\x04"
# How torch's older format begins: its magic number 0x1950a86a20f9469cfc6c as a pickle.
_OLD = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
_CODE = re.compile(r"GLOBAL ([\w.]+)")
_SLACK = 2**20
_AGAIN = "Download it again."
_WHAT = "Give what torch.save wrote of a network's state_dict."


def load_state_dict(path: Path, mapped: bool = True) -> dict[str, Tensor]:
    """The tensors of a file by name; nothing in the file is executed.

    Parameters
    ----------
    path : Path
        What `torch.save` wrote of a network's state dictionary, in the zip or the older format.
        Understood as well: the same under the key ``state_dict``, ``model_state_dict`` or
        ``model``; all names beginning with ``module.``.
    mapped : bool
        Whether tensors may be mapped from the file, so that only what is used is read. False: they
        are all in memory, nothing ties them to the file, and each can be freed on its own.

    Returns
    -------
    dict of str to Tensor
        On the processor; mapped from the file where that is wanted and the format allows it.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or something else; says which.
    """
    try:
        _check_kind(path)
        with warnings.catch_warnings():
            # About other pickle protocols and the like: what matters is whether it can be read.
            warnings.simplefilter("ignore")
            mapped = mapped and zipfile.is_zipfile(path)
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(
            f"'{path}' cannot be read: {error.strerror or error}.", "Give a file of weights."
        ) from error
    except Exception as error:  # a damaged file can raise almost anything
        raise _why(path, error) from error
    return _tensors(path, content)


def _check_kind(path: Path) -> None:
    """Look at how a file begins, before it is given to torch."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise CheckpointError(f"'{path}' is empty.", _AGAIN)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise CheckpointError(
            f"'{path}' is a web page, not a file of weights.",
            "Open it in a browser to see what the server had to say, and download again.",
        )
    if not head.startswith((_ZIP, _OLD)):
        raise CheckpointError(f"'{path}' is not a file that torch wrote.", _WHAT)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            _check_archive(path, archive)


def _check_archive(path: Path, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if not any(name.endswith("/data.pkl") for name in names):
        inner = next((name for name in names if name.endswith((".pth", ".pt"))), None)
        hint = f"Unpack it and give '{inner}'." if inner else _WHAT
        raise CheckpointError(f"'{path}' is an archive of other files.", hint)
    # torch compresses nothing, so a file that unpacks to more than itself was made to do harm.
    if sum(info.file_size for info in archive.infolist()) > path.stat().st_size + _SLACK:
        raise CheckpointError(f"'{path}' is compressed, which torch never does.", _WHAT)


def _why(path: Path, error: Exception) -> CheckpointError:
    code = _CODE.search(str(error))
    if code:
        return CheckpointError(
            f"'{path}' holds more than weights (it asks for '{code[1]}'), and only weights are "
            "read, because anything else may be a program.",
            _WHAT,
        )
    return CheckpointError(f"'{path}' is damaged or cut short.", _AGAIN)


def _tensors(path: Path, content: Any) -> dict[str, Tensor]:
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())
    ):
        raise CheckpointError(f"'{path}' does not hold a network's weights by name.", _WHAT)
    wrapped = all(key.startswith(_PREFIX) for key in content)
    return {key.removeprefix(_PREFIX) if wrapped else key: v for key, v in content.items()}


def compare(found: Mapping[str, Tensor], expected: Shapes) -> list[str]:
    """What keeps tensors from being a network's weights.

    Counters of batches may be absent; any floating-point type will do.

    Parameters
    ----------
    found : mapping of str to Tensor
    expected : mapping of str to tuple of int

    Returns
    -------
    list of str
        Each says how many entries have a fault and names the first; empty when all fit.
    """
    missing = [key for key in expected if key not in found and not _is_counter(key)]
    unknown = [key for key in found if key not in expected]
    both = [key for key in expected if key in found and not _is_counter(key)]
    shapes = [
        f"{key} ({_shape(found[key].shape)} instead of {_shape(expected[key])})"
        for key in both
        if tuple(found[key].shape) != tuple(expected[key])
    ]
    faults = (
        (missing, "missing"),
        (unknown, "unknown"),
        (shapes, "of another shape"),
        (_list(found, both, _is_no_number), "not of plain floating-point numbers"),
    )
    return [_fault(names, what) for names, what in faults if names]


def find_damage(found: Mapping[str, Tensor]) -> list[str]:
    """As `compare`, for values that no trained network has; reads all of them."""
    numbers = [key for key, value in found.items() if value.is_floating_point()]
    spoilt = _list(found, numbers, lambda value: not bool(torch.isfinite(value).all()))
    return [_fault(spoilt, "with values that are not finite")] if spoilt else []


def is_intact(path: Path) -> bool:
    """Whether the sums that the zip format keeps are right; always, for the older format."""
    if not zipfile.is_zipfile(path):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False


def _list(found: Mapping[str, Tensor], keys: list[str], bad: Callable[[Tensor], bool]) -> list[str]:
    return [key for key in keys if bad(found[key])]


def _is_no_number(value: Tensor) -> bool:
    return not value.is_floating_point() or value.layout != torch.strided


def _is_counter(key: str) -> bool:
    return key.rpartition(".")[2] == COUNTER


def _fault(names: list[str], what: str) -> str:
    rest = ", …" if len(names) > 3 else ""
    return f"{len(names)} {what} ({', '.join(names[:3])}{rest})"


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"
