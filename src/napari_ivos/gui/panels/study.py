"""What a participant of a user study works with."""

from __future__ import annotations

import time

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QMessageBox, QProgressBar, QPushButton

from napari_ivos.evaluation.study import Phase
from napari_ivos.gui._keys import STUDY_KEYS, with_key
from napari_ivos.gui._study_controller import StudyController
from napari_ivos.gui._study_run import StudyRun
from napari_ivos.gui.panels._parts import Panel, button
from napari_ivos.gui.panels.candidates import CandidateGrid
from napari_ivos.gui.panels.study_brush import StudyBrush
from napari_ivos.gui.panels.study_task import next_task

_SECONDS_BETWEEN = 0.2
_LINES = 6


class StudyPanel(Panel):
    """Says what to do, and has a button for each key.

    Parameters
    ----------
    controller : StudyController
    run : StudyRun
    """

    def __init__(self, controller: StudyController, run: StudyRun) -> None:
        super().__init__("User study")
        self._controller, self._run = controller, run
        self._drawn_at = 0.0
        self._before: Phase | None = None
        self.title, self.task = QLabel(), QLabel()
        self.title.setToolTip("Which video this is, and how many there are")
        self.task.setToolTip("What to do next")
        for label in (self.title, self.task):
            label.setWordWrap(True)
            self.body.addWidget(label)
        # Room for the longest task, so that no button moves from under the mouse.
        self.task.setMinimumHeight(_LINES * self.task.fontMetrics().lineSpacing())
        self.task.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.brush = StudyBrush(controller)
        self.body.addWidget(self.brush)
        self._make_buttons()
        self.grid = CandidateGrid(controller, self)
        self.grid.chosen.connect(controller.choose)
        controller.candidates_wanted.connect(self._toggle_grid)
        controller.phase_changed.connect(self._on_phase)
        for signal in (controller.state_changed, run.changed):
            signal.connect(self._show)
        controller.progressed.connect(self._on_progress)
        run.progressed.connect(self._draw)
        self._show()

    def _make_buttons(self) -> None:
        self.undo = self._step("Undo", "Take the last stroke back", "undo")
        self.redo = self._step("Redo", "Give the stroke back", "redo")
        self.masks = self._step("Masks", "Show or hide your masks", "masks")
        self.go = self._step("Run (R)", "Carry your strokes through the video", "run")
        self.choose = self._step(
            "Draw on this frame (Space)", "Choose the displayed frame to draw on next", "choose"
        )
        self.candidates = button(
            "Candidates (A to D)",
            "Show or hide the frames to choose from\nKeys: A, B, C and D choose one",
            self._toggle_grid,
        )
        self.content = self._step(
            "Satisfied (S)", "The masks are good enough: go to the next video", "satisfied"
        )
        self.bar = QProgressBar()
        self.bar.setToolTip("How far the computer is")
        self.again = button(
            "Begin video again",
            "Forget the strokes and times of this video, and begin it once more",
            self._on_again,
        )
        self.leave = button(
            "Leave",
            "End here. What is finished is kept, and the study can be gone on with later",
            self._run.leave,
        )
        line = self.row(self.undo, self.redo, self.masks)
        for position in range(line.count()):
            line.setStretch(position, 1)
        for widget in (self.go, self.bar, self.choose, self.candidates, self.content):
            self.body.addWidget(widget)

    def _step(self, text: str, tip: str, key: str) -> QPushButton:
        action = STUDY_KEYS[key].action
        return button(text, with_key(tip, key, STUDY_KEYS), lambda: action(self._controller))

    def _on_again(self) -> None:
        yes = QMessageBox.StandardButton.Yes
        text = "Forget the strokes and times of this video?"
        if QMessageBox.question(self, "User study", text) == yes:
            self._run.begin_again()

    def _toggle_grid(self) -> None:
        layers = self._run.layers
        if layers is not None:
            self.grid.truth = layers.right
            self.grid.setVisible(not self.grid.isVisible())

    def _on_phase(self) -> None:
        """Show the candidates when one is to be chosen, until that is done."""
        before, now = self._before, self._controller.phase
        self._before = now
        finding = now is Phase.FINDING and self._controller.offers_candidates
        chosen = now is Phase.SCRIBBLING and self._controller.chosen is not None
        if finding and before is not now and not self.grid.isVisible():
            self._toggle_grid()
        elif not finding and (chosen or before is not now):
            self.grid.hide()
        self._show()

    def _on_progress(self, done: int, total: int) -> None:
        now, jobs = time.monotonic(), self._controller.jobs
        if jobs is None or jobs.kind != "propagation":
            return
        if done in (0, total) or now - self._drawn_at > _SECONDS_BETWEEN:
            self._drawn_at = now
            self._draw(done, total)

    def _draw(self, done: int, total: int) -> None:
        self._set_bar(total, done, f"{done} of {total} frames")

    def _set_bar(self, total: int, done: int, text: str) -> None:
        # It repaints itself at each of these calls, and the canvas with it: let it be once.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setFormat(text)
        self.bar.setUpdatesEnabled(True)

    def _show(self) -> None:
        controller, run, phase = self._controller, self._run, self._controller.phase
        number, count = run.number
        name = "" if run.sequence is None else run.sequence.name
        self.title.setText(f"<b>Video {number} of {count}</b> · {name}")
        self.task.setText(next_task(controller, run))
        working = run.stage == "working" and phase is not None
        drawing = working and phase in (Phase.READY, Phase.SCRIBBLING)
        drawn, session = controller.drawn is not None, controller.session
        for widget, enabled in (
            (self.brush, drawing),
            (self.undo, drawing and drawn),
            (self.redo, drawing and session is not None and session.can_redo),
            (self.masks, working),
            (self.go, drawing and drawn),
            (self.choose, working and controller.can_choose),
            (self.candidates, working and controller.can_choose),
            (self.content, run.stage == "not kept" or (working and controller.can_choose)),
            (self.again, run.stage in ("working", "not kept")),
            (self.leave, run.stage not in ("preparing", "keeping")),
        ):
            widget.setEnabled(enabled)
        self.choose.setVisible(controller.guidance == "free")
        self.candidates.setVisible(controller.guidance == "rs4")
        if phase is not Phase.OPERATING and run.stage != "keeping":
            self._set_bar(1, 0, "Ready" if working else "")
