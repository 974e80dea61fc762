"""Talking to a server: pages in between, statuses, and what can break."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import requests
import urllib3

from napari_ivos.checkpoints._pages import confirmed, known_reason, what_it_says

_CHUNK = 2**18
_PAGE_BYTES = 2**20
_PAGES = 3
_NOT_THERE = 416
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}
_REFUSED = {401, 403}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is borne with."""

    connect: float = 15.0
    """Seconds until it must have answered the call."""
    read: float = 30.0
    """Seconds that it may be silent."""
    window: float = 60.0
    """Seconds in which at least `least` bytes must come."""
    least: int = 2**18
    tries: int = 5
    """How often in a row it may fail without having sent `least` bytes."""
    pause: float = 1.0
    """Seconds until the next try; doubled each time."""


class RefusedError(Exception):
    """There is no point in trying again; says why as the second half of a sentence."""


class InterruptedTransferError(Exception):
    """The connection failed; another try may do better. `wait`: what the server asks for, in s."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Connection:
    """One file's server, asked as often as need be; cookies are kept in between.

    Parameters
    ----------
    session : requests.Session
    url : str
    patience : Patience
    """

    def __init__(self, session: requests.Session, url: str, patience: Patience) -> None:
        self._session = session
        self._url = url
        self._patience = patience
        # Encoded bytes could not be gone on with, and their length would say nothing.
        session.headers.update({"User-Agent": "napari-ivos", "Accept-Encoding": "identity"})

    def ask(self, headers: Mapping[str, str]) -> requests.Response:
        """The answer that carries the file, past pages that ask for a confirmation.

        Its status is 200, 206 or 416. To be closed.

        Raises
        ------
        RefusedError, InterruptedTransferError
        """
        address = self._url
        for _ in range(_PAGES):
            response = self._call(address, headers)
            if response.status_code == _NOT_THERE or not _is_page(response):
                return response
            with closing(response):
                text = _read_page(response)
            following = confirmed(text, response.url)
            if following is None:
                raise RefusedError(what_it_says(text, response.url))
            address = following
        raise RefusedError("its server keeps asking for a confirmation")

    def _call(self, address: str, headers: Mapping[str, str]) -> requests.Response:
        timeout = (self._patience.connect, self._patience.read)
        try:
            response = self._session.get(address, headers=headers, stream=True, timeout=timeout)
        except requests.exceptions.SSLError as error:
            raise RefusedError("no secure connection to its server can be made") from error
        except requests.Timeout as error:
            raise InterruptedTransferError("its server does not answer") from error
        except requests.ConnectionError as error:
            raise InterruptedTransferError("its server cannot be reached") from error
        except requests.RequestException as error:
            raise RefusedError(f"its server cannot be understood ({error})") from error
        secure = self._url.startswith("https:")
        if secure and not response.url.startswith("https:"):
            response.close()
            raise RefusedError("its server leads to a connection that is not secure")
        _check_status(response)
        return response


def _check_status(response: requests.Response) -> None:
    code = response.status_code
    if code in (200, 206, _NOT_THERE):
        return
    with closing(response):
        if code in _TRANSIENT:
            after = response.headers.get("Retry-After", "")
            wait = float(after) if after.isdecimal() else 0.0
            raise InterruptedTransferError(f"its server is in trouble (status {code})", wait)
        if code in _GONE:
            raise RefusedError(f"it is not on its server any more (status {code})")
        if code in _REFUSED:
            if _is_page(response) and (said := known_reason(_read_page(response), response.url)):
                raise RefusedError(said)
            raise RefusedError(f"its server does not give it to everybody (status {code})")
        raise RefusedError(f"its server answered with status {code}")


def read(response: requests.Response) -> bytes:
    """What has come of the file, at most 256 KiB; empty at the end.

    Not `iter_content`: it waits until a chunk is full, so that nobody could see a server stall.
    """
    try:
        chunk: bytes = response.raw.read1(_CHUNK)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise InterruptedTransferError("its server stopped sending") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise InterruptedTransferError("the connection to its server broke off") from error
    return chunk


def _read_page(response: requests.Response) -> str:
    try:
        text: bytes = response.raw.read(_PAGE_BYTES, decode_content=True)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise InterruptedTransferError("the connection to its server broke off") from error
    return text.decode("utf-8", "replace")


def _is_page(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower()
