"""Corrections painted straight into the masks: they become a person's pixels."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_ivos.gui._mask_canvas import MaskCanvas
from napari_ivos.session import Session


@pytest.fixture
def brush(dock, controller, qtbot):
    """Paint on the masks at points (frame, y, x), and wait until the session has it."""
    qtbot.mouseClick(dock.strokes.paint, Qt.MouseButton.LeftButton)
    layer = controller.view.masks

    def brush(*points):
        before = controller.session.undo_text
        with layer.block_history():
            for point in points:
                layer.paint(np.array(point), layer.selected_label)
        qtbot.waitUntil(lambda: controller.session.undo_text != before, timeout=30_000)

    return brush


@pytest.fixture
def propagated(controller, paint, idle):
    paint((4, 20, 10), (4, 20, 30))
    idle()
    controller.propagate()
    idle()


def test_what_is_painted_stays_whatever_is_run(propagated, brush, controller, paint, idle):
    controller.navigation.go_to(6)
    brush((6, 8, 8), (6, 8, 12))
    assert controller.session.masks[6][8, 10] == 1
    assert controller.view.masks.data[6, 8, 10] == 1
    controller.navigation.go_to(9)
    controller.view.use_brush()
    paint((9, 30, 10), (9, 30, 30))
    idle()
    controller.propagate()
    idle()
    assert controller.session.masks[6][8, 10] == 1
    assert controller.session.masks[8][8, 10] == 0, "on that frame alone"


def test_wiping_out_and_undo(propagated, brush, controller):
    controller.navigation.go_to(6)
    controller.toggle_background()
    assert controller.session.masks[6][20, 20] == 1
    brush((6, 20, 20))
    assert controller.session.masks[6][20, 20] == 0
    controller.undo()
    assert controller.session.masks[6][20, 20] == 1
    assert controller.view.masks.data[6, 20, 20] == 1


def test_the_fill_bucket_works_too(propagated, brush, controller, qtbot):
    controller.add_object()
    controller.navigation.go_to(6)
    controller.view.masks.fill(np.array((6, 20, 20)), 2)
    qtbot.waitUntil(lambda: controller.session.masks[6][20, 20] == 2, timeout=30_000)
    assert not (controller.session.masks[6] == 1).any()
    assert (controller.session.masks[5] == 1).any(), "the other frames are as they were"


def test_an_object_that_there_is_not_is_refused(propagated, brush, controller, said, qtbot):
    controller.view.masks.paint(np.array((6, 8, 8)), 77)
    qtbot.waitUntil(lambda: any("no object 77" in text for text in said), timeout=30_000)
    assert controller.view.masks.data[6, 8, 8] == 0


def test_the_canvas_is_indexed_as_an_array():
    with Session(np.zeros((4, 6, 8, 3), np.uint8)) as session:
        labels = np.arange(48, dtype=np.uint16).reshape(6, 8) % 3
        session.add_mask(1, labels)
        canvas, expected = MaskCanvas(session), np.zeros((4, 6, 8), np.uint16)
        expected[1] = labels
        for index, value in [
            ((1, slice(2, 4), slice(0, 3)), 5),
            ((np.array([1, 2, 2]), np.array([0, 1, 5]), np.array([0, 7, 3])), 9),
            ((slice(3, 4), slice(0, 2), slice(0, 2)), np.full((1, 2, 2), 4)),
        ]:
            canvas[index] = value
            expected[index] = value
        for index in (1, (2, 5), slice(None), (slice(1, 4), slice(0, 3), slice(1, 5)), (3, 0, 0)):
            np.testing.assert_array_equal(canvas[index], expected[index])
        taken = {frame: (label, where) for frame, label, where in canvas.take()}
        assert sorted(taken) == [1, 2, 3]
        for frame, (label, where) in taken.items():
            np.testing.assert_array_equal(label, expected[frame])
            before = labels if frame == 1 else 0
            np.testing.assert_array_equal(where, expected[frame] != before)
        assert canvas.take() == []


# --- objects from other programs' labels ---------------------------------------------------------


class LazyLabels:
    """A stack of which only single frames can be had."""

    shape, dtype, ndim = (12, 40, 60), np.dtype(np.int32), 3

    def __init__(self):
        self.read = []

    def __len__(self):
        return 12

    def __getitem__(self, index):
        first = index[0] if isinstance(index, tuple) else index
        assert isinstance(first, int | np.integer)
        self.read.append(int(first))
        frame = np.zeros((40, 60), np.int32)
        frame[5:15, 5:20] = 3
        frame[20:35, 30:50] = 700
        return frame[index[1:]] if isinstance(index, tuple) else frame


def test_objects_of_a_labels_layer_become_references(dock, controller, viewer, idle, said, qtbot):
    lazy = LazyLabels()
    viewer.add_labels(lazy, name="cells")
    viewer.add_labels(np.zeros((40, 60), np.int32), name="flat")
    controller.navigation.go_to(3)
    qtbot.mouseClick(dock.objects.labels, Qt.MouseButton.LeftButton)
    menu = dock.objects.menu
    actions = [action for action in menu.actions() if not action.isSeparator()]
    assert [action.text() for action in actions] == [
        "This frame", "All frames", "This frame", "A file…", "A folder…",
    ]  # fmt: skip
    lazy.read.clear()
    actions[0].trigger()
    menu.close()
    assert set(lazy.read) == {3}
    assert [item.id for item in controller.session.objects] == [1, 3, 700]
    np.testing.assert_array_equal(controller.session.masks[3], lazy[3])
    assert "2 objects of 'cells' taken on frame 3" in said[-1]
    controller.propagate()
    idle()
    assert controller.session.masks[8][10, 10] == 3
    assert controller.session.masks[0][25, 40] == 700


def test_labels_of_another_size_are_refused_in_one_sentence(controller, viewer, said):
    layer = viewer.add_labels(np.ones((12, 10, 10), np.int32), name="small")
    controller.take_labels(layer)
    assert "(10, 10)" in said[-1]
    assert not controller.session.masks[0].any()


def test_a_label_chosen_in_napari_is_painted_more_than_once(controller, qtbot):
    controller.add_object()
    layer = controller.view.masks

    def paint(y, label):
        layer.paint(np.array((6, y, 8)), layer.selected_label)
        qtbot.waitUntil(lambda: controller.session.masks[6][y, 8] == label, timeout=30_000)

    layer.selected_label = 1
    assert controller.selected == 1
    paint(8, 1)
    paint(18, 1)
    layer.selected_label = 0
    assert controller.background
    paint(8, 0)
    layer.selected_label = 2
    assert (controller.selected, controller.background) == (2, False)
    paint(8, 2)
