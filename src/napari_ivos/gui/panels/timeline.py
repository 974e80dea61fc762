"""The timeline under the viewer: what is known where, and what to do with a range of frames."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_ivos.gui._colours import object_colours
from napari_ivos.gui._controller import Controller
from napari_ivos.gui._strip import EMPTY, Strip, StripContent
from napari_ivos.gui.panels._parts import button

# Often enough for the eye while a run commits frames.
_MILLISECONDS = 150
_RECOMMENDED = 4
_HINT = "Click to go to a frame; drag to select some."


class Timeline(QWidget):
    """The strip, and the buttons for the frames that are selected on it.

    Parameters
    ----------
    controller : Controller

    Signals
    -------
    refreshed : ()
        More is known of the objects, or something else.
    shown : bool
        It is on the screen now, or is no more: somebody has hidden or closed its dock.
    """

    refreshed = Signal()
    shown = Signal(bool)

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.strip = Strip()
        self.text = QLabel(_HINT)
        self.again = button(
            "Run again",
            "Compute these frames once more",
            self._on_range(controller.propagate_range),
        )
        self.accept = button(
            "Accept",
            "The masks of these frames are right: no run may change them",
            self._on_range(controller.accept_range),
        )
        self.absent = button(
            "Absent",
            "The selected object is not there on these frames",
            self._on_range(controller.mark_absent),
        )
        self._selected = 0
        self._lay_out()
        self.strip.sought.connect(controller.navigation.go_to)
        self.strip.chosen.connect(self._on_chosen)
        self.strip.selection_changed.connect(self._show_selection)
        self._shown: object = None
        """What the strip's content was made of."""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._refresh)
        controller.difference.changed.connect(self._show_selection)
        controller.difference.changed.connect(self._later)
        for signal in (controller.session_changed, controller.state_changed, controller.progressed):
            signal.connect(self._later)
        controller.frame_changed.connect(self._on_frame)
        self._show_selection()
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Say so."""
        super().showEvent(event)
        self.shown.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Say so, unless it is the whole window that was put away."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.shown.emit(False)

    def _lay_out(self) -> None:
        self.scroll = scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAlignment(Qt.AlignmentFlag.AlignTop)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.strip)
        column.addStretch(1)
        scroll.setWidget(holder)
        # A row that is new is there only then.
        scroll.verticalScrollBar().rangeChanged.connect(self._scroll_to_selected)
        line = QHBoxLayout()
        line.addWidget(self.text, 1)
        for one in (self.again, self.accept, self.absent):
            line.addWidget(one)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 2, 6, 2)
        outer.setSpacing(2)
        outer.addLayout(line)
        outer.addWidget(scroll, 1)
        self.setMinimumHeight(76)

    def _on_range(self, action: Callable[[int, int], None]) -> Callable[[], None]:
        def act() -> None:
            if self.strip.selection is not None:
                action(*self.strip.selection)

        return act

    def _on_chosen(self, object_id: int) -> None:
        if object_id != self._controller.selected:
            self._controller.select(object_id, self._controller.background)

    def _on_frame(self) -> None:
        self.strip.show_frame(self._controller.navigation.frame)

    def _later(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start(_MILLISECONDS)

    def _refresh(self) -> None:
        overview, session = self._controller.overview, self._controller.session
        if overview is None or session is None:
            self._shown = None
            self.strip.show_content(EMPTY)
            return
        done, selected = overview.refresh(), self._controller.selected
        changed = self._controller.difference.frames
        palette = self._controller.looks.palette
        shown = (overview, overview.version, selected, changed, palette)
        if shown != self._shown:
            self._shown = shown
            marks = tuple(session.recommend(_RECOMMENDED))
            ids, status, reliability = overview.ids, overview.status, overview.reliability
            colours = object_colours(session.objects, palette)
            self.strip.show_content(
                StripContent(ids, status, reliability, marks, selected, changed, colours)
            )
            if selected != self._selected:
                self._selected = selected
                self._scroll_to_selected()
            self.refreshed.emit()
        self._on_frame()
        if not done:
            # Between these the window stays alive.
            self._soon.start(10)

    def _scroll_to_selected(self) -> None:
        """Bring the row of the selected object into sight."""
        place = self.strip.middle_of(self._selected)
        if place is not None:
            self.scroll.ensureVisible(0, place, 0, self.scroll.viewport().height() // 2)

    def _show_selection(self) -> None:
        selection = self.strip.selection
        self._controller.propagation.selected = selection
        for one in (self.again, self.accept, self.absent):
            one.setEnabled(selection is not None)
        if selection is None:
            summary = self._controller.difference.text
            self.text.setText(f"{summary}. {_HINT}" if summary else _HINT)
        else:
            start, stop = selection
            self.text.setText(
                f"Frame {start} is selected."
                if stop == start + 1
                else f"Frames {start} to {stop - 1} are selected."
            )
