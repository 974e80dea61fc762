"""Small pieces that several panels are made of."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

SPACING = 4


class Panel(QWidget):
    """A titled part of the dock.

    `self.body` is the layout to fill, and `self.head` the line with the title.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(SPACING)
        heading = QLabel(f"<b>{title}</b>")
        heading.setTextFormat(Qt.TextFormat.RichText)
        self.head = QHBoxLayout()
        self.head.setSpacing(2 * SPACING)
        self.head.addWidget(heading)
        self.body.addLayout(self.head)

    def row(self, *widgets: QWidget) -> QHBoxLayout:
        """Put widgets side by side; the first takes the room that is left."""
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        for position, widget in enumerate(widgets):
            line.addWidget(widget, 1 if position == 0 else 0)
        self.body.addLayout(line)
        return line


def button(text: str, tip: str, pressed: Callable[[], object]) -> QPushButton:
    """A push button with a tooltip."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.clicked.connect(lambda _checked=False: pressed())
    # The keyboard stays with the canvas: its keys are the quick way to work.
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made
