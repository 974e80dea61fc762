"""Where the work is kept, and the way back to earlier work."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QMenu, QMessageBox

from napari_ivos.gui import _automatic
from napari_ivos.gui._controller import Controller
from napari_ivos.gui.panels._parts import FoldingPanel, button, elided
from napari_ivos.session import Session

_RECENT = 8
_KINDS = f"Project (*{_automatic.SUFFIX})"
_KEPT = (
    "Every stroke and mask is written to this folder as it is made; undo reaches back in it.\n{}"
)
_GOES = "The work goes when napari closes. Save it to a folder, or export the masks"
_NOT_KEPT = "⚠ not kept: save it"


class ProjectPanel(FoldingPanel):
    """Says where the session is kept; begins, opens and moves projects.

    Parameters
    ----------
    controller : Controller
    begin : callable
        Begins a session on the chosen video, to be kept in the folder that it is given.
    """

    def __init__(self, controller: Controller, begin: Callable[[Path], None]) -> None:
        super().__init__("Project")
        self._controller, self._projects, self._begin = controller, controller.projects, begin
        self.text = elided()
        self.head.addWidget(self.text, 1)
        self.new = button(
            "New…", "Begin anew on the chosen video, in a folder that you choose", self._on_new
        )
        self.open = button(
            "Open…", "Go on with earlier work: a project folder (NAME.ivos)", self._on_open
        )
        self.save = button(
            "Save as…", "Keep the work in a folder that you choose, from now on", self._on_save
        )
        row = self.row(self.new, self.open, self.save)
        row.setStretch(1, 1)
        row.setStretch(2, 1)
        self.menu: QMenu | None = None
        self._session: Session | None = None
        for signal in (self._projects.changed, controller.session_changed):
            signal.connect(self._show)
        self._projects.video_wanted.connect(self._ask_for_video)
        self._show()

    def _on_new(self) -> None:
        if not self._controller.suitable_layers():
            self._controller.say("Open a video first: a project is about one.", bad=True)
            return
        path = self._ask_place("New project")
        if path is not None:
            self._begin(path)

    def _on_save(self) -> None:
        path = self._ask_place("Save the project as")
        if path is not None:
            self._projects.save(path)

    def _ask_place(self, title: str) -> Path | None:
        session = self._controller.session
        name = "project" if session is None else session.video.name
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            title,
            f"{name}{_automatic.SUFFIX}",
            _KINDS,
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix == _automatic.SUFFIX else Path(f"{path}{_automatic.SUFFIX}")

    def _on_open(self) -> None:
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.addAction("Choose a folder…", self._choose)
        around, recent = _automatic.folder(), _automatic.recent(_RECENT)
        if recent:
            self.menu.addSection("Kept automatically")
        for path in recent:
            action = self.menu.addAction(path.stem, partial(self._projects.open, path))
            action.setToolTip(str(path))
        if recent and around is not None:
            self.menu.addSeparator()
            self.menu.addAction("Show the folder", partial(_show_folder, around))
        self.menu.popup(self.open.mapToGlobal(self.open.rect().bottomLeft()))

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open a project folder (NAME.ivos)")
        if chosen:
            self._projects.open(Path(chosen))

    def _ask_for_video(self, project: Path, why: str) -> None:
        box = QMessageBox(self)
        box.setWindowTitle("Interactive VOS")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(why)
        box.setInformativeText(
            "Say where the video is now. Or open it in napari first, with the plugin that you "
            "opened it with then, and the project after it."
        )
        find = box.addButton("Find it…", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is find:
            name, _ = QFileDialog.getOpenFileName(self, "The video of the project")
            if name:
                self._projects.open(project, Path(name))

    def _show(self) -> None:
        projects, session = self._projects, self._controller.session
        if session is not self._session:
            # Once it has begun, the room is for the work.
            self.fold(session is not None)
            self._session = session
        path, doing = projects.path, projects.doing
        tip = "Where the work is kept"
        if doing == "opening":
            text = "Opening…"
        elif doing == "saving":
            text = f"Saving… {projects.count} files" if projects.count else "Saving…"
        elif session is None:
            text = "none yet"
        elif path is None:
            text, tip = _NOT_KEPT, _GOES
        else:
            text = path.stem if projects.automatic else path.name
            tip = _KEPT.format(path)
            if projects.automatic:
                tip += "\nNobody chose it: give it a name and a place with 'Save as…'"
        self.text.setText(text)
        self.text.setToolTip(tip)
        self.save.setEnabled(session is not None and not doing)
        self.open.setEnabled(not doing)
        self.new.setEnabled(not doing)


def _show_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
