"""One piece of work at a time in a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, TypeAlias

import cv2
from qtpy.QtCore import QObject, Qt, Signal

Work: TypeAlias = Callable[[], Generator[Any, None, None]]
"""Makes the generator that the thread runs; called in the thread."""


class Worker(QObject):
    """Runs generators in a thread, one at a time.

    Own code and not napari's `thread_worker`: that one swallows a RuntimeError and leaves the
    generator open after `quit`, and both would lose work here.

    Signals (all of them reach the thread that made the worker, in this order)
    -------
    arrived : object
        A value that the generator yielded.
    ended : Exception or None
        The generator is closed and the thread is done; with what it raised, if anything.
    """

    arrived = Signal(object)
    ended = Signal(object)
    _from_thread = Signal(object, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._from_thread.connect(self._pass_on, Qt.ConnectionType.QueuedConnection)

    @property
    def running(self) -> bool:
        """Whether there is work that has not ended yet."""
        return self._thread is not None

    def start(self, work: Work) -> None:
        """Begin; the work before must have ended."""
        if self.running:
            raise ValueError("one piece of work at a time")
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(work,), name="napari-ivos")
        self._thread.start()

    def stop(self) -> None:
        """Ask the work to end after the value that it is about to yield."""
        self._stop.set()

    def wait(self) -> None:
        """Stop, and block until the thread is done; its last signals are not delivered."""
        self.stop()
        self.finish()

    def finish(self) -> None:
        """Block until the work is done; its last signals are not delivered."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def leave(self) -> None:
        """Stop, and listen no more; the thread ends when it can."""
        self.stop()
        self._thread = None

    def _run(self, work: Work) -> None:
        # OpenCV would take every core, and the window wants one to redraw itself.
        cv2.setNumThreads(max(1, min(cv2.getNumThreads(), (os.cpu_count() or 2) - 1)))
        failure: Exception | None = None
        try:
            generator = work()
            try:
                for value in generator:
                    self._tell(value, last=False)
                    if self._stop.is_set():
                        break
            finally:
                generator.close()
        except Exception as error:  # whatever it is, the main thread says it
            failure = error
        self._tell(failure, last=True)

    def _tell(self, value: Any, last: bool) -> None:
        # Who left need not have waited: Qt's part of this object may be gone by now.
        with suppress(RuntimeError):
            self._from_thread.emit(value, last)

    def _pass_on(self, value: Any, last: bool) -> None:
        if self._thread is None:
            return  # waited for: nobody listens any more
        if not last:
            self.arrived.emit(value)
            return
        self._thread.join()
        self._thread = None
        self.ended.emit(value)
