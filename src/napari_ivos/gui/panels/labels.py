"""Objects from labels that there are already: the menu to choose them, and how far it is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QProgressBar, QWidget

from napari_ivos.gui._controller import Controller
from napari_ivos.gui.panels._parts import SPACING, button

_FILES = "Labels (*.tif *.tiff *.npy *.npz *.png)"


def fill_labels_menu(menu: QMenu, controller: Controller) -> None:
    """Offer each labels layer for the displayed frame and for all frames, and files."""
    menu.setToolTipsVisible(True)
    for layer in controller.label_layers():
        menu.addSection(layer.name)
        here = menu.addAction("This frame", partial(controller.take_labels, layer))
        here.setToolTip(f"Take the objects that '{layer.name}' has on the displayed frame")
        if layer.ndim == 3:
            take = partial(controller.imports.take_layer, layer)
            menu.addAction("All frames", take).setToolTip(
                f"Take the objects that '{layer.name}' has on every frame, one by one"
            )
    menu.addSection("From disk, all frames")
    menu.addAction("A file…", partial(_choose_file, menu, controller)).setToolTip(
        "A stack of labels: tif, npy or npz; or one picture, for the displayed frame"
    )
    menu.addAction("A folder…", partial(_choose_folder, menu, controller)).setToolTip(
        "A folder of indexed or grey png, or a zarr"
    )


def _choose_file(menu: QMenu, controller: Controller) -> None:
    name, _ = QFileDialog.getOpenFileName(menu.parentWidget(), "Labels of the video", "", _FILES)
    if name:
        controller.imports.take_file(Path(name))


def _choose_folder(menu: QMenu, controller: Controller) -> None:
    name = QFileDialog.getExistingDirectory(menu.parentWidget(), "Folder of labels, or a zarr")
    if name:
        controller.imports.take_file(Path(name))


class ImportProgress(QWidget):
    """How many frames were taken over, and the button that ends it; hidden when nothing runs."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._imports = controller.imports
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING)
        self.bar = QProgressBar()
        self.bar.setToolTip("Frames whose labels were taken over")
        self.stop = button(
            "Stop", "Stop after this frame; what was taken stays, until undone", self._imports.stop
        )
        line.addWidget(self.bar, 1)
        line.addWidget(self.stop)
        self._imports.changed.connect(self._show)
        self.hide()

    def _show(self) -> None:
        done, total = self._imports.done, self._imports.total
        self.setVisible(total > 0)
        # Each change repaints the window: a hundred of them are enough.
        if done % max(total // 100, 1) == 0:
            self.bar.setRange(0, max(total, 1))
            self.bar.setFormat(f"{done} of {total} frames")
            self.bar.setValue(done)
