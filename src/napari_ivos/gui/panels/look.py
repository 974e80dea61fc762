"""How the masks are shown, and how they differ from others."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QComboBox, QLabel

from napari_ivos.gui._colours import PALETTES
from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui._looks import LOOKS
from napari_ivos.gui.panels._parts import Panel

_COMPARE = (
    "Show where the masks differ from a labels layer: orange is only here,\n"
    "blue and chequered only there, purple and striped another object"
)


class LookPanel(Panel):
    """Chooses the way; says what differs.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Show")
        self._controller, self._looks = controller, controller.looks
        self.look = self._combo("Look", with_key("How the masks are shown", "look"))
        for name, (title, what) in LOOKS.items():
            self.look.addItem(title, name)
            self.look.setItemData(self.look.count() - 1, what, Qt.ItemDataRole.ToolTipRole)
        self.other = self._combo("Compare with", _COMPARE)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setToolTip("What differs on the displayed frame")
        self.palette = self._combo("Colours", "In which colours objects are shown; remembered")
        for name, (title, what) in PALETTES.items():
            self.palette.addItem(title, name)
            self.palette.setItemData(self.palette.count() - 1, what, Qt.ItemDataRole.ToolTipRole)
        row = self.row(self.look, self.other)
        row.setStretch(1, 1)
        row = self.row(QLabel("Colours"), self.palette)
        row.setStretch(0, 0)
        row.setStretch(1, 1)
        self.body.addWidget(self.text)
        self.look.activated.connect(lambda _: self._looks.show(self.look.currentData()))
        self.other.activated.connect(lambda _: self._looks.compare(self.other.currentData()))
        self.palette.activated.connect(lambda _: self._looks.colour(self.palette.currentData()))
        self._events = controller.viewer.layers.events
        for event in (self._events.inserted, self._events.removed, self._events.renamed):
            event.connect(self._on_layers)
        self._looks.changed.connect(self._show)
        self._on_layers()

    def close_panel(self) -> None:
        """Let go of the viewer."""
        for event in (self._events.inserted, self._events.removed, self._events.renamed):
            event.disconnect(self._on_layers)

    def _combo(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(5)
        return combo

    def _on_layers(self, _event: object = None) -> None:
        with QSignalBlocker(self.other):
            self.other.clear()
            self.other.addItem("not compared", None)
            for layer in self._controller.label_layers():
                self.other.addItem(f"against {layer.name}", layer)
        self._show()

    def _show(self) -> None:
        with QSignalBlocker(self.look), QSignalBlocker(self.other):
            self.palette.setCurrentIndex(self.palette.findData(self._looks.palette))
            self.look.setCurrentIndex(self.look.findData(self._looks.look))
            found = [self.other.itemData(i) for i in range(self.other.count())]
            places = [i for i, layer in enumerate(found) if layer is self._looks.other]
            self.other.setCurrentIndex(places[0] if places else 0)
        text = self._looks.text
        self.text.setText(text)
        self.text.setVisible(bool(text))
