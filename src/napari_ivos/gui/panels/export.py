"""Masks leave the program here."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from napari_ivos.export import Format, list_formats
from napari_ivos.gui._controller import Controller
from napari_ivos.gui.panels._parts import Panel, button


class ExportPanel(Panel):
    """Writes the masks of all frames to a file or folder."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Export")
        self._controller = controller
        self._kinds = {_filter(form): form for form in list_formats()}
        kinds = ", ".join(form.title for form in self._kinds.values())
        tip = f"Write the masks of all frames; by the ending of the name:\n{kinds}"
        self.save = button("Export masks…", tip, self._on_save)
        self.body.addWidget(self.save)
        controller.session_changed.connect(self._show)
        controller.running_changed.connect(self._show)
        self._show()

    def _on_save(self) -> None:
        kinds = sorted(self._kinds, key=lambda kind: ".tif" not in kind)
        name, kind = QFileDialog.getSaveFileName(self, "Export masks", "masks", ";;".join(kinds))
        if name:
            path = Path(name)
            form = self._kinds[kind]
            if not path.suffix:
                path = path.with_suffix(next(iter(form.suffixes), ""))
            # A name with another format's ending means that one.
            folder = not path.suffix and not form.suffixes
            self._controller.export(path, form.name if folder else None)

    def _show(self) -> None:
        jobs = self._controller.jobs
        self.save.setEnabled(jobs is not None and jobs.kind != "export")


def _filter(form: Format) -> str:
    patterns = " ".join(f"*{suffix}" for suffix in form.suffixes) or "*"
    return f"{form.title} ({patterns})"
