"""Fetching a checkpoint: resumed when it breaks off, verified, and renamed at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from napari_ivos.checkpoints._locate import user_folder
from napari_ivos.checkpoints._records import Checkpoint, CheckpointFile
from napari_ivos.errors import CheckpointError

if TYPE_CHECKING:
    import requests

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes there are, and the bytes there will be (0: not known)."""

_LARGEST = 4 * 2**30
_LARGEST_PAGE = 2**20
_CHUNK = 2**18
_GOOGLE = ("drive.google.com", "drive.usercontent.google.com")


class _TryAgainError(Exception):
    """Worth another try."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and how often to try."""

    connect: float = 15.0
    """Seconds until a server must answer."""
    read: float = 60.0
    """Seconds in which something must arrive."""
    tries: int = 5
    pause: float = 2.0
    """Seconds before the second try; doubled each time."""


def download(
    record: Checkpoint,
    *,
    folder: Path | None = None,
    verify: Callable[[Path], None] | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> list[Path]:
    """Download the files of a checkpoint that are not there yet.

    The licence is the caller's to show first. What arrived of a file stays beside its place under a
    name that ends in ``.part``, and the next call goes on from there.

    Parameters
    ----------
    record : Checkpoint
    folder : Path, optional
        By default the user's cache.
    verify : callable, optional
        Is given each file before it takes its name, and raises CheckpointError if it is not good;
        the file is deleted then.
    progress : callable, optional
        May raise to cancel.
    patience : Patience, optional

    Returns
    -------
    list of Path

    Raises
    ------
    CheckpointError
        The server has no such file, sends something else, or cannot be reached; the disk is full;
        the file does not verify.
    """
    import requests

    place = user_folder() if folder is None else folder
    targets = []
    with requests.Session() as web:
        for item in record.files:
            target = place / item.name
            if not target.exists():
                fetch = _Fetch(web, record, item, target, progress, patience or Patience())
                part = fetch.run()
                _finish(part, target, verify)
            targets.append(target)
    return targets


def _finish(part: Path, target: Path, verify: Callable[[Path], None] | None) -> None:
    if verify is not None:
        try:
            verify(part)
        except CheckpointError:
            part.unlink(missing_ok=True)
            raise
    part.replace(target)


class _Fetch:
    """One file."""

    def __init__(
        self,
        web: requests.Session,
        record: Checkpoint,
        item: CheckpointFile,
        target: Path,
        progress: Progress | None,
        patience: Patience,
    ) -> None:
        self._web, self._record, self._item = web, record, item
        self._part = target.with_name(f"{target.name}.part")
        self._progress, self._patience = progress, patience

    def run(self) -> Path:
        """Fetch with several tries; returns the finished part."""
        pause, last = self._patience.pause, ""
        for number in range(self._patience.tries):
            if number:
                time.sleep(pause)
                pause *= 2
            try:
                with self._disk():
                    self._part.parent.mkdir(parents=True, exist_ok=True)
                    self._try()
                return self._part
            except _TryAgainError as error:
                last = str(error)
        raise CheckpointError(
            f"{self._item.name} could not be downloaded: {last}.",
            f"Try again later: it goes on from where it broke off. Or take it from "
            f"{self._record.page}.",
        )

    def _try(self) -> None:
        import requests

        try:
            with self._open() as answer:
                self._receive(answer)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise _TryAgainError("the connection broke off") from error
        except requests.Timeout as error:
            raise _TryAgainError("the server stopped answering") from error
        except requests.RequestException as error:
            raise self._fault(f"its address cannot be used ({type(error).__name__})") from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[requests.Response]:
        """The answer with the data, past a page that asks for confirmation."""
        url: str = self._item.url
        parameters: dict[str, str] | None = None
        for _ in range(3):
            have = self._part.stat().st_size if self._part.exists() else 0
            headers = {"Accept-Encoding": "identity"}
            if have:
                headers["Range"] = f"bytes={have}-"
            answer = self._web.get(
                url,
                params=parameters,
                headers=headers,
                stream=True,
                timeout=(self._patience.connect, self._patience.read),
            )
            with answer:
                self._check_status(answer)
                if "text/html" not in answer.headers.get("Content-Type", ""):
                    yield answer
                    return
                page = answer.raw.read(_LARGEST_PAGE, decode_content=True)
                url, parameters = self._confirmation(page.decode("utf-8", "replace"), answer.url)
        raise self._fault("the server keeps asking for a confirmation")

    def _check_status(self, answer: requests.Response) -> None:
        status = answer.status_code
        if status == 416:
            # The part is longer than the file, or another file's: begin anew.
            self._part.unlink(missing_ok=True)
            raise _TryAgainError("the server has another file than the one begun with")
        if status in (408, 429) or status >= 500:
            raise _TryAgainError(f"the server answers with status {status}")
        if status >= 400:
            raise self._fault(f"the server answers with status {status}")

    def _confirmation(self, page: str, url: str) -> tuple[str, dict[str, str]]:
        """Where Drive's page about files that are too large to be scanned leads on to."""
        form = _Form()
        form.feed(page)
        if not form.fields:
            busy = "quota" in page.lower() or "too many users" in page.lower()
            what = "its daily limit of downloads is used up" if busy else "a web page came instead"
            raise self._fault(what)
        target = urljoin(url, form.action)
        host, own = urlsplit(target).hostname, urlsplit(self._item.url).hostname
        if host not in (*_GOOGLE, own):
            raise self._fault(f"the confirmation leads to another place ({host})")
        return target, form.fields

    def _receive(self, answer: requests.Response) -> None:
        have = self._part.stat().st_size if self._part.exists() else 0
        start = _range_start(answer) if answer.status_code == 206 else 0
        if start not in (0, have):
            raise _TryAgainError("the server sent another part of the file")
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else 0
        if total > _LARGEST:
            raise self._fault(f"it claims to be {total / 2**30:.0f} GiB large")
        done = start
        with self._part.open("ab" if start else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if done > _LARGEST:
                    raise self._fault("it does not end")
                if self._progress is not None:
                    self._progress(self._item.name, done, total)
        if total and done < total:
            raise _TryAgainError(f"only {done} of {total} bytes arrived")
        if done == 0 or (self._item.size is not None and done != self._item.size):
            raise self._fault(f"{done} bytes arrived, which is not its size")

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        import requests

        try:
            yield
        except requests.RequestException:
            raise
        except OSError as error:
            raise CheckpointError(
                f"{self._item.name} cannot be written to '{self._part.parent}': {error.strerror}.",
                "Free some space, or set NAPARI_IVOS_CHECKPOINTS to another folder and add it.",
            ) from error

    def _fault(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self._item.name} could not be downloaded: {what}.",
            f"Download it in a browser from {self._record.page}, then run "
            "'napari-ivos checkpoints add FILE'.",
        )


def _range_start(answer: requests.Response) -> int:
    text = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(text) if text.isdigit() else -1


class _Form(HTMLParser):
    """The first form of a page, with its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form's address and fields."""
        known = {key: value or "" for key, value in attrs}
        if tag == "form" and not self.fields:
            self._inside, self.action = True, known.get("action", "")
        elif tag == "input" and self._inside and known.get("type") == "hidden":
            self.fields[known.get("name", "")] = known.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Leave the form."""
        if tag == "form":
            self._inside = False
