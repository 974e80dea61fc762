"""The grid of frames to choose from."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QShortcut
from qtpy.QtTest import QTest

from napari_ivos.gui._colours import shown_colour
from napari_ivos.gui._layers import MASK_OPACITY, overlay
from napari_ivos.scribbles import make_stroke


@pytest.fixture
def grid(dock):
    return dock.guidance.grid


@pytest.fixture
def propagated(controller, paint, idle):
    """One round from frame 0: the further off, the less reliable."""
    paint((0, 20, 10), (0, 20, 30))
    idle()
    controller.propagate()
    idle()


def captions(grid):
    return [cell.text() for cell in grid.cells if not cell.isHidden()]


def letters_bound(viewer):
    """The keys of the whole window that are a letter alone."""
    found = viewer.window._qt_window.findChildren(QShortcut)
    return {k.key().toString(): k for k in found if k.isEnabled() and len(k.key().toString()) == 1}


def pixels(cell):
    """Give the (40, 60, 3) pixels of a cell's picture."""
    image = cell.icon().pixmap(60, 40).toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    rgba = np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint8)
    return rgba.reshape(40, 60, 4)[..., :3].copy()


def test_before_a_run_it_says_what_to_do(dock, grid, viewer):
    dock.guidance.candidates.click()
    assert grid.isVisible()
    assert grid.nothing.isVisible()
    assert "propagate" in grid.nothing.text()
    assert captions(grid) == []
    dock.guidance.candidates.click()
    assert not grid.isVisible()


def test_four_frames_in_order_of_time_under_their_masks(
    dock, grid, controller, image, propagated, idle
):
    dock.guidance.candidates.click()
    idle()
    assert grid.nothing.isHidden()
    assert captions(grid) == [
        "A: frame 5 · 95 %",
        "B: frame 7 · 93 %",
        "C: frame 9 · 91 %",
        "D: frame 11 · 89 %",
    ]
    shown = pixels(grid.cells[1])
    expected = overlay(image.data[7], controller.session.masks[7], 60)
    assert np.abs(shown.astype(int) - expected).mean() < 10
    there = controller.session.masks[7] > 0
    assert np.abs(shown.astype(int) - image.data[7])[there].mean() > 10, "no mask in it"


def test_a_click_goes_there(dock, grid, controller, propagated):
    dock.guidance.candidates.click()
    grid.cells[2].click()
    assert controller.navigation.frame == 9
    assert grid.isVisible()


def test_pictures_follow_the_size_of_the_window(dock, grid, propagated):
    dock.guidance.candidates.click()
    assert grid.height() == pytest.approx(grid.width() * 40 / 60 + 64, abs=1)
    for width, height in ((900, 700), (300, 260)):
        grid.resize(width, height)
        assert (grid.width(), grid.height()) == (width, height)
        picture = grid.cells[0].iconSize()
        assert width / 2 - 40 < picture.width() < width / 2
        assert height / 2 - 60 < picture.height() < height / 2


def test_a_short_video_has_fewer(viewer, open_dock, qtbot):
    viewer.add_image(np.zeros((3, 40, 60), np.uint8), name="short")
    dock = open_dock()
    controller = dock.controller
    controller.add_strokes([make_stroke(0, 1, [[5, 5]], 2)])
    controller.propagate()
    qtbot.waitUntil(lambda: controller.jobs.kind is None)
    dock.guidance.candidates.click()
    assert [text[:10] for text in captions(dock.guidance.grid)] == [
        "A: frame 0",
        "B: frame 1",
        "C: frame 2",
    ]
    letters_bound(viewer)["D"].activated.emit()
    assert controller.navigation.frame == 1, "the middle, where napari begins"


def test_it_follows_the_rounds(dock, grid, controller, engine, propagated, paint, idle):
    dock.guidance.candidates.click()
    idle()
    before = pixels(grid.cells[3])
    paint((11, 5, 50))
    idle()
    assert captions(grid)[3] == "D: frame 10 · 90 %", "frame 11 has a preview now"
    engine.hold_frames(after=2)
    controller.propagate()
    assert len(captions(grid)) == 4
    engine.frames.release(100)
    idle()
    assert captions(grid)[0] == "A: frame 1 · 90 %"
    assert (pixels(grid.cells[3]) != before).any()
    controller.undo()
    idle()
    assert captions(grid)[3] == "D: frame 10 · 90 %"


def test_the_end_of_the_session_empties_it(viewer, dock, grid, image, propagated):
    dock.guidance.candidates.click()
    viewer.layers.remove(image)
    assert captions(grid) == []
    assert grid.nothing.isVisible()


def test_letters_are_keys_of_the_window_while_it_is_open(dock, grid, viewer, propagated):
    assert not letters_bound(viewer)
    dock.guidance.candidates.click()
    assert list(letters_bound(viewer)) == ["A", "B", "C", "D"]
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    assert not grid.isVisible()
    assert not letters_bound(viewer)


def test_it_goes_with_the_dock(qtbot, viewer, dock, grid, propagated):
    dock.guidance.candidates.click()
    with qtbot.waitSignals([dock.destroyed, grid.destroyed]):
        viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: not letters_bound(viewer))


def test_overlay_is_scaled_and_shows_every_object():
    frame = np.full((60, 100, 3), 100, np.uint8)
    mask = np.zeros((60, 100), np.uint16)
    mask[:, 50:], mask[40:, :20] = 1, 300
    small = overlay(frame, mask, 50)
    assert small.shape == (30, 50, 3)
    for (y, x), label in {(5, 40): 1, (25, 5): 300}.items():
        mixed = (1 - MASK_OPACITY) * 100 + MASK_OPACITY * np.array(shown_colour(label))
        np.testing.assert_allclose(small[y, x], mixed, atol=1)
    assert (small[5, 5] == 100).all()
    assert (frame == 100).all(), "the video's own pixels were changed"
    assert overlay(frame, mask, 1000).shape == (600, 1000, 3)


def test_a_candidate_alone_takes_the_room_of_one(dock, grid, controller, paint, idle):
    dock.guidance.candidates.click()
    four = grid.size()
    paint((0, 20, 10), (0, 20, 30))
    idle()
    assert len(captions(grid)) == 1
    assert grid.width() == four.width() // 2
    assert grid.height() == pytest.approx(four.height() / 2, abs=1)
    controller.propagate()
    idle()
    assert grid.width() // 2 == four.width() // 2
    assert grid.height() == pytest.approx(four.height(), abs=1)
