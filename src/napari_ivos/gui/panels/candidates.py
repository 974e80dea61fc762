"""The frames to choose from for the next round, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import (
    QHideEvent,
    QIcon,
    QImage,
    QKeyEvent,
    QPixmap,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._jobs import Picture
from napari_ivos.gui.panels._parts import main_window
from napari_ivos.types import LabelMap

_LETTERS = "ABCD"
_WIDTH = 620
_WIDTH_OF_TWO = 940
# Pixels below each picture for its caption.
_TEXT = 32
_SMALLEST = 80
_NONE = "No candidates yet: draw, then propagate (G)."


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    frame: int
    reliability: float
    mask: LabelMap

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Candidate)
            and (self.frame, self.reliability) == (other.frame, other.reliability)
            and np.array_equal(self.mask, other.mask)
        )

    __hash__ = None  # type: ignore[assignment]


class CandidateGrid(QDialog):
    """A small window over the viewer with the frames that most need a look, in order of time.

    A click on one, or its letter, displays it. The letters are keys of the whole window for as
    long as the grid is open.

    Parameters
    ----------
    controller : Controller
    parent : QWidget

    Signals
    -------
    chosen : int
        Somebody went to this frame.
    """

    chosen = Signal(int)

    def __init__(self, controller: Controller, parent: QWidget) -> None:
        # A tool window stays above the viewer, and the viewer's shortcuts work in it.
        super().__init__(parent, Qt.WindowType.Tool)
        self._controller = controller
        self.truth: Callable[[int], LabelMap] | None = None
        """Gives what is right about a frame, (H, W) uint16, to be shown beside each candidate."""
        self._shown: tuple[str, list[_Candidate]] | None = None
        self._grid = 2, 0
        self._keys: list[QShortcut] = []
        self.setWindowTitle("Candidates: which frame to correct next?")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.nothing = QLabel(_NONE)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.cells = [_Cell(letter, self._go_to) for letter in _LETTERS]
        layout = QGridLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.nothing, 0, 0, 1, 2)
        for position, cell in enumerate(self.cells):
            layout.addWidget(cell, 1 + position // 2, position % 2)
        self.resize(_WIDTH, _WIDTH)
        for signal in (
            controller.session_changed,
            controller.state_changed,
            controller.running_changed,
        ):
            signal.connect(self.refresh)

    def refresh(self) -> None:
        """Look for candidates again, but not while a propagation makes them anew."""
        jobs, session = self._controller.jobs, self._controller.session
        if not self.isVisible() or (jobs is not None and jobs.kind == "propagation"):
            return
        found: list[_Candidate] = []
        if session is not None:
            scores = session.reliability
            frames = sorted(session.recommend(len(_LETTERS)))
            found = [_Candidate(t, float(scores[t]), session.masks[t]) for t in frames]
        shown = self._controller.looks.palette, found
        if shown == self._shown:
            return
        self._shown = shown
        self.nothing.setVisible(not found)
        self._fit(len(found))
        for position, cell in enumerate(self.cells):
            cell.show_frame(found[position] if position < len(found) else None)
        if jobs is not None and found:
            masks = {item.frame: item.mask for item in found}
            palette = self._controller.looks.palette
            jobs.pictures(masks, self._on_picture, self.truth, palette)

    def _on_picture(self, picture: Picture) -> None:
        for cell in self.cells:
            if cell.frame == picture.frame:
                cell.show_picture(picture)

    def _go_to(self, frame: int) -> None:
        self._controller.navigation.go_to(frame)
        self.chosen.emit(frame)
        # Drawing comes next: the keyboard goes back to the canvas.
        self._main_window.activateWindow()

    def showEvent(self, event: QShowEvent) -> None:
        """Bind the letters, and look at the session as it is now."""
        super().showEvent(event)
        # Not napari's key bindings: a layer's own, such as B, would win over them.
        for cell in self.cells:
            key = QShortcut(cell.letter, self._main_window)
            key.activated.connect(cell.click)
            self.destroyed.connect(key.deleteLater)
            self._keys.append(key)
        self._shown = None
        self._grid = self._grid[0], 0
        self._fit(len(_LETTERS))
        self.refresh()

    def _fit(self, count: int) -> None:
        """Take the size that so many frames of this shape need, in reason, if it is another."""
        session, grid = self._controller.session, (min(count, 2), (count + 1) // 2)
        if session is not None and count and grid != self._grid:
            _, height, width = session.masks.shape
            pictures = 1 if self.truth is None else 2
            share = min(max(height / (pictures * width), 0.3), 1.2)
            cell = self.width() // self._grid[0]
            if self.truth is not None:
                cell = max(cell, _WIDTH_OF_TWO // 2)
            self._grid = columns, rows = grid
            self.resize(columns * cell, rows * (round(cell * share) + _TEXT))

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the letters back."""
        super().hideEvent(event)
        for key in self._keys:
            key.setEnabled(False)
            key.deleteLater()
        self._keys.clear()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Escape; let the viewer have the other keys, as a dock does."""
        focus = self._main_window.focusWidget()
        if event.key() == Qt.Key.Key_Escape or focus is None:
            super().keyPressEvent(event)
        else:
            QApplication.sendEvent(focus, event)

    @property
    def _main_window(self) -> QWidget:
        return main_window(self.parentWidget())


class _Cell(QToolButton):
    """One candidate: its picture, and below it what it is."""

    def __init__(self, letter: str, chosen: Callable[[int], None]) -> None:
        super().__init__()
        self.letter = letter
        self.frame: int | None = None
        self._chosen = chosen
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        # Else as much as its picture has now, and the window could only grow.
        self.setMinimumSize(_SMALLEST, _SMALLEST)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip(f"Go to this frame\nKey: {letter}")
        self.clicked.connect(self._on_click)

    def show_frame(self, item: _Candidate | None) -> None:
        """Stand for another frame, or for none; the picture follows."""
        self.frame = None if item is None else item.frame
        self.setIcon(QIcon())
        self.setVisible(item is not None)
        if item is not None and not math.isnan(item.reliability):
            self.setText(f"{self.letter}: frame {item.frame} · {100 * item.reliability:.0f} %")

    def show_picture(self, picture: Picture) -> None:
        """Show (h, w, 3) uint8 pixels."""
        height, width = picture.pixels.shape[:2]
        pixels = np.ascontiguousarray(picture.pixels)
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self.setIcon(QIcon(QPixmap.fromImage(image)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the picture fill the cell, above a line of text."""
        super().resizeEvent(event)
        self.setIconSize(QSize(max(1, self.width() - 12), max(1, self.height() - _TEXT)))

    def _on_click(self) -> None:
        if self.frame is not None:
            self._chosen(self.frame)
