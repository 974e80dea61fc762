"""Masks leave the program here."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox

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
        if not name:
            return
        form = self._kinds[kind]
        path = self._with_ending(Path(name), form)
        # Whether to replace a file the dialog has asked about the name as it was written.
        if path == Path(name) or not path.exists() or self._replaces(path):
            folder = not path.suffix and not form.suffixes
            self._controller.export(path, form.name if folder else None)

    def _with_ending(self, path: Path, form: Format) -> Path:
        """The path with the format's ending; one that has another format's means that one."""
        endings = {suffix for other in self._kinds.values() for suffix in other.suffixes}
        if path.suffix.lower() in endings:
            return path
        # Names have dots in them: "plate 7.B03".
        return path.with_name(path.name + next(iter(form.suffixes), ""))

    def _replaces(self, path: Path) -> bool:
        yes = QMessageBox.StandardButton.Yes
        text = f"'{path.name}' is there already. Replace it?"
        return bool(QMessageBox.question(self, "Export masks", text) == yes)

    def _show(self) -> None:
        jobs = self._controller.jobs
        self.save.setEnabled(jobs is not None and jobs.kind != "export")


def _filter(form: Format) -> str:
    patterns = " ".join(f"*{suffix}" for suffix in form.suffixes) or "*"
    return f"{form.title} ({patterns})"
