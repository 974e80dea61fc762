"""The picture is fitted into its canvas again when docks take room from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    import napari

# Docks are laid out in several steps.
_SOON_MS = 50


class StayWhole(QObject):
    """Fits the view anew when the canvas becomes too small for a picture that it showed as a whole.

    Who has zoomed into the picture keeps that.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
        Nothing happens any more when this is gone.
    """

    def __init__(self, viewer: napari.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(viewer.reset_view)
        canvas = canvas_of(viewer)
        if canvas is not None:
            canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See whether the canvas has become too small."""
        if (
            isinstance(event, QResizeEvent)
            and is_whole(self._viewer, event.oldSize())
            and not is_whole(self._viewer, event.size())
        ):
            self._soon.start()
        return bool(super().eventFilter(watched, event))


def canvas_of(viewer: napari.Viewer) -> QWidget | None:
    """The widget that the viewer draws on."""
    from qtpy.QtOpenGLWidgets import QOpenGLWidget

    found = viewer.window.main_menu.window().findChildren(QOpenGLWidget)
    return found[0] if found else None


def is_whole(viewer: napari.Viewer, size: QSize) -> bool:
    """Whether a canvas of this size shows all that lies in the displayed plane."""
    if not len(viewer.layers) or viewer.dims.ndisplay != 2:
        return False
    low, high = np.asarray(viewer.layers.extent.world)[:, list(viewer.dims.displayed)]
    camera = viewer.scene.camera
    centre, seen = np.asarray(camera.center)[-2:], [size.height(), size.width()]
    half = np.asarray(seen) / camera.zoom / 2
    return bool((centre - half <= low).all() and (centre + half >= high).all())
