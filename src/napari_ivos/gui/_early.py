"""The session's method is loaded while a person still looks at the video."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_ivos.gui._worker import Worker

if TYPE_CHECKING:
    from napari_ivos.gui._controller import Controller


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
        controller.session_changed.connect(self._load)

    def close(self) -> None:
        """Wait for what is being loaded, and leave the objects of the program as they were."""
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
