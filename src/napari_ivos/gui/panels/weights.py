"""What to do when a method's weights are not on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtCore import QUrl, Signal
from qtpy.QtGui import QDesktopServices, QPalette
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_ivos.checkpoints import Checkpoint
from napari_ivos.gui._checkpoints import Getting, lacks_weights, record_of
from napari_ivos.gui._controller import Controller
from napari_ivos.gui.panels._parts import SPACING, button
from napari_ivos.methods import MethodSpec

_CHECKING = "Checking the weights…"

Answer = Literal["download", "page", ""]


class MissingWeights(QWidget):
    """Says that a method's weights are missing, and gets them; hidden when nothing is missing.

    Signals
    -------
    got : ()
        Weights have arrived.
    """

    got = Signal()

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._spec: MethodSpec | None = None
        self.getting = Getting()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.add = button("Add file…", "Use a file of weights that you have", self._on_add)
        self.get = button("Get it…", "See the licence, then download the weights", self._on_get)
        self.bar = QProgressBar()
        self.bar.setToolTip("How much of the weights is there")
        self.cancel = button("Cancel", "Stop; what arrived is kept", self._on_cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.text)
        for widgets in ((self.add, self.get), (self.bar, self.cancel)):
            line = QHBoxLayout()
            line.setSpacing(SPACING)
            for position, widget in enumerate(widgets):
                line.addWidget(widget, 1 if position == 0 or widget is self.get else 0)
            column.addLayout(line)
        self.getting.changed.connect(self._show)
        self.getting.progressed.connect(self._on_progress)
        self.getting.got.connect(self.got)
        self.getting.failed.connect(controller.report)
        self._show()

    def show_method(self, spec: MethodSpec) -> None:
        """Look whether this method lacks anything."""
        self._spec = spec
        self._show()

    def _show(self) -> None:
        spec, running = self._spec, self.getting.running
        missing = spec is not None and lacks_weights(spec)
        self.setVisible(missing or running)
        if spec is not None and missing:
            session = self._controller.session
            still = "" if session is None else f" The session runs on {session.method.title}."
            self.text.setText(sentence(spec) + still)
        for one in (self.add, self.get):
            one.setVisible(not running)
        for widget in (self.bar, self.cancel):
            widget.setVisible(running)
        self.cancel.setEnabled(True)

    def _draw(self, done: int, total: int, text: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(text)

    def _on_progress(self, name: str, done: int, total: int) -> None:
        if total and done == total:
            self._draw(0, 0, _CHECKING)
        else:
            size = f" of {total}" if total else ""
            self._draw(done, total, f"{done}{size} MiB")
        self.bar.setToolTip(f"Downloading {name}")

    def _on_add(self) -> None:
        kinds = "Weights (*.pth *.pt *.ckpt);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self, "Add weights", "", kinds)
        if name and self._spec is not None:
            self.getting.add(self._spec, Path(name))
            self._draw(0, 0, _CHECKING)

    def _on_get(self) -> None:
        record = None if self._spec is None else record_of(self._spec)
        if self._spec is None or record is None:
            return
        answer = ask(self, record)
        if answer == "download":
            self.getting.download(self._spec, record)
            self._draw(0, 0, "Connecting…")
        elif answer == "page":
            QDesktopServices.openUrl(QUrl(record.page))
            self._controller.say("Download it in the browser, then press 'Add file…'.")

    def _on_cancel(self) -> None:
        self.getting.cancel()
        self.cancel.setEnabled(False)
        self._draw(0, 0, "Stopping…")


def sentence(spec: MethodSpec) -> str:
    """What is missing for a method, in one sentence."""
    record = record_of(spec)
    names = "" if record is None else " and ".join(item.name for item in record.files)
    what = f" ({names}, {record.licence})" if record is not None else ""
    return f"⚠ {spec.title} needs its authors' weights{what}, which are not on this machine."


def terms(record: Checkpoint, colour: str = "") -> str:
    """Give what somebody should know before they download weights, as HTML.

    Parameters
    ----------
    record : Checkpoint
    colour : str
        Of the link, such as "#ffffff"; by default Qt's, which is too dark on a dark theme.
    """
    names = " and ".join(item.name for item in record.files)
    style = f" style='color: {colour}'" if colour else ""
    limit = " It allows no commercial use." if record.non_commercial else ""
    return (
        f"<p><b>{names}</b><br>{record.purpose}</p><p>{record.paper}</p>"
        f"<p>Licence: <b>{record.licence}</b>.{limit}<br>"
        f"From: <a href='{record.page}'{style}>{record.page}</a></p>"
    )


def ask(parent: QWidget, record: Checkpoint) -> Answer:
    """Show where weights come from and under which licence, and ask what to do."""
    box = QMessageBox(parent)
    box.setWindowTitle("Get published weights")
    box.setText(terms(record, parent.palette().color(QPalette.ColorRole.WindowText).name()))
    page = box.addButton("Open the page", QMessageBox.ButtonRole.ActionRole)
    accept = None
    if all(item.url for item in record.files):
        role = QMessageBox.ButtonRole.AcceptRole
        accept = box.addButton("I agree: download", role)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    chosen = box.clickedButton()
    if chosen is page:
        return "page"
    return "download" if accept is not None and chosen is accept else ""
