"""The bytes of one file, over whatever kind of connection."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from napari_ivos.checkpoints._connection import (
    Connection,
    InterruptedTransferError,
    Patience,
    RefusedError,
    read,
)
from napari_ivos.checkpoints._disk import ask_for_space, disk_errors, in_words
from napari_ivos.checkpoints._pages import what_it_says

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)$")
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class _Whole:
    """What a server says of the whole file, to tell whether a part belongs to it."""

    total: int | None = None
    tag: str = ""


class Transfer:
    """A download into a partial file, which goes on from what an earlier one left.

    Parameters
    ----------
    url : str
    part : Path
        The partial file. Beside it lies a hidden one: what must be known to go on.
    limit : int
        Bytes; what is larger, or claims to be, is refused.
    patience : Patience
    progress : callable
        Called with the bytes that are there and the bytes there will be, None when not known.
        What it raises ends the transfer.
    """

    def __init__(
        self,
        url: str,
        part: Path,
        limit: int,
        patience: Patience,
        progress: Callable[[int, int | None], None],
    ) -> None:
        self._url = url
        self._part = part
        self._notes = part.with_name(f".{part.name}.json")
        self._limit = limit
        self._patience = patience
        self._progress = progress

    @property
    def resumable(self) -> bool:
        """Whether the partial file is worth keeping."""
        return self._notes.exists() and self._held() > 0

    def run(self) -> None:
        """Fetch all of it.

        Raises
        ------
        RefusedError
            The server does not give it, or gives something else.
        InterruptedTransferError
            The connection failed too often.
        CheckpointError
            The disk is full.
        """
        failures, farthest = 0, self._held()
        with requests.Session() as session:
            connection = Connection(session, self._url, self._patience)
            while True:
                try:
                    return self._attempt(connection)
                except InterruptedTransferError as error:
                    # Measured from the farthest point: what begins anew again and again must end.
                    came_on = self._held() - farthest >= self._patience.least
                    farthest = max(farthest, self._held())
                    failures = 1 if came_on else failures + 1
                    if failures >= self._patience.tries:
                        raise
                    pause = self._patience.pause * 2 ** (failures - 1)
                    time.sleep(min(max(pause, error.wait), _LONGEST_PAUSE))

    def discard(self) -> None:
        """Delete the partial file and the notes on it."""
        self._notes.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)

    def _attempt(self, connection: Connection) -> None:
        known = self._recall()
        if not self.resumable:
            self.discard()
        offset = self._held()
        if offset and offset == known.total:
            return
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        if offset and known.tag:
            headers["If-Range"] = known.tag
        with closing(connection.ask(headers)) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.discard()
                raise InterruptedTransferError("its server did not go on where it had stopped")
            offset, whole = self._begin(response, offset, known)
            self._receive(response, offset, whole)

    def _begin(self, response: requests.Response, offset: int, known: _Whole) -> tuple[int, _Whole]:
        """Where the bytes of an answer belong, and what it says of the whole file."""
        tag = _tag(response.headers)
        if response.status_code == requests.codes.partial_content:
            match = _RANGE.match(response.headers.get("Content-Range", "").strip())
            whole = _Whole(int(match[2]), tag) if match else _Whole()
            other = known.tag and tag and known.tag != tag
            if not match or int(match[1]) != offset or whole.total != known.total or other:
                self.discard()
                raise InterruptedTransferError("its server did not go on where it had stopped")
            resumes = True
        else:
            # Also what a server does that ignores ranges, or whose file has changed.
            offset = 0
            whole = _Whole(_length(response.headers), tag)
            resumes = response.headers.get("Accept-Ranges", "").lower() != "none"
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RefusedError("its server sends it in an encoding that was not asked for")
        self._check_size(whole.total or 0)
        with disk_errors(self._part.parent):
            if not offset:
                self.discard()
            ask_for_space(self._part.parent, (whole.total or 0) - offset)
            if resumes and whole.total is not None:
                self._notes.write_text(json.dumps({"total": whole.total, "tag": whole.tag}))
        return offset, whole

    def _receive(self, response: requests.Response, offset: int, whole: _Whole) -> None:
        done, since, mark = offset, time.monotonic(), offset
        with disk_errors(self._part.parent):
            file = self._part.open("ab", buffering=0)
        with file:
            self._progress(done, whole.total)
            while chunk := read(response):
                if done == 0 and chunk.lstrip()[:1] == b"<":
                    raise RefusedError(what_it_says(chunk.decode("utf-8", "replace"), response.url))
                self._check_size(done + len(chunk))
                with disk_errors(self._part.parent):
                    _write(file, chunk)
                done += len(chunk)
                self._progress(done, whole.total)
                if time.monotonic() - since >= self._patience.window:
                    if done - mark < self._patience.least:
                        raise InterruptedTransferError("its server hardly sends anything any more")
                    since, mark = time.monotonic(), done
        if done == 0:
            raise RefusedError("its server sent nothing, 0 bytes")
        if whole.total is not None and done != whole.total:
            raise InterruptedTransferError("its server ended before the file did")

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise RefusedError(
                f"its server has {in_words(size)} or more where at most "
                f"{in_words(self._limit)} can be right"
            )

    def _held(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _recall(self) -> _Whole:
        try:
            notes = json.loads(self._notes.read_text())
            return _Whole(int(notes["total"]), str(notes["tag"]))
        except FileNotFoundError:
            return _Whole()
        except (ValueError, KeyError, TypeError):
            self.discard()
            return _Whole()


def _write(file: Any, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:  # a nearly full disk takes a part, and refuses the next
        left = left[file.write(left) :]


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _tag(headers: Mapping[str, str]) -> str:
    """What changes when the file does; weak tags may not be used to go on with a part."""
    tag = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
