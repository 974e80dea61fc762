"""The dock "User study"."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.study import StudySettings
from napari_ivos.gui._keys import STUDY_KEYS, WindowKeys
from napari_ivos.gui._study_controller import StudyController
from napari_ivos.gui._study_run import MakeEngine, StudyRun
from napari_ivos.gui.panels._parts import SPACING, main_window
from napari_ivos.gui.panels.study import StudyPanel
from napari_ivos.gui.panels.study_form import StudyForm
from napari_ivos.methods import create_engine

if TYPE_CHECKING:
    import napari

# What a participant does not need: the room is for the pictures.
_PUT_ASIDE = ("layer controls", "layer list")
_MESSAGE_MS = 12_000


class UserStudy(QWidget):
    """The dock "User study": a form first, then the participant's panel.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    make_engine : callable
        `create_engine`, or something that is called like it.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self,
        napari_viewer: napari.viewer.Viewer,
        make_engine: MakeEngine = create_engine,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        self.controller = StudyController(napari_viewer)
        self.run = StudyRun(self.controller, self._room, make_engine, clock)
        self.form = StudyForm(self.controller)
        self.panel = StudyPanel(self.controller, self.run)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setToolTip("What has happened")
        self._over = QTimer(self)
        self._over.setSingleShot(True)
        self._over.setInterval(_MESSAGE_MS)
        self._over.timeout.connect(self.message.hide)
        self._lay_out()
        self._keys: WindowKeys | None = None
        self._aside: list[QDockWidget] = []
        # The canvas has its final size only after the docks have been put aside.
        self._fit_soon = QTimer(self)
        self._fit_soon.setSingleShot(True)
        self._fit_soon.setInterval(100)
        self._fit_soon.timeout.connect(napari_viewer.reset_view)
        self.form.wanted.connect(self._begin)
        self.controller.said.connect(self._on_said)
        self.run.changed.connect(self._on_stage)
        self._shut_down = _closing(self, self.run, self.form, self.controller)
        self._on_stage()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        for widget in (self.form, self.panel, self.message):
            # No taller than they need be: what is left is above the last row.
            widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
            column.addWidget(widget)
        self.message.hide()
        column.addStretch(1)
        self.ends = QWidget()
        line = QHBoxLayout(self.ends)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING)
        for one in (self.panel.again, self.panel.leave):
            line.addWidget(one, 1)
        self.ends.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        column.addWidget(self.ends)
        self.setMinimumWidth(290)

    def event(self, event: QEvent) -> bool:
        """Shut down when napari takes the widget out of its dock."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._bind(False)
            self._put_back()
            self._shut_down()
            # Nobody can dock it again: a new one is made then.
            self.deleteLater()
        return bool(super().event(event))

    def _begin(self, settings: StudySettings) -> None:
        try:
            self.run.begin(settings)
        except IvosError as error:
            self._on_said(str(error), True)

    def _on_said(self, text: str, bad: bool) -> None:
        self.message.setText(f"⚠ {text}" if bad else text)
        self.message.show()
        self._over.start()

    def _on_stage(self) -> None:
        stage = self.run.stage
        self.form.setVisible(stage == "none")
        for widget in (self.panel, self.ends):
            widget.setVisible(stage != "none")
        self._bind(stage in ("working", "not kept"))
        if stage == "none":
            self._put_back()
        elif not self._aside:
            self._put_aside()
        if stage == "working":
            self.message.hide()
            self._fit_soon.start()

    def _bind(self, wanted: bool) -> None:
        """Bind the keys while there is something to do, and give them back."""
        if wanted and self._keys is None:
            self._keys = WindowKeys(main_window(self), STUDY_KEYS, self.controller)
        elif not wanted and self._keys is not None:
            self._keys.release()
            self._keys = None

    def _put_aside(self) -> None:
        docks = main_window(self).findChildren(QDockWidget)
        self._aside = [d for d in docks if d.objectName() in _PUT_ASIDE and d.isVisible()]
        for dock in self._aside:
            dock.hide()

    def _put_back(self) -> None:
        for dock in self._aside:
            dock.show()
        self._aside = []

    def _room(self) -> tuple[int, int]:
        window = main_window(self)
        centre = window.centralWidget() if isinstance(window, QMainWindow) else window
        return centre.height(), centre.width()


def _closing(
    widget: QWidget, run: StudyRun, form: StudyForm, controller: StudyController
) -> Callable[[], None]:
    """What to do when the dock, the window or the program closes, once.

    It touches no widget, for Qt may have deleted them by then.
    """
    application = QApplication.instance()
    getting = form.weights.getting

    def shut_down(_sender: object = None) -> None:
        if not controller.closed:
            application.aboutToQuit.disconnect(shut_down)
            getting.close()
            controller.blockSignals(True)
            run.close()
            controller.close()

    application.aboutToQuit.connect(shut_down)
    widget.destroyed.connect(shut_down)
    return shut_down
