"""A frame in the control that the keyboard acts on: napari's themes draw none."""

from __future__ import annotations

from contextlib import suppress

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QApplication, QWidget

from napari_ivos.gui.panels._parts import ChoiceButton

_MARGIN = 1
# The frame of what is chosen lies round this one.
_MARGIN_IN_CHOICE = 4


class FocusFrame(QObject):
    """Draws a dashed frame in whichever control of a widget has the keyboard's focus.

    Parameters
    ----------
    around : QWidget
        Nothing happens any more when this is gone.
    """

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self._around = around
        self.frame: QWidget | None = None
        """In the control that has the focus; None where that is none of the widget's."""
        QApplication.instance().focusChanged.connect(self._on_focus)

    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        # It may have gone with its control.
        with suppress(RuntimeError):
            if self.frame is not None:
                self.frame.deleteLater()
        inside = now is not None and self._around.isAncestorOf(now)
        self.frame = _Frame(now) if now is not None and inside else None


class _Frame(QWidget):
    def __init__(self, control: QWidget) -> None:
        super().__init__(control)
        self._margin = _MARGIN_IN_CHOICE if isinstance(control, ChoiceButton) else _MARGIN
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(control.rect())
        control.installEventFilter(self)
        self.show()

    def eventFilter(self, control: QObject, event: QEvent) -> bool:
        """Stay as large as the control."""
        if event.type() == QEvent.Type.Resize and isinstance(control, QWidget):
            self.setGeometry(control.rect())
        return bool(super().eventFilter(control, event))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it in the colour of the text, which any theme sets off from the control."""
        painter = QPainter(self)
        pen = QPen(self.palette().windowText().color(), 1)
        pen.setDashPattern([3, 2])
        painter.setPen(pen)
        margin = self._margin
        painter.drawRect(self.rect().adjusted(margin, margin, -margin - 1, -margin - 1))
        painter.end()
