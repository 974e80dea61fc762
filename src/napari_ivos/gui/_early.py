"""The session's method is loaded while a person still looks at the video."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from napari_ivos.gui._worker import Worker

if TYPE_CHECKING:
    from napari_ivos.gui._controller import Controller

_MILLISECONDS = 1000


class EarlyLoading(QObject):
    """Loads what each new method needs in the background, so that the first stroke need not wait.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._controller = controller
        self._loaded: set[str] = set()
        # How it ends is of no interest: a method that cannot be loaded says so when it is used.
        self._worker = Worker(self)
        # Only when the window has drawn the session's layers for the first time: that is work too.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_MILLISECONDS)
        self._soon.timeout.connect(self._load)
        controller.session_changed.connect(self._soon.start)

    def close(self) -> None:
        """Wait for what is being loaded, and leave the objects of the program as they were."""
        self._soon.stop()
        self._worker.finish()
        if self._loaded:
            gc.unfreeze()

    def _load(self) -> None:
        session = self._controller.session
        if session is None or session.method.name in self._loaded or self._worker.running:
            return
        self._loaded.add(session.method.name)
        self._worker.start(partial(_loading, session.early_loading()))


def _loading(load: Callable[[], None]) -> Generator[None]:
    """Load, and keep the collector of garbage away from what stays for good.

    Libraries bring a million objects. To look through them all takes the collector a fifth of a
    second, in which every thread waits, and none of them is garbage.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        load()
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
    yield
