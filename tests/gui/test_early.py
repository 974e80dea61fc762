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

    monkeypatch.setattr("napari_ivos.session._plan.load_early", load)
    return loads


class Controller(QObject):
    session_changed = Signal()
    session = None


@pytest.fixture
def early(qtbot):
    """With a controller that is nothing but its session."""
    controller = Controller()
    made = EarlyLoading(controller)
    yield controller, made
    made.close()


def test_a_method_is_loaded_once_and_not_in_the_windows_thread(early, loading, unloaded):
    controller, made = early
    controller.session_changed.emit()
    assert loading == []
    controller.session = unloaded
    for _ in range(2):
        controller.session_changed.emit()
        made._worker.finish()
    assert loading == [("lite", "napari-ivos", False)]


def test_the_collector_goes_on_and_leaves_out_what_was_there(early, loading, unloaded):
    controller, made = early
    controller.session = unloaded
    controller.session_changed.emit()
    made._worker.finish()
    assert loading
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    made.close()
    assert gc.get_freeze_count() == 0


def test_an_engine_that_is_there_already_is_not_loaded(early, loading, session):
    controller, made = early
    controller.session = session
    controller.session_changed.emit()
    made._worker.finish()
    assert loading == []
