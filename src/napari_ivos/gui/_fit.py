"""The picture is fitted into its canvas again when docks take room from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtOpenGLWidgets import QOpenGLWidget

if TYPE_CHECKING:
    import napari

# So long it may take until all docks are laid out, also those that a session's layers make wider.
_FOR_MS = 3000
_SOON_MS = 50


class StayWhole(QObject):
    """Fits the view anew for a moment whenever the canvas becomes smaller.

    Only if all of the picture was to be seen at first, and as long as nobody else changes the view:
    who has zoomed into the picture keeps that.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
        Nothing happens any more when this is gone.
    """

    def __init__(self, viewer: napari.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        canvas = canvas_of(viewer)
        if canvas is None or not is_whole(viewer):
            return
        self._view = _view(viewer)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._fit)
        canvas.installEventFilter(self)
        QTimer.singleShot(_FOR_MS, self.deleteLater)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look a moment after the canvas has another size."""
        if event.type() == QEvent.Type.Resize:
            self._soon.start()
        return bool(super().eventFilter(watched, event))

    def _fit(self) -> None:
        if _view(self._viewer) == self._view and not is_whole(self._viewer):
            self._viewer.reset_view()
            self._view = _view(self._viewer)


def canvas_of(viewer: napari.Viewer) -> QOpenGLWidget | None:
    """The widget that the viewer draws on."""
    found = viewer.window.main_menu.window().findChildren(QOpenGLWidget)
    return found[0] if found else None


def is_whole(viewer: napari.Viewer) -> bool:
    """Whether the canvas shows all that lies in the displayed plane; not without a layer."""
    canvas = canvas_of(viewer)
    if canvas is None or not len(viewer.layers) or viewer.dims.ndisplay != 2:
        return False
    low, high = np.asarray(viewer.layers.extent.world)[:, list(viewer.dims.displayed)]
    zoom, centre = viewer.scene.camera.zoom, np.asarray(viewer.scene.camera.center)[-2:]
    seen = np.array([canvas.height(), canvas.width()]) / zoom / 2
    return bool((centre - seen <= low).all() and (centre + seen >= high).all())


def _view(viewer: napari.Viewer) -> tuple[float, tuple[float, ...]]:
    camera = viewer.scene.camera
    return camera.zoom, tuple(camera.center)
