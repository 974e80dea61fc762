"""Layers that go from a shown canvas."""

import pytest
from qtpy.QtGui import QOpenGLContext
from qtpy.QtWidgets import QDockWidget


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True, strict_qt=True)


def test_the_canvas_survives_a_removed_video(viewer, image, controller, paint, idle, qtbot):
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.waitUntil(lambda: canvas.isValid() and canvas.isVisible())
    own, current = canvas.context(), []
    viewer.layers.events.removed.connect(
        lambda _event: current.append(QOpenGLContext.currentContext())
    )
    paint((0, 20, 10), (0, 20, 40))
    idle()
    # Painted, and so Qt has put the window together in a context of its own.
    qtbot.wait(100)
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: controller.session is None)
    assert len(current) >= 3
    assert all(context is own for context in current)
    # A canvas of another size is painted at once.
    (dock,) = (
        d
        for d in viewer.window._qt_window.findChildren(QDockWidget)
        if d.objectName() == "layer list"
    )
    dock.hide()
    qtbot.wait(50)
    viewer.layers.clear()
    dock.show()
    qtbot.wait(50)
    assert canvas.isValid()
