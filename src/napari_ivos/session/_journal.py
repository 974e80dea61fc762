"""The journal: a file that only grows, with a line for each thing that happened.

A line is a JSON list of a checksum and what happened. The checksum covers the line and, by the
line's predecessor's checksum, all lines before it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import ProjectError
from napari_ivos.session._disk import what_to_do

_MAX_LINE = 256 * 2**20
_PREFIX = len(b'["00000000",')


def read_lines(file: Path) -> Iterator[tuple[Any, int, int]]:
    """Read what is whole.

    A last line that was not written to its end is left out: what it says never counted.

    Yields
    ------
    (content, checksum, end)
        What happened, the line's checksum, and where in the file it ends.

    Raises
    ------
    ProjectError
        The file cannot be read, or is damaged before its end.
    """
    checksum = end = 0
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), start=1):
                checksum_before = checksum
                checksum = zlib.crc32(line[_PREFIX:-2], checksum_before)
                if line[:_PREFIX] != b'["%08x",' % checksum or line[-2:] != b"]\n":
                    if not line.endswith(b"\n") and len(line) < _MAX_LINE:
                        return
                    raise damaged(file, number)
                end += len(line)
                yield _parse(file, number, line), checksum, end
    except OSError as error:
        raise ProjectError(f"The journal '{file}' cannot be read: {error.strerror}.") from error


def damaged(file: Path, number: int) -> ProjectError:
    """What to tell about a journal whose line `number` is not what was written."""
    return ProjectError(
        f"The journal '{file}' is damaged in line {number}.",
        "Take the project from a backup; or cut a copy of the journal off before that line, which "
        "loses what was done later.",
    )


def _parse(file: Path, number: int, line: bytes) -> Any:
    try:
        return _DECODER.decode(line[_PREFIX:-2].decode())
    except (ValueError, RecursionError) as error:
        raise damaged(file, number) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot be written to a journal")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class Journal:
    """Appends lines; each is with the operating system before `append` comes back.

    Parameters
    ----------
    file : Path
        Made if it is not there.
    checksum, end : int
        Those of its last whole line, as `read_lines` gives them; what lies behind is cut off.
    check, written : callable, optional
        Called before each line, which it refuses by raising, and after it.

    Raises
    ------
    ProjectError
        It cannot be written to.
    """

    def __init__(
        self,
        file: Path,
        checksum: int = 0,
        end: int = 0,
        check: Callable[[], None] | None = None,
        written: Callable[[], None] | None = None,
    ) -> None:
        self.file = file
        self._checksum, self._end = checksum, end
        self._check, self._written = check, written
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            self._handle = os.open(file, flags, 0o666)
            os.ftruncate(self._handle, end)
        except OSError as error:
            raise self._refusal(error) from error
        self._torn = False

    def append(self, content: Any) -> None:
        """Write one line.

        Raises
        ------
        ProjectError
            It could not be written; the journal is as before.
        """
        body = json.dumps(content, separators=(",", ":"), allow_nan=False, default=_plain).encode(
            "ascii"
        )
        checksum = zlib.crc32(body, self._checksum)
        line = b'["%08x",%s]\n' % (checksum, body)
        if self._check is not None:
            self._check()
        try:
            self._check_place()
            self._write(line)
        except OSError as error:
            raise self._refusal(error) from error
        self._checksum, self._end = checksum, self._end + len(line)
        if self._written is not None:
            self._written()

    def content(self) -> bytes:
        """All lines so far, also when the file was deleted meanwhile."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._handle), "rb") as stream:
            return stream.read(self._end)

    @property
    def position(self) -> tuple[int, int]:
        """Checksum and end of the last line."""
        return self._checksum, self._end

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)

    def _write(self, line: bytes) -> None:
        if self._torn:
            os.ftruncate(self._handle, self._end)
        self._torn = True
        os.lseek(self._handle, self._end, os.SEEK_SET)
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        self._torn = False

    def _check_place(self) -> None:
        # A file that was deleted can still be written to, for nobody.
        here, there = os.fstat(self._handle), self.file.stat()
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            raise FileNotFoundError(2, "another file is in its place")

    def _refusal(self, error: OSError) -> ProjectError:
        folder = self.file.parent
        if isinstance(error, FileNotFoundError):
            return ProjectError(f"The project folder '{folder}' is gone.", what_to_do(error))
        return ProjectError(
            f"The project folder '{folder}' cannot be written to: {error.strerror}.",
            what_to_do(error),
        )
