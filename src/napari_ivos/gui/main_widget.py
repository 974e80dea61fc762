"""The dock widget: a list of panels, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_ivos.gui._controller import Controller, MakeSession
from napari_ivos.gui._fit import StayWhole
from napari_ivos.gui._focus import FocusFrame
from napari_ivos.gui._keys import Bindings
from napari_ivos.gui._projects import OpenSession, tell_where
from napari_ivos.gui.panels._parts import button
from napari_ivos.gui.panels.export import ExportPanel
from napari_ivos.gui.panels.guidance import GuidancePanel
from napari_ivos.gui.panels.help import HelpWindow
from napari_ivos.gui.panels.hint import HintPanel
from napari_ivos.gui.panels.labels import ImportProgress
from napari_ivos.gui.panels.look import LookPanel
from napari_ivos.gui.panels.objects import ObjectsPanel
from napari_ivos.gui.panels.project import ProjectPanel
from napari_ivos.gui.panels.propagate import PropagatePanel
from napari_ivos.gui.panels.strokes import StrokesPanel
from napari_ivos.gui.panels.timeline import Timeline
from napari_ivos.gui.panels.video import VideoPanel
from napari_ivos.session import Session

if TYPE_CHECKING:
    import napari

_MARGIN = 4
_BETWEEN = 6
_LEAST_WIDTH = 290


class InteractiveVOS(QWidget):
    """The dock "Interactive VOS".

    Parameters
    ----------
    napari_viewer : napari.Viewer
    make_session : callable
        `Session`, or something that is called like it.
    open_session : callable
        `Session.open`, or something that is called like it.
    """

    def __init__(
        self,
        napari_viewer: napari.viewer.Viewer,
        make_session: MakeSession = Session,
        open_session: OpenSession = Session.open,
    ) -> None:
        super().__init__()
        self.controller = Controller(napari_viewer, make_session, open_session)
        self.hint = HintPanel(self.controller)
        self.video = VideoPanel(self.controller)
        self.project = ProjectPanel(self.controller, self.video.begin)
        self.timeline = Timeline(self.controller)
        strip = self.timeline.strip
        self.objects = ObjectsPanel(self.controller, lambda: strip.selection)
        self.timeline.refreshed.connect(self.objects.refresh)
        self.taking = ImportProgress(self.controller)
        self.strokes = StrokesPanel(self.controller)
        self.propagate = PropagatePanel(self.controller)
        self.guidance = GuidancePanel(self.controller)
        self.look = LookPanel(self.controller)
        self.export = ExportPanel(self.controller)
        self.help = HelpWindow(self.controller, self)
        self._lay_out()
        # The strip needs the width of the window: a dock of its own, which goes with this one.
        self._window = napari_viewer.window
        self._timeline_dock = self._dock_timeline()
        self.bring_timeline = button(
            "Timeline", "Show the timeline again, under the picture", self._bring_timeline
        )
        self.bring_timeline.hide()
        self.guidance.head.addWidget(self.bring_timeline)
        self.timeline.shown.connect(self.bring_timeline.setHidden)
        keys = Bindings(napari_viewer, self.controller)
        self._shut_down = _closing(
            self, keys, (self.hint, self.video, self.look, self.help), self.controller
        )
        StayWhole(napari_viewer, self)
        for widget in (self, self.timeline):
            FocusFrame(widget)
        self.video.start_if_clear()

    def event(self, event: QEvent) -> bool:
        """Shut down when napari takes the widget out of its dock."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            session, worked = self.controller.session, self.controller.has_work
            self._shut_down()
            if session is not None and worked:
                tell_where(session.project)
            self._put_timeline_away()
            # Nobody can dock it again: a new one is made then.
            self.deleteLater()
        return bool(super().event(event))

    def showEvent(self, event: QShowEvent) -> None:
        """Take the width that the theme's fonts and margins need, which count only by now."""
        super().showEvent(event)
        self._fit_width()

    def _fit_width(self) -> None:
        # There is no sideways scrolling: what the buttons need is what the dock takes at least.
        bar = self._scroll.verticalScrollBar().sizeHint().width()
        border = self._scroll.viewport().x()  # the theme's; Qt has no word for it
        needed = self._scroll.widget().minimumSizeHint().width() + bar + 2 * border
        self._scroll.setMinimumWidth(needed)
        self.setMinimumWidth(max(needed + 2 * _MARGIN, self.minimumWidth(), _LEAST_WIDTH))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Grow with what the panels need, as when a button gets a longer text."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit_width()
        return bool(super().eventFilter(watched, event))

    def _dock_timeline(self) -> QWidget:
        docked: QWidget = self._window.add_dock_widget(
            self.timeline, name="Timeline", area="bottom"
        )
        return docked

    def _bring_timeline(self) -> None:
        if self.timeline.parent() is None:  # its dock was closed, and not only hidden
            self._timeline_dock = self._dock_timeline()
        self.timeline.show()
        self._timeline_dock.show()
        self._timeline_dock.raise_()

    def _put_timeline_away(self) -> None:
        # Somebody may have closed it before, or napari the window with all that is in it.
        with suppress(LookupError, RuntimeError):
            self._window.remove_dock_widget(self.timeline)
        with suppress(RuntimeError):
            self.timeline.deleteLater()

    def _lay_out(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, _MARGIN, 0)
        column.setSpacing(_BETWEEN)
        for panel in (
            self.video,
            self.project,
            self.objects,
            self.taking,
            self.strokes,
            self.guidance,
            self.look,
            self.export,
        ):
            column.addWidget(panel)
        # On a large screen there is room for more rows of it.
        column.setStretchFactor(self.objects, 1)
        column.addStretch(0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        inner.installEventFilter(self)
        self._scroll = scroll
        self._fit_width()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(_MARGIN, 2, _MARGIN, 0)
        outer.setSpacing(_BETWEEN)
        outer.addWidget(self.hint)
        outer.addWidget(scroll, 1)
        # On a small screen the rest scrolls; this is what everything is for.
        outer.addWidget(self.propagate)


def _closing(
    widget: QWidget,
    keys: Bindings,
    panels: tuple[HintPanel | VideoPanel | LookPanel | HelpWindow, ...],
    controller: Controller,
) -> Callable[[], None]:
    """What to do when the dock, the window or the program closes.

    Cancels what runs, ends the session and releases keys and layers, once. It touches no widget,
    for Qt may have deleted them by then.
    """
    application = QApplication.instance()

    def shut_down(_sender: object = None) -> None:
        if not controller.closed:
            application.aboutToQuit.disconnect(shut_down)
            keys.release()
            for panel in panels:
                panel.close_panel()
            controller.close()

    application.aboutToQuit.connect(shut_down)
    widget.destroyed.connect(shut_down)
    return shut_down
