"""Where to look next."""

from __future__ import annotations

import math

from qtpy.QtWidgets import QLabel

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui.panels._parts import Panel, button
from napari_ivos.gui.panels.candidates import CandidateGrid


class GuidancePanel(Panel):
    """How far the displayed frame can be trusted, and the way to the most doubtful ones."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Check")
        self._controller = controller
        self.head.addStretch(1)
        self.text = QLabel()
        self.text.setToolTip("The method's own estimate, 0–100 %; yours counts more")
        self.next = button(
            "Next to check",
            with_key("Go to the frame that the method trusts least", "check"),
            controller.navigation.go_to_doubtful,
        )
        self.accept = button(
            "Accept frame",
            with_key("The mask of this frame is right: no run may change it", "accept"),
            controller.accept,
        )
        self.grid = CandidateGrid(controller, self)
        self.candidates = button(
            "Candidates",
            with_key("Show the four most doubtful frames side by side", "candidates"),
            self._toggle_grid,
        )
        self.row(self.text, self.next)
        row = self.row(self.accept, self.candidates)
        row.setStretch(1, 1)
        controller.candidates_wanted.connect(self._toggle_grid)
        controller.frame_changed.connect(self._show)
        controller.session_changed.connect(self._show)
        self._show()

    def _toggle_grid(self) -> None:
        if self._controller.session is None:
            self._controller.say("There is no video yet whose frames could be shown.", bad=True)
        else:
            self.grid.setVisible(not self.grid.isVisible())

    def _show(self) -> None:
        session, frame = self._controller.session, self._controller.navigation.frame
        for one in (self.next, self.accept, self.candidates):
            one.setEnabled(session is not None)
        if session is None or frame is None:
            self.text.setText("No video yet" if session is None else "No frame of the video")
            return
        value = session.reliability[frame]
        known = "not known yet" if math.isnan(value) else f"reliability {value:.0%}"
        self.text.setText(f"Frame {frame}: {known}")
