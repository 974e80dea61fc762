"""What was written reaches the disk itself within half a second, whoever waits or not."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from napari_ivos.errors import ProjectError
from napari_ivos.session._journal import Journal

_PAUSE = 0.25
"""Seconds between two rounds: what a power cut can cost, together with the disk's own time."""


class Syncer:
    """Has masks, and then the journal that names them, written through to the disk.

    A program that is killed loses nothing that was handed to the operating system; this is for
    computers that lose power. It happens in a thread of its own, since a busy disk takes its time.

    Parameters
    ----------
    frames : Path
        The folder of the masks.
    """

    def __init__(self, frames: Path) -> None:
        self._frames = frames
        self._files: list[Path] = []
        self._journal: Journal | None = None
        self._lock = threading.Lock()
        self._wake, self._end = threading.Event(), threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="napari-ivos-sync", daemon=True)

    def start(self, journal: Journal) -> None:
        """Begin; needs the journal."""
        self._journal = journal
        self._thread.start()

    def file_written(self, file: Path) -> None:
        """Take note of a mask's file."""
        with self._lock:
            self._files.append(file)

    def line_written(self) -> None:
        """Take note of a line in the journal."""
        self._wake.set()

    def check(self) -> None:
        """Whether the disk took what was written before; tells only once of each time.

        Raises
        ------
        ProjectError
            It did not.
        """
        error, self._error = self._error, None
        if error is not None:
            raise ProjectError(
                f"The disk of '{self._frames.parent}' does not keep what is written: "
                f"{error.strerror}.",
                "Save the project to another folder.",
            )

    def close(self) -> None:
        """Write the rest through, and end."""
        self._end.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            self._wake.wait()
            self._end.wait(_PAUSE)
            self._wake.clear()
            self._sync()

    def _sync(self) -> None:
        with self._lock:
            files, self._files = self._files, []
        try:
            for file in files:
                _sync_file(file)
            if files and sys.platform != "win32":
                _sync_file(self._frames)
            if self._journal is not None:
                self._journal.sync()
        except OSError as error:
            self._error = error


def _sync_file(file: Path) -> None:
    try:
        handle = os.open(file, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except FileNotFoundError:  # discarded since
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
