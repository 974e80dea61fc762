"""What the last propagation changed, on screen; and one key that takes it back."""

import numpy as np
import pytest

from napari_ivos.gui._layers import CHANGE_COLOURS
from napari_ivos.gui._player import press
from napari_ivos.gui._strip import stretches
from napari_ivos.session import Change

FRAMES = 12


@pytest.fixture
def counted(qtbot, controller):
    """Wait until the changed frames are counted, and give the sum in words."""

    def counted(text):
        qtbot.waitUntil(lambda: controller.difference.text == text, timeout=30_000)
        return controller.difference.frames

    return counted


@pytest.fixture
def corrected(controller, paint, idle):
    """A video propagated from frame 0, and once more from frame 8."""
    paint((0, 20, 10), (0, 20, 20))
    idle()
    controller.propagate()
    idle()
    paint((8, 30, 40))
    idle()
    controller.propagate()
    idle()


def shift(viewer, letter):
    viewer.window._qt_viewer.canvas._key_map_handler.press_key(f"Shift-{letter}")


def masks(controller):
    return np.asarray(controller.session.masks)


def test_before_the_first_run_there_is_nothing_to_show(viewer, dock, controller, said):
    assert not dock.propagate.reject.isEnabled()
    assert not dock.propagate.show_changes.isEnabled()
    shift(viewer, "G")
    assert "Nothing was propagated" in said[-1]
    shift(viewer, "U")
    assert "no propagation to reject" in said[-1]


def test_the_changed_pixels_are_shown_frame_by_frame(
    viewer, dock, controller, corrected, counted, qtbot
):
    frames = counted("10 of 11 frames changed")
    assert frames == (1, 2, 3, 4, 5, 6, 7, 9, 10, 11)
    assert dock.propagate.changes.text() == "10 of 11 frames changed"
    active = viewer.layers.selection.active
    dock.propagate.show_changes.click()
    layer = viewer.layers["changes"]
    assert viewer.layers.selection.active is active
    assert list(viewer.layers).index(layer) == list(viewer.layers).index(controller.view.masks) + 1
    controller.navigation.go_to(9)
    assert not layer._slice.image.raw.any(), "nothing is compared in the window's thread"
    qtbot.waitUntil(lambda: bool(layer._slice.image.raw.any()), timeout=5000)
    shown = layer._slice.image.raw
    np.testing.assert_array_equal(shown, controller.session.changes().difference(9))
    assert shown[30, 40] == Change.GAINED
    assert not layer.editable
    colour = 255 * layer.colormap.map(np.array([Change.GAINED], np.uint8))[0][:3]
    np.testing.assert_allclose(colour, CHANGE_COLOURS[Change.GAINED], atol=1)
    controller.navigation.go_to(8)
    assert not layer._slice.image.raw.any(), "the preview was there before the run"
    shift(viewer, "G")
    assert "changes" not in viewer.layers
    assert not dock.propagate.show_changes.isChecked()


def test_the_layer_may_be_removed_and_goes_with_the_session(
    viewer, dock, controller, corrected, image, counted
):
    counted("10 of 11 frames changed")
    dock.propagate.show_changes.click()
    viewer.layers.remove("changes")
    assert not dock.propagate.show_changes.isChecked()
    dock.propagate.show_changes.click()
    assert dock.propagate.show_changes.isChecked()
    viewer.layers.remove(image)
    assert len(viewer.layers) == 0
    assert controller.difference.text == ""


def test_the_changes_follow_what_is_undone_and_run(
    viewer, dock, controller, corrected, counted, idle, paint, qtbot
):
    counted("10 of 11 frames changed")
    press(viewer, "U")
    counted("")
    press(viewer, "Y")
    counted("10 of 11 frames changed")
    dock.propagate.show_changes.click()
    controller.navigation.go_to(5)
    controller.view.use_brush()
    paint((5, 5, 5))
    idle()
    controller.propagate()
    idle()
    counted("6 of 7 frames changed")
    controller.navigation.go_to(6)
    layer = viewer.layers["changes"]
    qtbot.waitUntil(lambda: layer._slice.image.raw[5, 5] == Change.GAINED, timeout=5000)


