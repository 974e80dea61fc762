"""The picture is fitted into its canvas again when docks take room from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    import napari

# By then the docks are laid out, and those that a session's layers make wider.
_LATER_MS = 200, 600
_TOLERANCE = 1.02


def keep_whole(viewer: napari.Viewer, parent: QObject) -> None:
    """Fit the view again in a moment, if all of the picture is to be seen now.

    Who has zoomed into it keeps that.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
        Nothing happens any more when this is gone.
    """
    if not is_whole(viewer):
        return

    def fit() -> None:
        if len(viewer.layers) and not is_whole(viewer):
            viewer.reset_view()

    for later in _LATER_MS:
        timer = QTimer(parent)
        timer.setSingleShot(True)
        timer.timeout.connect(fit)
        timer.start(later)


def is_whole(viewer: napari.Viewer) -> bool:
    """Whether the canvas shows all that lies in the displayed plane."""
    if not len(viewer.layers) or viewer.dims.ndisplay != 2:
        return False
    plane = list(viewer.dims.displayed)
    low, high = np.asarray(viewer.layers.extent.world)[:, plane]
    camera = viewer.scene.camera
    seen = np.asarray(viewer.window._qt_viewer.canvas.size) / camera.zoom * _TOLERANCE / 2
    centre = np.asarray(camera.center)[-2:]
    return bool((centre - seen <= low).all() and (centre + seen >= high).all())
