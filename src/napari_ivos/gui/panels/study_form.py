"""What a user study needs to know before it begins."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QGridLayout, QLabel, QLineEdit, QWidget

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.study import StudySettings
from napari_ivos.gui._checkpoints import find_weights, lacks_weights, needs_weights
from napari_ivos.gui._devices import devices_for
from napari_ivos.gui._study_controller import StudyController
from napari_ivos.gui.panels._parts import SPACING, Panel, button
from napari_ivos.gui.panels.weights import MissingWeights
from napari_ivos.methods import MethodSpec, get_method, list_methods

_ABOUT = (
    "A person segments one sequence after the other, with the right masks beside the video; the "
    "clock runs. For the person who runs the study to fill in:"
)
_GUIDANCE = (
    ("Free search", "free", "The participant looks for the next frame to draw on"),
    ("Method's choice (RS1)", "rs1", "The least reliable frame is displayed by itself"),
    ("Four candidates (RS4)", "rs4", "The participant chooses one of four unreliable frames"),
)


class StudyForm(Panel):
    """Data set, folder for the results, participant, guidance, method.

    Signals
    -------
    wanted : StudySettings
        Somebody wants to begin this study.
    """

    wanted = Signal(object)

    def __init__(self, controller: StudyController) -> None:
        super().__init__("User study")
        self._controller = controller
        about = QLabel(_ABOUT)
        about.setWordWrap(True)
        self.body.addWidget(about)
        self.dataset = _line("Data set", "A folder with JPEGImages and Annotations, as DAVIS has")
        self.folder = _line("Results", "A folder for the results; it may be new")
        self.participant = _line("Participant", "Name or number of the person who draws")
        self.guidance, self.methods, self.devices = QComboBox(), QComboBox(), QComboBox()
        self._fill_combos()
        grid = QGridLayout()
        grid.setSpacing(SPACING)
        grid.setColumnStretch(1, 1)
        for row, widget in enumerate(
            (
                self.dataset,
                self.folder,
                self.participant,
                self.guidance,
                self.methods,
                self.devices,
            )
        ):
            grid.addWidget(QLabel(widget.accessibleName()), row, 0)
            grid.addWidget(widget, row, 1)
        for row, line in enumerate((self.dataset, self.folder)):
            grid.addWidget(self._browse(line), row, 2)
        self.body.addLayout(grid)
        self.weights = MissingWeights(controller)
        self.weights.got.connect(self._show)
        self.body.addWidget(self.weights)
        self.begin = button(
            "Begin", "Begin, or go on where this participant was interrupted", self._on_begin
        )
        self.body.addWidget(self.begin)
        self.methods.currentIndexChanged.connect(self._on_method)
        self._on_method()

    def settings(self) -> StudySettings:
        """What the form says.

        Raises
        ------
        IvosError
            It says too little, or what is not possible.
        """
        for line in (self.dataset, self.folder):
            if not line.text().strip():
                raise IvosError(f"'{line.accessibleName()}' is empty.", "Choose a folder.")
        found = find_weights(self._spec)
        return StudySettings(
            Path(self.dataset.text().strip()).expanduser(),
            Path(self.folder.text().strip()).expanduser(),
            self.participant.text().strip(),
            self.guidance.currentData(),
            self._spec.name,
            self.devices.currentData(),
            None if found is None else found.path,
        )

    @property
    def _spec(self) -> MethodSpec:
        return get_method(self.methods.currentData())

    def _fill_combos(self) -> None:
        for combo, name, tip in (
            (self.guidance, "Next frame", "Who finds the next frame to draw on"),
            (self.methods, "Method", "The method that turns strokes into masks"),
            (self.devices, "Device", "Where it computes; 'auto' takes the fastest it can use"),
        ):
            combo.setAccessibleName(name)
            combo.setToolTip(tip)
            combo.setMinimumContentsLength(8)
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        for title, value, tip in _GUIDANCE:
            self.guidance.addItem(title, value)
            self.guidance.setItemData(self.guidance.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for spec in list_methods():
            self.methods.addItem(spec.title, spec.name)
        ready = next((spec.name for spec in list_methods() if not needs_weights(spec)), "")
        self.methods.setCurrentIndex(max(self.methods.findData(ready), 0))

    def _browse(self, line: QLineEdit) -> QWidget:
        def browse() -> None:
            title = f"{line.accessibleName()}: choose a folder"
            name = QFileDialog.getExistingDirectory(self, title, line.text())
            if name:
                line.setText(name)

        return button("…", f"{line.accessibleName()}: choose the folder", browse)

    def _on_begin(self) -> None:
        try:
            self.wanted.emit(self.settings())
        except IvosError as error:
            self._controller.say(str(error), bad=True)

    def _on_method(self) -> None:
        self.devices.clear()
        for device in devices_for(self._spec):
            self.devices.addItem(device, device)
        self._show()

    def _show(self) -> None:
        self.weights.show_method(self._spec)
        self.begin.setEnabled(not lacks_weights(self._spec))


def _line(name: str, tip: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setToolTip(tip)
    return line
