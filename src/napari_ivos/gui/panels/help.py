"""A small window with all keys, and with what the doctor finds on this computer."""

from __future__ import annotations

import html
from collections.abc import Callable, Generator, Iterable

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase, QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from napari_ivos.doctor import Finding, examine
from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import KEYS, OTHER_KEYS
from napari_ivos.gui._worker import Worker
from napari_ivos.gui.panels._parts import button

_SIZE = 520, 560
_WAIT = "Looking…"

Examine = Callable[[], Iterable[Finding]]


class HelpWindow(QDialog):
    """Keys on one page, the computer on the other; stays beside the work.

    Parameters
    ----------
    controller : Controller
    parent : QWidget
    examine : callable
        `doctor.examine`, or something that is called like it; in a thread.
    """

    def __init__(self, controller: Controller, parent: QWidget, examine: Examine = examine) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setWindowTitle("Interactive VOS: help")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self._examine = examine
        self._findings: list[Finding] = []
        self.keys = QTextBrowser()
        self.keys.setHtml(keys_page())
        self.keys.setToolTip("All keys; they work while the pointer is over the video")
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.report.setToolTip("What is installed, what the computer has, and what to do about it")
        self.copy = button("Copy", "Copy the report, to put it into a question", self._on_copy)
        self.again = button("Look again", "Examine the installation again", self.look)
        self.pages = QTabWidget()
        self.pages.addTab(self.keys, "Keys")
        self.pages.addTab(self._report_page(), "Doctor")
        self.pages.setTabToolTip(0, "What the keys do")
        self.pages.setTabToolTip(1, "Whether everything that is needed is there")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 6, 6, 6)
        outer.addWidget(self.pages)
        self.resize(*_SIZE)
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_finding)
        self._worker.ended.connect(self._on_ended)
        self.pages.currentChanged.connect(self._on_page)
        controller.help_wanted.connect(self.toggle)

    def toggle(self) -> None:
        """Show the window, or hide it."""
        self.setVisible(not self.isVisible())

    def look(self) -> None:
        """Have the computer examined, in the background."""
        if not self._worker.running:
            self._findings.clear()
            self.report.setPlainText(_WAIT)
            self._worker.start(self._run)
        self._show_buttons()

    def close_panel(self) -> None:
        """Listen no more: an examination that runs ends by itself."""
        self._worker.leave()

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to look when the report is the page on top."""
        super().showEvent(event)
        self._on_page()

    def _report_page(self) -> QWidget:
        page = QWidget()
        column, line = QVBoxLayout(page), QHBoxLayout()
        line.addWidget(self.again)
        line.addWidget(self.copy)
        line.addStretch(1)
        column.addWidget(self.report)
        column.addLayout(line)
        return page

    def _run(self) -> Generator[Finding, None, None]:
        yield from self._examine()

    def _on_page(self, _index: int = 0) -> None:
        if self.isVisible() and self.pages.currentIndex() == 1 and not self._findings:
            self.look()

    def _on_finding(self, finding: Finding) -> None:
        self._findings.append(finding)
        self._show_report(f"{_WAIT}\n")

    def _on_ended(self, error: Exception | None) -> None:
        self._show_report("")
        self._show_buttons()
        if error is not None:
            raise error

    def _show_report(self, end: str) -> None:
        self.report.setPlainText(report_of(self._findings) + end)

    def _show_buttons(self) -> None:
        self.again.setEnabled(not self._worker.running)

    def _on_copy(self) -> None:
        QApplication.clipboard().setText(report_of(self._findings))


def report_of(findings: Iterable[Finding]) -> str:
    """What was found, a line each; what is to be done below it."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<8} {finding.text}\n")
        if finding.advice:
            lines.append(f"{'':<8} → {finding.advice}\n")
    return "".join(lines)


def keys_page() -> str:
    """All keys as a table, in HTML."""
    rows = [(entry.key, entry.text) for entry in KEYS.values()]
    return "<h3>Interactive VOS</h3>" + _table(rows) + "<h3>napari</h3>" + _table(OTHER_KEYS)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td width='90'><b>{html.escape(key)}</b></td><td>{html.escape(text)}</td></tr>"
        for key, text in rows
    )
    return f"<table cellpadding='3'>{lines}</table>"
