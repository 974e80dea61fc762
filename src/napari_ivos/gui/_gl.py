"""Layers go in the OpenGL context that they were drawn in."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from qtpy.QtOpenGLWidgets import QOpenGLWidget

if TYPE_CHECKING:
    import napari

_SEEN_TO: WeakSet[Any] = WeakSet()
"""Viewers that are seen to, however often the dock is opened in them."""


def free_layers_in_their_context(viewer: napari.viewer.Viewer) -> None:
    """Make the canvas's OpenGL context the current one whenever a layer is about to be removed.

    napari (0.9) frees a removed layer's programs and buffers in whatever context is current, most
    often the one that Qt puts the window together in. The canvas is not told, and drawing on it
    next has ended the whole program (Mesa 22.3).

    Parameters
    ----------
    viewer : napari.Viewer
    """
    if viewer in _SEEN_TO:
        return
    _SEEN_TO.add(viewer)

    def make_current(_event: Any) -> None:
        # The window may be gone already, and its canvas with it.
        with suppress(AttributeError, RuntimeError):
            for canvas in viewer.window.main_menu.window().findChildren(QOpenGLWidget):
                if canvas.isValid():
                    canvas.makeCurrent()

    viewer.layers.events.removing.connect(make_current)
