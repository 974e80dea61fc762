"""What napari and vispy leave behind in OpenGL when layers go."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    import napari

# OpenGL promises so many, and vispy's programs use fewer.
_ATTRIBUTES = 16


def hide_brush_box(viewer: napari.viewer.Viewer) -> None:
    """Take away the empty box that napari 0.9 keeps under the brush's circle.

    Nobody sees it, but drawing it when all layers are gone has ended the whole program (Mesa).
    """
    with suppress(AttributeError, KeyError):
        # As an item: attributes with an underscore are not for plugins.
        viewer.canvas.overlays["_brush_circle"].box = False


def forget_drawn() -> None:
    """Switch off what was drawn last; to be called right after layers are removed.

    vispy leaves the vertex arrays of a program switched on after it has drawn, and then frees the
    buffers of the layers that are gone. The next thing that is drawn would read from them, which
    has ended the whole program (seen with Mesa, vispy 0.17).
    """
    from vispy.gloo import gl  # type: ignore[import-untyped]

    for canvas in QApplication.allWidgets():
        if isinstance(canvas, QOpenGLWidget) and canvas.isValid():
            canvas.makeCurrent()
            for index in range(_ATTRIBUTES):
                gl.glDisableVertexAttribArray(index)
            canvas.doneCurrent()
