"""The dock on a small screen: all that the work needs is there without scrolling."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QRect, Qt

from napari_ivos.gui.main_widget import InteractiveVOS
from napari_ivos.session import Session


@pytest.fixture
def small(make_napari_viewer, engine, qtbot):
    """The dock with two objects, in a window of 1366 × 768 pixels that is shown."""
    viewer = make_napari_viewer(show=True, strict_qt=True)
    viewer.window._qt_window.resize(1366, 768)
    viewer.add_image(np.zeros((12, 40, 60, 3), np.uint8), rgb=True, name="black")
    dock = InteractiveVOS(viewer, lambda *a, **k: Session(*a, engine=engine, **k))
    viewer.window.add_dock_widget(dock, name="Interactive VOS")
    dock.controller.add_object()
    dock.controller.add_strokes(
        [_stroke(0, number, [[10 * number, 10], [10 * number, 30]]) for number in (1, 2)]
    )
    qtbot.waitUntil(lambda: dock.controller.jobs.kind is None, timeout=10_000)
    dock.controller.propagate()
    qtbot.waitUntil(lambda: dock.controller.jobs.kind is None, timeout=10_000)
    qtbot.wait(100)
    return dock


def _stroke(frame, object_id, path):
    from napari_ivos.scribbles import make_stroke

    return make_stroke(frame, object_id, path, 2)


def seen_whole(dock, widget):
    """Whether nothing of a widget in the dock is scrolled away or covered."""
    viewport = dock._scroll.viewport()
    window = viewport if viewport.isAncestorOf(widget) else dock
    place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.rect().size())
    return widget.isVisible() and window.rect().contains(place)


def test_the_whole_work_is_on_a_small_screen_without_scrolling(small, qtbot):
    for panel in (small.hint, small.objects, small.strokes, small.propagate):
        for part in (panel, *panel.findChildren(type(small.strokes.undo))):
            assert seen_whole(small, part), (type(panel).__name__, part)
    assert seen_whole(small, small.video.about)
    assert "check a frame" in small.hint.text.text()
    assert small.objects.table.height() >= 92
    narrow = small.minimumWidth()
    small.video.fold(False)
    small.video.start.setText("Start this session once again")
    qtbot.waitUntil(lambda: small.minimumWidth() > narrow)
    assert small.video.start.width() >= small.video.start.minimumSizeHint().width()
    inner = small._scroll.widget()
    qtbot.waitUntil(lambda: small._scroll.viewport().width() >= inner.minimumSizeHint().width())
    _folds_with_the_mouse(small, qtbot)


def _folds_with_the_mouse(dock, qtbot):
    panel = dock.project
    assert panel.folded
    assert not panel.save.isVisible()
    assert seen_whole(dock, panel.text)
    qtbot.mouseClick(panel.title, Qt.MouseButton.LeftButton)
    assert not panel.folded
    assert panel.save.isVisible()
    qtbot.mouseClick(panel.title, Qt.MouseButton.LeftButton)
    assert not panel.save.isVisible()
    dock.controller.end()
    dock.controller.session_changed.emit()
    assert panel.save.isVisible(), "without a session one needs it"
    assert dock.video.start.isVisible()
