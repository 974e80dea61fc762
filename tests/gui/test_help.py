"""Help where it is needed: keys, doctor, tooltips."""

import threading

import pytest
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLineEdit,
    QProgressBar,
    QScrollBar,
    QSpinBox,
    QTabBar,
    QWidget,
)

from napari_ivos.doctor import Finding
from napari_ivos.gui._keys import KEYS
from napari_ivos.gui.panels.help import HelpWindow

CONTROLS = (
    QAbstractButton,
    QAbstractSlider,
    QComboBox,
    QProgressBar,
    QSpinBox,
    QLineEdit,
    QAbstractItemView,
)


def parts_of_others(widget):
    """Whether a widget is a part that Qt makes of another one, such as a list's scroll bar."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, (*CONTROLS, QTabBar)):
            return True
        parent = parent.parentWidget()
    return isinstance(widget, QScrollBar) or widget.objectName().startswith("qt_")


def test_every_control_says_what_it_does(dock):
    controls = [
        widget
        for top in (dock, dock.timeline, dock.help, dock.guidance.grid)
        for widget in top.findChildren(QWidget)
        if isinstance(widget, CONTROLS) and not parts_of_others(widget)
    ]
    assert len(controls) > 25
    silent = [
        f"{type(widget).__name__} {getattr(widget, 'text', str)()!r}"
        for widget in controls
        if not widget.toolTip()
    ]
    assert silent == []


def test_no_key_is_given_twice_or_taken_from_the_brush():
    keys = [entry.key for entry in KEYS.values()]
    assert len(set(keys)) == len(keys)
    taken = {
        str(key)
        for name, given in default_shortcuts.items()
        if "labels" in name or "paint" in name
        for key in (given if isinstance(given, list | tuple) else [given])
    }
    assert not taken & set(keys)


def test_f1_shows_all_keys(dock, viewer):
    press = viewer.window._qt_viewer.canvas._key_map_handler.press_key
    press("F1")
    assert dock.help.isVisible()
    text = dock.help.keys.toPlainText()
    for entry in KEYS.values():
        assert entry.text in text
    assert "Shift+W" in text
    press("F1")
    assert not dock.help.isVisible()
    dock.hint.help.click()
    assert dock.help.isVisible()


@pytest.fixture
def window(qtbot, dock, controller):
    """The help window with a doctor who waits before the second finding."""
    gate = threading.Event()

    def examine():
        yield Finding("ok", "Python is there")
        assert gate.wait(20)
        yield Finding("problem", "torch is missing", "Run: pip install torch")

    made = HelpWindow(controller, dock, examine)
    made.gate = gate
    yield made
    gate.set()
    qtbot.waitUntil(lambda: not made._worker.running, timeout=30_000)
    made.close()


def test_the_doctor_looks_in_the_background_and_can_be_copied(qtbot, window):
    window.show()
    assert window.report.toPlainText() == ""
    window.pages.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "Python is there" in window.report.toPlainText(), timeout=30_000)
    assert "Looking" in window.report.toPlainText()
    assert not window.again.isEnabled()
    window.gate.set()
    qtbot.waitUntil(window.again.isEnabled, timeout=30_000)
    text = window.report.toPlainText()
    assert "problem  torch is missing\n         → Run: pip install torch" in text
    qtbot.mouseClick(window.copy, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == text


def test_closing_while_the_doctor_looks(qtbot, window):
    window.show()
    window.pages.setCurrentIndex(1)
    window.close_panel()
    window.gate.set()
    qtbot.waitUntil(
        lambda: all(t.name != "napari-ivos" for t in threading.enumerate()), timeout=30_000
    )
