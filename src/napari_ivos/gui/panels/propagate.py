"""Carry the masks through the video: how far, progress, stop, and what it changed."""

from __future__ import annotations

import time

from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QProgressBar

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui._pace import Pace, spell
from napari_ivos.gui._propagation import Extent
from napari_ivos.gui.panels._parts import Panel, button

_EXTENTS: tuple[tuple[str, Extent], ...] = (
    ("both ways", "both"),
    ("forward", "forward"),
    ("backward", "backward"),
    ("to trusted", "trusted"),
    ("selected", "selected"),
)
_EXTENT_TIP = """How far to carry the masks from the annotated frame:
both ways, forward, backward: up to the next annotated or accepted frame, or else the video's end
to trusted: only up to such frames, not to the video's ends
selected: only the frames that are selected in the timeline"""
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
        self.direction.setToolTip(_EXTENT_TIP)
        self.direction.setAccessibleName("Extent")
        for text, value in _EXTENTS:
            self.direction.addItem(text, value)
        self.direction.currentIndexChanged.connect(self._on_extent)
        self.go = button(
            "Propagate (G)",
            with_key("Carry the strokes of this round through the video", "propagate"),
            controller.propagate,
        )
        self.stop = button(
            "Stop", with_key("Stop after this frame; what is done stays", "stop"), controller.stop
        )
        self.row(self.go, self.direction, self.stop)
        self.bar = QProgressBar()
        self.bar.setToolTip("Frames done, and the time that is left")
        self.body.addWidget(self.bar)
        self.at_once = QCheckBox("At once")
        self.at_once.setToolTip(
            "Propagate by itself as soon as a stroke's preview is there; a propagation that runs\n"
            "begins again with the new stroke. Off: draw several strokes, then propagate."
        )
        self.at_once.toggled.connect(self._on_at_once)
        self._add_changes(controller)
        self._pace = Pace()
        self._drawn = 0.0
        controller.progressed.connect(self._on_progress)
        controller.running_changed.connect(self._show)
        controller.state_changed.connect(self._show)
        self._show()

    def _add_changes(self, controller: Controller) -> None:
        self.changes = QLabel()
        self.changes.setToolTip("Frames that have another mask than before the last propagation")
        self.show_changes = button(
            "Changes",
            with_key(
                "Show the pixels that the last propagation changed:\n"
                "blue where an object is now, orange where it is no more, yellow where it is "
                "another one",
                "changes",
            ),
            controller.difference.toggle,
        )
        self.show_changes.setCheckable(True)
        self.reject = button(
            "Reject",
            with_key(
                "Take back all that the last propagation did. Strokes stay, and so does what "
                "was done since.",
                "reject",
            ),
            controller.propagation.reject,
        )
        self.row(self.at_once, self.show_changes, self.reject)
        self.head.addStretch(1)
        self.head.addWidget(self.changes)
        controller.difference.changed.connect(self._show_changes)
        self._show_changes()

    def _on_extent(self) -> None:
        self._controller.propagation.extent = self.direction.currentData()

    def _on_at_once(self, on: bool) -> None:
        self._controller.propagation.at_once = on

    def _show_changes(self) -> None:
        difference = self._controller.difference
        self.changes.setText(difference.text)
        self.changes.setVisible(bool(difference.text))
        for one in (self.show_changes, self.reject):
            one.setEnabled(difference.changes is not None)
        self.show_changes.setChecked(difference.shown)

    def _on_progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self._pace.begin()
        else:
            self._pace.frame_done()
        if 0 < done < total and now - self._drawn < _SECONDS_BETWEEN:
            return
        self._drawn = now
        jobs = self._controller.jobs
        if jobs is None or jobs.kind is None:
            return
        if jobs.kind != "propagation":
            # Still, though nobody knows how long: a bar that moves would have the whole window,
            # canvas included, put together anew all the time.
            self._draw(0, 1, _TITLES[jobs.kind])
            return
        more = f", {jobs.waiting} more to go" if jobs.waiting else ""
        seconds = self._pace.left(total - done)
        left = f" · {spell(seconds)} left" if seconds and done < total else ""
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
