"""Label maps of whole videos are taken over in the background, one frame after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_ivos.errors import IvosError
from napari_ivos.gui._worker import Worker
from napari_ivos.session import MaskImport
from napari_ivos.video import LabelStack, open_labels

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_ivos.gui._controller import Controller


class MaskImports(QObject):
    """Takes the objects of labels layers and files, on all frames; one at a time.

    Signals
    -------
    changed : ()
        One has begun, has come on by a frame, or has ended.
    """

    changed = Signal()

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.done = 0
        """Frames of the running import that were looked at."""
        self._controller = controller
        self._plan: MaskImport | None = None
        self._labels: LabelStack | None = None
        self._name = ""
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_arrived)
        self._worker.ended.connect(self._on_ended)
        controller.state_changed.connect(self._heed_undo)

    @property
    def total(self) -> int:
        """How many frames the running import has; 0: none runs."""
        return 0 if self._plan is None else len(self._plan.frames)

    def take_layer(self, layer: Labels) -> None:
        """Take the objects of a labels layer on all its frames."""
        data = layer.data[0] if layer.multiscale else layer.data
        self._begin(layer.name, lambda: open_labels(data))

    def take_file(self, path: Path) -> None:
        """Take the objects of a file or folder of label maps on all its frames."""
        self._begin(path.name, lambda: open_labels(path))

    def stop(self) -> None:
        """End it after the frame in hand; what was taken stays, as one step of undo."""
        self._worker.stop()

    def close(self) -> None:
        """Stop, and wait until it has ended."""
        self._worker.wait()
        self._let_go()

    def _begin(self, name: str, open_them: Callable[[], LabelStack]) -> None:
        session = self._controller.session
        if session is None or self._worker.running:
            self._controller.say("Masks are being taken over already. Wait, or stop it.", bad=True)
            return
        try:
            self._labels = open_them()
            # A single map goes to where one looks.
            single = len(self._labels) == 1
            first = self._controller.navigation.frame_to_act_on() if single else None
            if single and first is None:
                self._let_go()
                return
            self._plan = session.plan_masks(self._labels, first)
        except IvosError as error:
            self._let_go()
            self._controller.report(error)
            return
        self.done, self._name = 0, name
        self._worker.start(self._plan.run)
        self.changed.emit()

    def _on_arrived(self, given: Any) -> None:
        if self._plan is None:
            return
        self.done += 1
        try:
            if self._plan.commit(given):
                self._controller.show_frame(given.index)
        except IvosError as error:  # nothing can be kept any more
            self.stop()
            self._controller.report(error)
        self.changed.emit()

    def _on_ended(self, error: Exception | None) -> None:
        plan, name = self._plan, self._name
        self._let_go()
        self.changed.emit()
        self._controller.refresh()
        if error is not None:
            self._controller.report(error)
        elif plan is not None and plan.alive:
            self._controller.say(_told(plan, name))

    def _heed_undo(self) -> None:
        if self._plan is not None and not self._plan.alive:
            self.stop()

    def _let_go(self) -> None:
        if self._labels is not None:
            self._labels.close()
        self._labels = self._plan = None


def _told(plan: MaskImport, name: str) -> str:
    if not plan.taken:
        return f"'{name}' has no labels on these frames."
    objects = f"{len(plan.ids)} objects" if len(plan.ids) != 1 else "1 object"
    frames = f"{plan.taken} frames" if plan.taken != 1 else "1 frame"
    text = f"{objects} of '{name}' taken on {frames}."
    left = len(plan.frames) - plan.taken
    return f"{text} Propagate (G) to fill the other {left}." if left else text
