"""Small pieces that several panels are made of."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

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
        self.head = QHBoxLayout()
        self.head.setSpacing(2 * SPACING)
        self.head.addWidget(self._heading(title))
        self.body.addLayout(self.head)

    def _heading(self, title: str) -> QWidget:
        heading = QLabel(f"<b>{title}</b>")
        heading.setTextFormat(Qt.TextFormat.RichText)
        return heading

    def row(self, *widgets: QWidget) -> QHBoxLayout:
        """Put widgets side by side; the first takes the room that is left."""
        line = QHBoxLayout()
        line.setSpacing(SPACING)
        for position, widget in enumerate(widgets):
            line.addWidget(widget, 1 if position == 0 else 0)
        self.body.addLayout(line)
        return line


class FoldingPanel(Panel):
    """A part of the dock that its title folds away; what is in the head stays to be seen.

    `self.body` is the layout to fill, and `self.outside` the one for what is never folded away.

    Signals
    -------
    folding : bool
        It is folded away now, or is to be seen.
    """

    folding = Signal(bool)

    def __init__(self, title: str) -> None:
        self._title = title
        super().__init__(title)
        self.outside = self.body
        self._inside = QWidget()
        self.body = QVBoxLayout(self._inside)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(SPACING)
        self.outside.addWidget(self._inside)
        self.fold(False)

    def fold(self, folded: bool) -> None:
        """Show the title and what goes with it alone, or everything."""
        self.title.setText(f"{'▸' if folded else '▾'} {self._title}")
        self.title.setToolTip(f"Show {'more' if folded else 'less'} of it")
        self.title.setChecked(not folded)
        self._inside.setVisible(not folded)
        self.folding.emit(folded)

    @property
    def folded(self) -> bool:
        """Whether the title stands there alone."""
        return not self.title.isChecked()

    def _heading(self, title: str) -> QWidget:
        self.title = button(title, "", lambda: self.fold(not self.title.isChecked()))
        self.title.setCheckable(True)
        self.title.setStyleSheet(_LIKE_A_HEADING)
        self.title.setAccessibleName(title)
        return self.title


_LIKE_A_HEADING = (
    "QPushButton, QPushButton:checked, QPushButton:hover {"
    " background: transparent; border: 0; padding: 0; text-align: left; font-weight: bold; }"
    "QPushButton:hover, QPushButton:focus { text-decoration: underline; }"
)


class ChoiceButton(QPushButton):
    """A push button that stays down while it is chosen, and has a frame then.

    The frame has the text's colour: the theme's colour of buttons that are down is hardly told from
    that of the others in the light theme, and not at all by everybody.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the button, and the frame."""
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            painter.setPen(QPen(self.palette().buttonText().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
            painter.end()


def button(text: str, tip: str, pressed: Callable[[], object]) -> QPushButton:
    """A push button with a tooltip."""
    return _made(QPushButton(), text, tip, pressed)


def choice(text: str, tip: str, pressed: Callable[[], object]) -> QPushButton:
    """A push button with a tooltip that stays down while it is chosen."""
    return _made(ChoiceButton(), text, tip, pressed)


def _made(made: QPushButton, text: str, tip: str, pressed: Callable[[], object]) -> QPushButton:
    made.setText(text)
    made.setToolTip(tip)
    made.clicked.connect(lambda _checked=False: pressed())
    # The keyboard stays with the canvas: its keys are the quick way to work.
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


def elided() -> QLabel:
    """A label whose text is cut off where there is no room, rather than making the dock wider."""
    made = QLabel()
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return made


def in_small(label: QLabel) -> QLabel:
    """The label, in smaller letters."""
    label.setStyleSheet("font-size: 11px;")
    return label


def main_window(widget: QWidget) -> QWidget:
    """The main window that a dock's widget belongs to."""
    window = widget.window()
    # When the dock floats, its window is its own, and the main window that one's parent.
    return window.parentWidget() or window


def swatch(object_id: ObjectId, palette: str) -> QIcon:
    """Icon in the colour that an object has in a palette."""
    picture = QPixmap(16, 16)
    picture.fill(QColor(*shown_colour(object_id, palette=palette)))
    icon = QIcon(picture)
    # Else the selected row's colour is mixed into it.
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon
