"""Objects of labels layers and files, on all frames, in the background."""

import threading

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog, QMenu

from napari_ivos.gui.panels.labels import fill_labels_menu

FRAMES = 12


@pytest.fixture
def labels():
    made = np.zeros((FRAMES, 40, 60), np.uint16)
    made[:, 5:15, 5:15] = 3
    made[6:9] = 0
    made[9:, 20:30, 20:30] = 700
    return made


@pytest.fixture
def settled(qtbot, controller):
    def settled():
        qtbot.waitUntil(lambda: controller.imports.total == 0, timeout=30_000)

    return settled


@pytest.fixture
def choose(dock, controller):
    """Choose from the menu of 'From labels'."""

    def choose(text):
        menu = QMenu(dock)
        fill_labels_menu(menu, controller)
        (action,) = [action for action in menu.actions() if action.text() == text]
        action.trigger()
        menu.deleteLater()

    return choose


def test_all_objects_of_a_layer_on_all_frames(
    viewer, dock, controller, choose, settled, labels, said
):
    viewer.add_labels(labels, name="cellpose")
    choose("All frames")
    assert dock.taking.bar.maximum() == FRAMES
    settled()
    assert np.array_equal(controller.session.masks, labels)
    assert [item.id for item in controller.session.objects] == [1, 3, 700]
    assert dock.objects.model.rowCount() == 3
    assert said[-1] == (
        "2 objects of 'cellpose' taken on 9 frames. Propagate (G) to fill the other 3."
    )
    assert controller.view.masks._slice.image.raw[7, 7] == 3
    controller.undo()
    assert not np.asarray(controller.session.masks).any()


def test_a_file(dock, controller, choose, settled, labels, monkeypatch, tmp_path):
    tifffile.imwrite(tmp_path / "cells.tif", labels, metadata={"axes": "TYX"})
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_, **__: (str(tmp_path / "cells.tif"), "")
    )
    choose("A file…")
    settled()
    assert np.array_equal(controller.session.masks, labels)


class Slow:
    """Labels that are given out one by one when somebody says so."""

    dtype, ndim = np.dtype(np.uint16), 3

    def __init__(self, labels, gate):
        self.shape, self._labels, self._gate = labels.shape, labels, gate

    def __getitem__(self, index):
        assert self._gate.acquire(timeout=60)
        return self._labels[index]


def test_it_can_be_stopped_and_what_was_taken_stays(
    qtbot, dock, controller, settled, labels, said, engine
):
    engine.hold_frames(after=4)
    controller.imports._begin("slow", lambda: _open(Slow(labels, engine.frames)))
    qtbot.waitUntil(lambda: controller.imports.done == 4, timeout=30_000)
    assert dock.taking.isVisibleTo(dock)
    controller.add_object()  # nothing waits for it
    dock.taking.stop.click()
    engine.frames.release(1)
    settled()
    assert controller.session.masks[4].any()
    assert not controller.session.masks[5].any()
    assert not dock.taking.isVisibleTo(dock)


def test_undoing_it_while_it_runs_ends_it(qtbot, controller, settled, labels, engine):
    engine.hold_frames(after=4)
    controller.imports._begin("slow", lambda: _open(Slow(labels, engine.frames)))
    qtbot.waitUntil(lambda: controller.imports.done == 4, timeout=30_000)
    controller.undo()
    engine.frames.release(1)
    settled()
    assert not np.asarray(controller.session.masks).any()


def test_closing_while_it_runs(viewer, dock, controller, labels, engine):
    engine.hold_frames(after=2)
    controller.imports._begin("slow", lambda: _open(Slow(labels, engine.frames)))
    # Closing waits for the frame that is being read.
    soon = threading.Timer(0.3, engine.frames.release)
    soon.start()
    viewer.window.remove_dock_widget(dock)
    soon.join()


def test_labels_that_do_not_fit_are_refused(viewer, controller, choose, settled, labels, said):
    viewer.add_labels(labels[:, :9], name="cut")
    choose("All frames")
    settled()
    assert "the same size" in said[-1]
    assert [item.id for item in controller.session.objects] == [1]


def _open(labels):
    from napari_ivos.video import open_labels

    return open_labels(labels)