def test_the_timeline_marks_the_changed_frames(dock, controller, corrected, counted, qtbot):
    counted("10 of 11 frames changed")
    strip = dock.timeline.strip
    qtbot.waitUntil(lambda: len(strip.content.changed) == 10, timeout=30_000)
    assert dock.timeline.text.text().startswith("10 of 11 frames changed.")
    # A layout that was due is carried out by the first, which still has the old size.
    strip.grab()
    picture = strip.grab().toImage()
    columns = [round(strip.place_of(frame + 0.3)) for frame in range(FRAMES)]
    heads = [{picture.pixelColor(x, y).name() for y in range(14)} for x in columns]
    marked = [frame for frame, head in enumerate(heads) if "#cc79a7" in head]
    assert marked == list(controller.difference.frames)
    assert "changed" in strip._describe(9, 20)
    assert "changed" not in strip._describe(8, 20)
    assert stretches(()) == []
    assert stretches((1, 2, 3, 7)) == [(1, 4), (7, 8)]


# --- rejecting ------------------------------------------------------------------------------------


def test_one_key_takes_the_run_back_and_keeps_the_strokes(
    viewer, controller, corrected, counted, said, idle
):
    after = masks(controller)
    controller.undo()
    before = masks(controller)
    controller.redo()
    shift(viewer, "U")
    np.testing.assert_array_equal(masks(controller), before)
    assert len(controller.session.strokes()) == 2
    assert controller.session.pending_frames == (8,)
    assert said[-1].startswith("Rejected: 11 frames are as before")
    counted("")
    press(viewer, "U")
    np.testing.assert_array_equal(masks(controller), after)
    counted("10 of 11 frames changed")
    shift(viewer, "U")
    press(viewer, "G")
    idle()
    np.testing.assert_array_equal(masks(controller), after)


def test_strokes_drawn_since_stay(dock, viewer, controller, corrected, paint, idle, counted):
    counted("10 of 11 frames changed")
    paint((4, 5, 5))
    idle()
    dock.propagate.reject.click()
    assert len(controller.session.strokes()) == 3
    assert controller.session.masks[4][5, 5] == 1
    assert controller.session.masks[10][30, 40] == 0
    assert controller.view.masks._slice.image.raw[30, 40] == controller.session.masks[0][30, 40]


def test_several_frames_propagated_with_one_key_go_back_with_one(
    viewer, controller, paint, idle, counted
):
    paint((2, 20, 10))
    paint((9, 30, 40))
    idle()
    before = masks(controller)
    press(viewer, "G")
    idle()
    assert controller.session.rounds == 2
    counted("10 of 12 frames changed")
    shift(viewer, "U")
    np.testing.assert_array_equal(masks(controller), before)
    assert controller.session.pending_frames == (2, 9)
    press(viewer, "U")
    assert masks(controller)[5].any()


def test_a_run_that_goes_on_is_stopped_and_taken_back(
    qtbot, viewer, controller, paint, idle, engine, said
):
    paint((0, 20, 10))
    idle()
    engine.hold_frames(after=3)
    controller.propagate()
    qtbot.waitUntil(lambda: "of 4 frames changed" in controller.difference.text, timeout=30_000)
    shift(viewer, "U")
    engine.frames.release(100)
    idle()
    assert [t for t in range(FRAMES) if controller.session.masks[t].any()] == [0]
    assert said[-1].startswith("Rejected")


def test_another_session_begins_with_nothing_to_reject(controller, corrected, counted, image):
    counted("10 of 11 frames changed")
    controller.start(image, "flow")
    assert controller.propagation.runs == 0
    counted("")
