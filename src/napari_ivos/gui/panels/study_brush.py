"""What a participant of a user study draws with."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from napari_ivos.gui._keys import STUDY_KEYS, with_key
from napari_ivos.gui._study_controller import StudyController
from napari_ivos.gui.panels._parts import SPACING, choice, swatch

_IN_A_ROW = 5
_LARGEST_BRUSH = 100


class StudyBrush(QWidget):
    """Which object, object or background, how thick."""

    def __init__(self, controller: StudyController) -> None:
        super().__init__()
        self._controller = controller
        self.objects: dict[int, QPushButton] = {}
        self.positive = choice(
            "+ Object",
            with_key("Strokes say: this is the object", "background", STUDY_KEYS),
            lambda: controller.select(controller.selected),
        )
        self.negative = choice(
            "− Background",
            with_key(
                "Strokes say: this is no object. They are drawn chequered", "background", STUDY_KEYS
            ),
            lambda: controller.select(controller.selected, background=True),
        )
        self.size = QSlider(Qt.Orientation.Horizontal)
        self.size.setRange(1, _LARGEST_BRUSH)
        self.size.setToolTip("Width of the brush in pixels of the video\nKeys: [ and ]")
        self.size.setAccessibleName("Brush size")
        self.size.valueChanged.connect(self._on_size)
        self._buttons = QGridLayout()
        self._lay_out()
        controller.state_changed.connect(self._show)
        controller.session_changed.connect(self._on_session)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(SPACING)
        self._buttons.setSpacing(SPACING)
        grid.addLayout(self._buttons, 0, 0, 1, 2)
        for column, one in enumerate((self.positive, self.negative)):
            grid.addWidget(one, 1, column)
        line = QHBoxLayout()
        line.addWidget(QLabel("Brush size"))
        line.addWidget(self.size, 1)
        grid.addLayout(line, 2, 0, 1, 2)

    def _on_size(self, value: int) -> None:
        if self._controller.view is not None:
            self._controller.view.strokes.brush_size = value

    def _on_session(self) -> None:
        if self._controller.view is not None:
            self._controller.view.strokes.events.brush_size.connect(self._show_size)
            self._show_size()

    def _show_size(self, _event: object = None) -> None:
        view = self._controller.view
        if view is not None:
            with QSignalBlocker(self.size):
                self.size.setValue(round(view.strokes.brush_size))

    def _show(self) -> None:
        session = self._controller.session
        ids = [] if session is None else [item.id for item in session.objects]
        if list(self.objects) != ids:
            self._make(ids)
        for number, one in self.objects.items():
            one.setChecked(number == self._controller.selected)
        self.positive.setChecked(not self._controller.background)
        self.negative.setChecked(self._controller.background)

    def _make(self, ids: list[int]) -> None:
        for old in self.objects.values():
            self._buttons.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.objects = {number: self._object(number) for number in ids}
        for position, one in enumerate(self.objects.values()):
            self._buttons.addWidget(one, position // _IN_A_ROW, position % _IN_A_ROW)

    def _object(self, number: int) -> QPushButton:
        tip = f"Draw object {number}" + (f"\nKey: {number}" if number < 10 else "")
        made = choice(str(number), tip, partial(self._controller.choose_object, number))
        made.setIcon(swatch(number, self._controller.looks.palette))
        made.setIconSize(QSize(14, 14))
        return made
