"""Which video, which method, on which device."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QMessageBox

from napari_ivos.defaults import DEFAULT_METHOD
from napari_ivos.gui._checkpoints import find_weights, lacks_weights
from napari_ivos.gui._controller import Controller
from napari_ivos.gui._devices import devices_for, spell_device
from napari_ivos.gui._layers import is_same
from napari_ivos.gui.panels._parts import FoldingPanel, button, elided, in_small
from napari_ivos.gui.panels.weights import MissingWeights
from napari_ivos.methods import MethodSpec, get_method, list_methods
from napari_ivos.session import Session

_DEVICES_WIDTH = 84


class VideoPanel(FoldingPanel):
    """Starts a session; says with what it runs."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Video and method")
        self._controller = controller
        self._session: Session | None = None
        self.layers = _combo("Video", "The image layer to segment: frames over time, grey or RGB")
        self.methods = _combo("Method", "The method that turns strokes into masks")
        self.devices = _combo("Device", "Where it computes; 'auto' takes the fastest it can use")
        # The methods' names are longer.
        self.devices.setMaximumWidth(_DEVICES_WIDTH)
        self.start = button("Start", "Begin a session on the chosen video", self.begin)
        self.row(self.layers, self.start)
        self.row(self.methods, self.devices)
        self.name = elided()
        self.head.addWidget(self.name, 1)
        # Unfolded, it stands in the box below.
        self.name.setVisible(self.folded)
        self.folding.connect(self.name.setVisible)
        # What runs is always on screen.
        self.about = in_small(QLabel())
        self.about.setWordWrap(True)
        self.outside.addWidget(self.about)
        self.weights = MissingWeights(controller)
        self.outside.addWidget(self.weights)
        for spec in list_methods():
            self.methods.addItem(spec.title, spec.name)
            self.methods.setItemData(
                self.methods.count() - 1, spec.summary, Qt.ItemDataRole.ToolTipRole
            )
        # One that runs as it is.
        self.methods.setCurrentIndex(max(self.methods.findData(DEFAULT_METHOD), 0))
        self.methods.currentIndexChanged.connect(self._on_method)
        self.methods.activated.connect(self._on_choice)
        self.devices.activated.connect(self._on_choice)
        self.layers.currentIndexChanged.connect(self._show_start)
        self.weights.got.connect(self._on_got_weights)
        controller.session_changed.connect(self._on_session)
        events = controller.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._on_layers)
        self._on_method()
        self._on_layers()

    def start_if_clear(self) -> None:
        """Begin at once when there is one video to choose from and no session."""
        if self._controller.session is None and self.layers.count() == 1:
            self.begin()

    def close_panel(self) -> None:
        """Let go of the viewer."""
        events = self._controller.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.disconnect(self._on_layers)
        self.weights.getting.close()

    @property
    def _spec(self) -> MethodSpec:
        return get_method(self.methods.currentData())

    @property
    def _choice(self) -> tuple[str, str, Path | None]:
        """Method, device, weights."""
        found = find_weights(self._spec)
        return self._spec.name, self.devices.currentData(), found.path if found else None

    def begin(self, folder: Path | None = None) -> None:
        """Begin a session on the chosen video, to be kept in a folder, after a question if need be.

        Parameters
        ----------
        folder : Path, optional
            By default one is found automatically.
        """
        layer, session = self.layers.currentData(), self._controller.session
        if session is not None and session.annotated_frames and not self._sure():
            return
        if layer is not None and not lacks_weights(self._spec):
            self._controller.projects.place = folder
            self._controller.start(layer, *self._choice)

    def _sure(self) -> bool:
        yes = QMessageBox.StandardButton.Yes
        path = self._controller.projects.path
        left = "Give up the strokes and masks of this one?"
        if path is not None:
            left = f"The strokes and masks of this one stay in the project '{path.stem}'. Begin?"
        text = f"A new session begins with nothing. {left}"
        return bool(QMessageBox.question(self, "Interactive VOS", text) == yes)

    def _on_layers(self, _event: object = None) -> None:
        chosen = self.layers.currentData()
        self.layers.blockSignals(True)
        self.layers.clear()
        for layer in self._controller.suitable_layers():
            self.layers.addItem(layer.name, layer)
            if is_same(layer, chosen):
                self.layers.setCurrentIndex(self.layers.count() - 1)
        self.layers.blockSignals(False)
        self._show_start()

    def _on_method(self) -> None:
        self.devices.clear()
        for device in devices_for(self._spec):
            self.devices.addItem(device, device)
        self.methods.setToolTip(f"Method: {self._spec.summary}")
        self._show_about()
        self._show_start()

    def _on_choice(self) -> None:
        if not lacks_weights(self._spec):
            self._controller.set_method(*self._choice)
        self._show_about()

    def _on_got_weights(self) -> None:
        self._controller.say("The weights have arrived, and fit.")
        self._show_start()
        if self._controller.session is None:
            self._show_about()
        else:
            self._on_choice()

    def _on_session(self) -> None:
        session = self._controller.session
        if session is not self._session:
            # Once it has begun, the room is for the work.
            self.fold(session is not None)
            self._session = session
        if session is not None:
            self.methods.setCurrentIndex(self.methods.findData(session.method.name))
            self.devices.setCurrentIndex(max(self.devices.findData(session.device), 0))
        self._show_about()
        self._show_start()

    def _show_about(self) -> None:
        spec, found = self._spec, find_weights(self._spec)
        licence = f"{found.name} ({found.licence})" if found else f"{spec.weights} · {spec.licence}"
        device = spell_device(spec, self.devices.currentData() or "auto")
        self.about.setText(f"Weights: {licence} · on {device}")
        self.about.setToolTip(spec.paper or spec.summary)
        # What does not run is not said to run somewhere.
        self.about.setVisible(not lacks_weights(spec))
        self.weights.show_method(spec)

    def _show_start(self) -> None:
        view = self._controller.view
        again = view is not None and is_same(view.image, self.layers.currentData())
        self.start.setText("Start again" if again else "Start")
        self.name.setText(self._spec.title)
        video = f" on the video '{view.image.name}'" if view is not None else ""
        self.name.setToolTip(f"The method{video}")
        self.start.setEnabled(self.layers.count() > 0 and not lacks_weights(self._spec))


def _combo(name: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(f"{name}: {tip[0].lower()}{tip[1:]}")
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo
