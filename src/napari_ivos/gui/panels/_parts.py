"""Small pieces that several panels are made of."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_ivos.gui._colours import shown_colour
from napari_ivos.types import ObjectId

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


def main_window(widget: QWidget) -> QWidget:
    """The main window that a dock's widget belongs to."""
    window = widget.window()
    # When the dock floats, its window is its own, and the main window that one's parent.
    return window.parentWidget() or window


def swatch(object_id: ObjectId) -> QIcon:
    """Icon in the colour of an object."""
    picture = QPixmap(16, 16)
    picture.fill(QColor(*shown_colour(object_id)))
    icon = QIcon(picture)
    # Else the selected row's colour is mixed into it.
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon
