"""Carry the masks through the video: start, progress, stop."""

from __future__ import annotations

import time

from qtpy.QtWidgets import QComboBox, QProgressBar

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui.panels._parts import Panel, button

_DIRECTIONS = (("both ways", "both"), ("forward", "forward"), ("backward", "backward"))
# Each change repaints the window, canvas included: often enough for the eye, no oftener.
_SECONDS_BETWEEN = 0.2
_TITLES = {
    "preview": "Segmenting this frame…",
    "export": "Exporting…",
    "pictures": "Reading frames…",
}


class PropagatePanel(Panel):
    """The button that does the work, and what it is doing."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Propagate")
        self._controller = controller
        self.direction = QComboBox()
        self.direction.setToolTip("Which way to carry the masks from the annotated frame")
        self.direction.setAccessibleName("Direction")
        for text, value in _DIRECTIONS:
            self.direction.addItem(text, value)
        self.go = button(
            "Propagate (G)",
            with_key("Carry the strokes of this round through the video", "propagate"),
            self.propagate,
        )
        self.stop = button(
            "Stop", with_key("Stop after this frame; what is done stays", "stop"), controller.stop
        )
        self.row(self.go, self.direction, self.stop)
        self.bar = QProgressBar()
        self.bar.setToolTip("Frames done, and the time that is left")
        self.body.addWidget(self.bar)
        self._began = self._drawn = 0.0
        controller.progressed.connect(self._on_progress)
        controller.running_changed.connect(self._show)
        controller.state_changed.connect(self._show)
        self._show()

    def propagate(self) -> None:
        """Propagate in the chosen direction."""
        self._controller.propagate(self.direction.currentData())

    def _on_progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self._began = now
        elif done < total and now - self._drawn < _SECONDS_BETWEEN:
            return
        self._drawn = now
        jobs = self._controller.jobs
        if jobs is None or jobs.kind is None:
            return
        if jobs.kind != "propagation":
            self._draw(0, 0, _TITLES[jobs.kind])
            return
        more = f", {jobs.waiting} more to go" if jobs.waiting else ""
        left = f" · {_spell((now - self._began) / done * (total - done))} left" if done else ""
        self._draw(done, total, f"{done} of {total} frames{left}{more}")

    def _draw(self, done: int, total: int, text: str) -> None:
        # A progress bar repaints itself at once and at each of these calls, and every time the
        # whole window is put together anew, canvas included: let it be once, and later.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(text)
        self.bar.setUpdatesEnabled(True)

    def _show(self) -> None:
        jobs, session = self._controller.jobs, self._controller.session
        kind = None if jobs is None else jobs.kind
        self.go.setEnabled(session is not None and kind != "propagation")
        self.stop.setEnabled(kind in ("preview", "propagation"))
        if kind is None:
            pending = 0 if session is None else len(session.pending_frames)
            self._draw(0, 1, f"{pending} frames to carry on" if pending > 1 else "Ready")


def _spell(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02} min"
