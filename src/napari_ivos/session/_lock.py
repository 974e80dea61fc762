"""One program at a time in a project folder."""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

import filelock

from napari_ivos.errors import ProjectError
from napari_ivos.session._disk import FULL

_MOST_BYTES = 4096
_COPY = "Copy it to where you may write, and open the copy."


class FolderLock:
    """Keeps other programs, and other windows of this one, out of a folder.

    The operating system holds the lock and lets go of it when the program ends, however it ends:
    a lock that was left behind on this computer is taken over without asking. Between computers
    on a network disk that cannot be relied on, so there what the file says counts.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    ProjectError
        Somebody else has the folder open, or it cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._owner = folder / "owner.json"
        # thread_local=False: the session may be closed in another thread than it was opened in.
        self._lock = filelock.FileLock(folder / "lock", timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except filelock.Timeout as error:
            raise _in_use(folder, _read(self._owner)) from error
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ProjectError(
                f"The project folder '{folder}' cannot be written to: {reason}.",
                _COPY,
            ) from error
        try:
            owner = _read(self._owner)
            if owner is not None and owner[1] != platform.node():
                raise _in_use(folder, owner)
            content = {"pid": os.getpid(), "host": platform.node()}
            self._owner.write_text(json.dumps(content), encoding="utf-8")
        except OSError as error:
            self._lock.release()
            raise ProjectError(
                f"The project folder '{folder}' cannot be written to: {error.strerror}.",
                "Free some disk space." if error.errno in FULL else _COPY,
            ) from error
        except ProjectError:
            self._lock.release()
            raise

    def release(self) -> None:
        """Let others in."""
        # Where the folder or the disk is gone, nothing is locked either.
        with suppress(OSError):
            self._owner.unlink(missing_ok=True)
        with suppress(OSError):
            self._lock.release()


def _in_use(folder: Path, owner: tuple[int, str] | None) -> ProjectError:
    if owner is None:
        return ProjectError(
            f"The project '{folder}' is open in another window.", "Close it there first."
        )
    pid, host = owner
    if host == platform.node():
        where = "this program" if pid == os.getpid() else f"another program (process {pid})"
        return ProjectError(
            f"The project '{folder}' is open already in {where}.", "Close it there first."
        )
    return ProjectError(
        f"The project '{folder}' is open on the computer '{host}' (process {pid}).",
        f"Close it there first; if it is not running any more, delete '{folder / 'owner.json'}'.",
    )


def _read(file: Path) -> tuple[int, str] | None:
    """Who has the folder, as far as the file tells; an unreadable one tells nothing."""
    try:
        with file.open("rb") as stream:
            content: Any = json.loads(stream.read(_MOST_BYTES))
        return int(content["pid"]), str(content["host"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
