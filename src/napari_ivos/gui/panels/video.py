"""Which video, which method, on which device."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QMessageBox

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._devices import devices_for
from napari_ivos.gui.panels._parts import Panel, button
from napari_ivos.methods import MethodSpec, get_method, list_methods


class VideoPanel(Panel):
    """Starts a session; says with what it runs."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Video and method")
        self._controller = controller
        self.layers = _combo("Video", "The image layer to segment: frames over time, grey or RGB")
        self.methods = _combo("Method", "The method that turns strokes into masks")
        self.devices = _combo("Device", "Where it computes; 'auto' takes the fastest it can use")
        self.devices.setMinimumContentsLength(4)
        self.start = button("Start", "Begin a session on the chosen video", self._on_start)
        self.row(self.layers, self.start)
        self.row(self.methods, self.devices)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.body.addWidget(self.about)
        for spec in list_methods():
            self.methods.addItem(spec.title, spec.name)
            self.methods.setItemData(
                self.methods.count() - 1, spec.summary, Qt.ItemDataRole.ToolTipRole
            )
        self.methods.currentIndexChanged.connect(self._on_method)
        self.methods.activated.connect(self._on_choice)
        self.devices.activated.connect(self._on_choice)
        self.layers.currentIndexChanged.connect(self._show_start)
        controller.session_changed.connect(self._on_session)
        events = controller.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._on_layers)
        self._on_method()
        self._on_layers()

    def start_if_clear(self) -> None:
        """Begin at once when there is one video to choose from and no session."""
        if self._controller.session is None and self.layers.count() == 1:
            self._on_start()

    def close_panel(self) -> None:
        """Let go of the viewer."""
        events = self._controller.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.disconnect(self._on_layers)

    @property
    def _spec(self) -> MethodSpec:
        return get_method(self.methods.currentData())

    def _on_start(self) -> None:
        layer, session = self.layers.currentData(), self._controller.session
        if session is not None and session.annotated_frames and not self._sure():
            return
        if layer is not None:
            self._controller.start(layer, self._spec.name, self.devices.currentData())

    def _sure(self) -> bool:
        yes = QMessageBox.StandardButton.Yes
        text = "A new session begins with nothing. Give up the strokes and masks of this one?"
        return bool(QMessageBox.question(self, "Interactive VOS", text) == yes)

    def _on_layers(self, _event: object = None) -> None:
        chosen = self.layers.currentData()
        self.layers.blockSignals(True)
        self.layers.clear()
        for layer in self._controller.suitable_layers():
            self.layers.addItem(layer.name, layer)
            if layer is chosen:
                self.layers.setCurrentIndex(self.layers.count() - 1)
        self.layers.blockSignals(False)
        self._show_start()

    def _on_method(self) -> None:
        self.devices.clear()
        for device in devices_for(self._spec):
            self.devices.addItem(device, device)
        self.methods.setToolTip(f"Method: {self._spec.summary}")
        self._show_about()

    def _on_choice(self) -> None:
        self._controller.set_method(self._spec.name, self.devices.currentData())
        self._show_about()

    def _on_session(self) -> None:
        session = self._controller.session
        if session is not None:
            self.methods.setCurrentIndex(self.methods.findData(session.method.name))
            self.devices.setCurrentIndex(max(self.devices.findData(session.device), 0))
        self._show_about()
        self._show_start()

    def _show_about(self) -> None:
        spec = self._spec
        device = self.devices.currentData()
        if device == "auto" and len(spec.devices) == 1:
            device = spec.devices[0]
        self.about.setText(f"Weights: {spec.weights} · {spec.licence} · on {device}")
        self.about.setToolTip(spec.paper or spec.summary)

    def _show_start(self) -> None:
        view = self._controller.view
        again = view is not None and view.image is self.layers.currentData()
        self.start.setText("Start again" if again else "Start")
        self.start.setEnabled(self.layers.count() > 0)


def _combo(name: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(f"{name}: {tip[0].lower()}{tip[1:]}")
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo
