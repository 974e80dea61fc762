"""Previews while frames are computed, computing at once, and how far a propagation goes."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_ivos.errors import EngineError
from napari_ivos.gui._pace import Pace, spell
from napari_ivos.gui._player import press

FRAMES = 12


def masked(controller):
    return [t for t in range(FRAMES) if controller.session.masks[t].any()]


@pytest.fixture
def held_run(qtbot, controller, engine, paint, idle):
    """A propagation from frame 0 that has done 4 of its frames and waits for the next."""
    paint((0, 20, 10), (0, 20, 20))
    idle()
    engine.hold_frames(after=3)
    controller.propagate()
    qtbot.waitUntil(lambda: 3 in masked(controller), timeout=30_000)


# --- live preview ---------------------------------------------------------------------------------


def test_a_stroke_is_previewed_while_other_frames_are_computed(
    qtbot, controller, held_run, engine, paint, idle
):
    counts = []
    controller.progressed.connect(lambda done, total: counts.append((done, total)))
    paint((10, 30, 40))
    engine.frames.release(1)
    qtbot.waitUntil(lambda: 10 in masked(controller), timeout=30_000)
    assert controller.jobs.kind == "propagation", "it goes on"
    assert masked(controller) == [0, 1, 2, 3, 4, 10]
    paint((10, 35, 40))
    engine.frames.release(1)
    qtbot.waitUntil(lambda: controller.session.masks[10][35, 40] == 1, timeout=30_000)
    engine.frames.release(100)
    idle()
    assert masked(controller) == list(range(FRAMES))
    assert counts == [(n, FRAMES) for n in range(5, FRAMES + 1)], "previews are no frames of it"
    assert controller.session.pending_frames == (10,)
    controller.undo()
    assert controller.session.masks[10][35, 40] == 0
    assert controller.session.masks[10][30, 40] == 1


def test_a_preview_that_fails_does_not_end_the_propagation(
    qtbot, controller, held_run, engine, paint, idle, said
):
    engine.failure = EngineError("This stroke is too hard.")
    paint((10, 30, 40))
    engine.frames.release(100)
    idle()
    assert said == ["This stroke is too hard."]
    assert masked(controller) == [t for t in range(FRAMES) if t != 10]


def test_a_stroke_at_the_very_end_is_previewed_after_it(
    qtbot, controller, held_run, engine, paint, idle
):
    engine.frames.release(7)
    qtbot.waitUntil(lambda: 10 in masked(controller), timeout=30_000)
    paint((5, 30, 40))
    engine.frames.release(100)
    idle()
    assert controller.session.masks[5][30, 40] == 1


def test_undoing_a_stroke_drops_its_preview(controller, held_run, engine, paint, idle, said):
    paint((10, 30, 40))
    controller.undo()
    engine.frames.release(100)
    idle()
    assert not controller.session.masks[10][30, 40]
    assert said == ["Undone: stroke on frame 10."]


# --- compute at once ------------------------------------------------------------------------------


def test_several_strokes_and_then_compute_or_at_once(dock, controller, engine, paint, idle):
    paint((2, 20, 10))
    idle()
    assert masked(controller) == [2]
    # A check box is struck at its box, wherever its text ends.
    dock.propagate.at_once.click()
    assert controller.propagation.at_once
    paint((4, 30, 40))
    idle()
    assert masked(controller) == list(range(FRAMES))
    assert controller.session.pending_frames == ()
    dock.propagate.at_once.click()
    paint((9, 5, 5))
    idle()
    assert controller.session.pending_frames == (9,)


def test_at_once_begins_again_with_the_new_stroke(qtbot, controller, held_run, engine, paint, idle):
    controller.propagation.at_once = True
    paint((10, 30, 40))
    engine.frames.release(100)
    idle()
    assert masked(controller) == list(range(FRAMES))
    propagated = [r.frame for r in engine.requests if hasattr(r, "forward")]
    assert propagated == [0, 10, 0], "what was cut off is done as well"
    assert controller.session.masks[11][30, 40] == 1
    assert controller.session.pending_frames == ()


def test_stopping_is_stopping_also_at_once(viewer, controller, held_run, engine, paint, idle):
    controller.propagation.at_once = True
    press(viewer, "H")
    engine.frames.release(100)
    idle()
    assert len(masked(controller)) <= 5


# --- how far --------------------------------------------------------------------------------------


def choose(dock, value):
    combo = dock.propagate.direction
    combo.setCurrentIndex(combo.findData(value))


def test_the_key_goes_as_far_as_is_chosen(viewer, dock, controller, paint, idle):
    paint((4, 20, 10))
    idle()
    choose(dock, "forward")
    press(viewer, "G")
    idle()
    assert masked(controller) == list(range(4, FRAMES))


def test_up_to_trusted_frames_only(viewer, dock, controller, paint, idle, said):
    paint((4, 20, 10))
    idle()
    choose(dock, "trusted")
    press(viewer, "G")
    assert "no trusted frame" in said[-1]
    controller.accept_range(8, 9)
    press(viewer, "G")
    idle()
    assert masked(controller) == [4, 5, 6, 7]


def test_frames_selected_in_the_timeline(viewer, dock, controller, paint, idle, said, qtbot):
    paint((4, 20, 10))
    idle()
    choose(dock, "selected")
    press(viewer, "G")
    assert "No frames are selected" in said[-1]
    strip = dock.timeline.strip
    dock.timeline._refresh()
    left, right = (round(strip.place_of(frame + 0.5)) for frame in (6, 8))
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(left, 20))
    qtbot.mouseMove(strip, QPoint(right, 20))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(right, 20))
    press(viewer, "G")
    idle()
    assert masked(controller) == [4, 6, 7, 8]


# --- time left ------------------------------------------------------------------------------------


def test_the_time_left_is_steady():
    now = [0.0]
    pace = Pace(lambda: now[0])
    pace.begin()
    told = []
    # Loading takes 30 s, a frame one second, and a preview comes between: 9 s.
    for frame, took in enumerate([30, 1, 1.1, 0.9, 1, 9, 1, 1, 1.05, 0.95], start=1):
        now[0] += took
        pace.frame_done()
        told.append(pace.left(100 - frame))
    assert told[:3] == [None] * 3
    np.testing.assert_allclose(told[3:], np.arange(96, 89, -1), rtol=0.06)
    pace.begin()
    assert pace.left(10) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (8.6, "9 s"), (33, "35 s"), (59, "1:00 min"), (83, "1:20 min"), (740, "12 min")],
)
def test_times_are_spelled_coarsely(seconds, words):
    assert spell(seconds) == words


def test_the_bar_tells_the_time_left(dock, controller, held_run, engine, qtbot, idle):
    engine.frames.release(2)
    qtbot.waitUntil(lambda: 5 in masked(controller), timeout=30_000)
    dock.propagate._drawn = 0
    engine.frames.release(1)
    qtbot.waitUntil(lambda: "left" in dock.propagate.bar.text(), timeout=30_000)
    assert dock.propagate.bar.text().startswith(f"7 of {FRAMES} frames")
    engine.frames.release(100)
    idle()
