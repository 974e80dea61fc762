"""One line on top: what to do next, or what went wrong."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui._layers import is_own
from napari_ivos.gui.panels._parts import button
from napari_ivos.session import Session

if TYPE_CHECKING:
    from napari.layers import Image

_MESSAGE_MS = 12_000
_HELP_WIDTH = 26


class HintPanel(QFrame):
    """Says the next step, or for a while what has happened.

    In its place, so that nothing below moves away from under the mouse.
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._session: Session | None = None
        self._frame_shown = True
        self._told_after = ""
        self.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        self.help = button(
            "?", with_key("All keys, and the doctor", "help"), controller.help_wanted.emit
        )
        self.help.setFixedWidth(_HELP_WIDTH)
        self.text, self.message = QLabel(), QLabel()
        self.text.setToolTip("What to do next")
        self.message.setToolTip("What has happened")
        for label in (self.text, self.message):
            label.setWordWrap(True)
        # It may hold the name of a layer or a folder, with anything in it.
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        top = QHBoxLayout()
        top.addWidget(self.text, 1)
        top.addWidget(self.message, 1)
        top.addWidget(self.help, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(top)
        self._show_message(False)
        self._over = QTimer(self)
        self._over.setSingleShot(True)
        self._over.setInterval(_MESSAGE_MS)
        self._over.timeout.connect(lambda: self._show_message(False))
        controller.said.connect(self._on_said)
        for signal in (
            controller.session_changed,
            controller.state_changed,
            controller.running_changed,
        ):
            signal.connect(self._show)
        controller.state_changed.connect(self._on_state)
        controller.frame_changed.connect(self._on_frame)
        controller.session_changed.connect(self._on_session)
        viewer = controller.viewer
        layers, dims = viewer.layers.events, viewer.dims.events
        self._events = layers.inserted, layers.removed, dims.ndisplay, dims.order
        for event in self._events:
            event.connect(self._show)
        self._show()

    def close_panel(self) -> None:
        """Let go of the viewer."""
        for event in self._events:
            event.disconnect(self._show)

    def _on_session(self) -> None:
        # What was said before was about another one, or about there being none.
        if self._controller.session is not self._session:
            self._session = self._controller.session
            self._show_message(False)
            if self._controller.view is not None:
                self._controller.view.tools.changed.connect(self._show)

    def _on_frame(self) -> None:
        # Only what depends on the frame: this comes at every step of a player.
        view = self._controller.view
        shown = view is None or view.shows_frame
        if shown != self._frame_shown:
            self._frame_shown = shown
            self._show()

    def _on_said(self, text: str, bad: bool) -> None:
        self.message.setText(f"⚠ {text}" if bad else text)
        self._told_after = self._last_step()
        self._show_message(True)
        self._over.start()

    def _on_state(self) -> None:
        # Something else was done since: what was told is about what went before.
        if self._last_step() != self._told_after:
            self._show_message(False)

    def _last_step(self) -> str:
        session = self._controller.session
        return "" if session is None else session.undo_text

    def _show_message(self, shown: bool) -> None:
        self.text.setVisible(not shown)
        self.message.setVisible(shown)

    def _show(self, _event: object = None) -> None:
        self.text.setText(f"<b>Next:</b> {next_step(self._controller)}")


def next_step(controller: Controller) -> str:
    """What the user would want to do now, in one sentence."""
    session, jobs, view = controller.session, controller.jobs, controller.view
    if session is None or jobs is None or view is None:
        return _beginning(controller)
    if jobs.kind == "propagation":
        return "wait, scrub or draw; H stops the propagation."
    if not _shows_frames(controller):
        return "go back to whole frames to draw: 2-D view, axes in their own order."
    if not view.shows_frame:
        return f"go back to the video. {view.beside}."
    if not session.objects:
        return "add an object (K), then draw on it."
    return _next_round(session) + _to_draw(controller)


def _beginning(controller: Controller) -> str:
    if controller.suitable_layers():
        return "choose the video and press Start."
    other = _other_image(controller)
    if other is not None:
        axes = "axis" if other.ndim == 1 else "axes"
        return (
            f"open a video, with the axes time, y and x. '{escape(other.name)}' has {other.ndim} "
            f"{axes}{': make a layer of one channel or plane' if other.ndim > 3 else ''}."
        )
    return (
        "open a video: drop a file here, or File ▸ Open Sample ▸ Interactive VOS. "
        "Earlier work: Project ▸ Open. Help: F1."
    )


def _other_image(controller: Controller) -> Image | None:
    """The image layer opened last that is not frames over time, if there is any."""
    from napari.layers import Image

    images = [one for one in controller.viewer.layers if isinstance(one, Image) and not is_own(one)]
    return next((layer for layer in reversed(images) if layer.ndim != 3), None)


def _shows_frames(controller: Controller) -> bool:
    """Whether a frame lies on the canvas as it is: rows downwards, columns to the right."""
    dims = controller.viewer.dims
    return bool(dims.ndisplay == 2 and dims.order[-2:] == (dims.ndim - 2, dims.ndim - 1))


def _to_draw(controller: Controller) -> str:
    """What to do first if another layer is selected, so that the mouse draws no strokes."""
    view, selected = controller.view, controller.viewer.layers.selection.active
    return "" if view is None or selected in view.layers else " To draw, press Brush first."


def _next_round(session: Session) -> str:
    if not session.annotated_frames:
        return "draw a stroke on the object, where it is clearest."
    if session.pending_frames:
        return "refine with more strokes (N: background), or propagate (G)."
    if np.isnan(session.reliability).all():
        return "scrub, correct masks, and propagate again (G)."
    return "check a frame (J), correct it, then G. Or export."
