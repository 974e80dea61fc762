"""What the latest propagation changed, as a layer and as a sum."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_ivos.gui._changes_array import ChangesArray
from napari_ivos.gui._layers import changes_style, is_same, placement
from napari_ivos.gui._worker import Worker
from napari_ivos.session import Changes

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_ivos.gui._controller import Controller

# Often enough for the eye while a run goes on; the first number is known soon.
_MILLISECONDS = 200


class Difference(QObject):
    """Counts changed frames in the background, and shows the changed pixels when asked to.

    Parameters
    ----------
    controller : Controller

    Signals
    -------
    changed : ()
        Something else is shown, or more is known.
    """

    changed = Signal()

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.changes: Changes | None = None
        self.frames: tuple[int, ...] = ()
        """Frames with another mask than before, ascending, as far as is known."""
        self._of, self._complete = 0, True
        self._controller = controller
        # Large masks take a while to read and compare: not in the thread of the window.
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_compared)
        self._worker.ended.connect(self._on_ended)
        self._counting: Changes | None = None
        self._layer: Labels | None = None
        self._array: ChangesArray | None = None
        self._sides: object = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._count)
        controller.state_changed.connect(self._later)
        controller.progressed.connect(self._later)
        controller.viewer.layers.events.removed.connect(self._on_removed)

    @property
    def shown(self) -> bool:
        """Whether the changes are shown in the viewer."""
        return self._layer is not None

    @property
    def text(self) -> str:
        """The sum, in words; empty when there is nothing to compare."""
        if self.changes is None:
            return ""
        return f"{len(self.frames)} of {self._of} frames changed{'' if self._complete else '…'}"

    def toggle(self) -> None:
        """Show the changed pixels, or show them no more."""
        if self._layer is not None:
            self.hide()
        elif self._controller.propagation.changes is None:
            self._controller.say("Nothing was propagated yet that could have changed.", bad=True)
        else:
            self._show()

    def _show(self) -> None:
        view, viewer = self._controller.view, self._controller.viewer
        if view is None:
            return
        self._take()
        self._array = ChangesArray(view.masks.data.shape, lambda: self.changes)
        self._array.arrived.connect(self._draw)
        active = viewer.layers.selection.active
        self._layer = viewer.add_labels(self._array, **changes_style(), **placement(view.image))
        self._layer.editable = False
        view.place_of_video.keep(self._layer)
        # Over the masks, and under the strokes, which stay the layer that people draw in.
        viewer.layers.move(len(viewer.layers) - 1, viewer.layers.index(view.masks) + 1)
        viewer.layers.selection.active = active
        self.changed.emit()

    def hide(self) -> None:
        """Take the layer away."""
        layer = self._forget_layer()
        if layer is not None and layer in self._controller.viewer.layers:
            self._controller.viewer.layers.remove(layer)
        self.changed.emit()

    def close(self) -> None:
        """Let go of a session that ends."""
        self._soon.stop()
        self._worker.wait()
        self._counting = None
        self.changes, self.frames, self._of, self._complete = None, (), 0, True
        self.hide()

    def let_go(self) -> None:
        """Let go of the viewer."""
        self.close()
        self._controller.viewer.layers.events.removed.disconnect(self._on_removed)

    def _later(self, *_: object) -> None:
        if not self._soon.isActive():
            self._soon.start(_MILLISECONDS)

    def _take(self) -> None:
        """Look at the runs of the latest request, of which there may be more by now."""
        found = self._controller.propagation.changes
        if found is None or self.changes is None or found.runs != self.changes.runs:
            self.changes = found

    def _count(self) -> None:
        self._take()
        pending = [] if self.changes is None else self.changes.pending()
        if self._counting is not self.changes:
            self._worker.stop()
        if self.changes is not None and pending and not self._worker.running:
            self._counting = self.changes
            self._worker.start(partial(self.changes.compare, pending))
        self._tell(complete=not pending)

    def _tell(self, *, complete: bool) -> None:
        before = (self.frames, self.text)
        self._complete = complete
        self.frames = () if self.changes is None else self.changes.changed
        self._of = 0 if self.changes is None else len(self.changes.frames)
        if (self.frames, self.text) != before:
            self.changed.emit()
        self._show_again()

    def _show_again(self) -> None:
        """Draw the displayed frame anew if there is something else to draw."""
        frame = self._controller.navigation.frame
        known = None if self.changes is None or frame is None else self.changes.sides(frame)
        if known != self._sides:
            self._draw()
        self._sides = known

    def _draw(self) -> None:
        if self._layer is not None:
            self._layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _forget_layer(self) -> Labels | None:
        layer, self._layer = self._layer, None
        view = self._controller.view
        if layer is not None and view is not None:
            view.place_of_video.release(layer)
        if self._array is not None:
            self._array.close()
            self._array = None
        return layer

    def _on_compared(self, found: Any) -> None:
        if self._counting is not None and self._counting is self.changes:
            self._counting.note(found)
            self._later()

    def _on_ended(self, error: Exception | None) -> None:
        if error is None:
            self._count()  # there may be more by now
        else:
            self._controller.report(error)

    def _on_removed(self, event: Any) -> None:
        if self._layer is not None and is_same(event.value, self._layer):
            self._forget_layer()
            self.changed.emit()
