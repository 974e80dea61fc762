import gc
import threading

import numpy as np
import pytest
from qtpy.QtCore import QObject, Signal

from napari_ivos.gui._early import EarlyLoading
from napari_ivos.session import Session


@pytest.fixture
def unloaded():
    """A session whose method nobody has used yet."""
    with Session(np.zeros((2, 8, 8, 3), np.uint8), method="lite") as made:
        yield made


@pytest.fixture
def loading(monkeypatch):
    """What was loaded early: the name of the method, the thread, and whether garbage was sought."""
    loads = []

    def load(spec):
        loads.append((spec.name, threading.current_thread().name, gc.isenabled()))
        raise ImportError("made to fail")

    monkeypatch.setattr("napari_ivos.session._loader.load_early", load)
    return loads


class Controller(QObject):
    """One that is nothing but its session."""

    session_changed = Signal()
    session = None


@pytest.fixture
def early(qtbot):
    made = EarlyLoading(Controller())
    made._soon.setInterval(0)
    yield made
    made.close()


@pytest.fixture
def begin(qtbot, early):
    """Tell of a session, and wait until what it needs is loaded."""

    def begin(session):
        controller = early._controller
        controller.session = session
        controller.session_changed.emit()
        qtbot.waitUntil(lambda: not early._soon.isActive(), timeout=5000)
        qtbot.waitUntil(lambda: not early._worker.running, timeout=5000)

    return begin


def test_a_method_is_loaded_once_and_not_in_the_windows_thread(begin, loading, unloaded):
    begin(None)
    assert loading == []
    begin(unloaded)
    begin(unloaded)
    assert loading == [("lite", "napari-ivos", False)]


def test_the_collector_goes_on_and_leaves_out_what_was_there(early, begin, loading, unloaded):
    begin(unloaded)
    assert loading
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    early.close()
    assert gc.get_freeze_count() == 0


def test_an_engine_that_is_there_already_is_not_loaded(begin, loading, session):
    begin(session)
    assert loading == []
