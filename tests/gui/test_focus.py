"""The control that the keyboard acts on is to be seen."""

import numpy as np
import pytest
from qtpy.QtCore import QRect
from qtpy.QtWidgets import QPushButton

from gui.shared_window import delete_now
from napari_ivos.gui._focus import FocusFrame


@pytest.fixture
def focus(viewer, qtbot):
    """Give a control the keyboard's focus."""

    def focus(control):
        viewer.window._qt_window.show()
        viewer.window._qt_window.activateWindow()
        control.setFocus()
        qtbot.waitUntil(control.hasFocus)

    return focus


def picture(control):
    image = control.grab().toImage().convertToFormat(control.grab().toImage().Format.Format_RGB32)
    width, height = image.width(), image.height()
    return np.frombuffer(image.constBits().asarray(4 * width * height), np.uint8).copy()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_frame_is_where_the_keyboard_is(viewer, dock, focus, theme):
    viewer.theme = theme
    frames = dock.findChildren(FocusFrame)
    controls = [dock.objects.add, dock.strokes.brush, dock.strokes.size, dock.propagate.at_once]
    for control in controls:
        focus(dock.hint.help)
        before = picture(control)
        focus(control)
        assert frames[0].frame.parent() is control
        assert np.count_nonzero(picture(control) != before) > 100
    focus(dock.hint.help)
    delete_now()
    assert frames[0].frame.parent() is dock.hint.help
    assert dock.objects.add.children() == []


def test_it_stays_as_large_as_the_control_and_may_go_with_it(dock, focus):
    button = QPushButton("a", dock)
    button.show()
    focus(button)
    (frames, *_) = dock.findChildren(FocusFrame)
    button.resize(90, 40)
    assert frames.frame.geometry() == QRect(0, 0, 90, 40)
    button.deleteLater()
    delete_now()
    focus(dock.objects.add)
    assert frames.frame.parent() is dock.objects.add
