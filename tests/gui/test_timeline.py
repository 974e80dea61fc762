"""The timeline: painted states, seeking and selecting with the mouse, actions on a range."""

import itertools

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_ivos.gui._strip import Strip
from napari_ivos.gui._strip_picture import picture
from napari_ivos.session import Status


@pytest.fixture
def timeline(dock, qtbot):
    made = dock.timeline
    qtbot.waitUntil(lambda: made.strip.length == 12, timeout=30_000)
    return made


@pytest.fixture
def strip(timeline):
    return timeline.strip


@pytest.fixture
def propagated(controller, paint, idle):
    paint((4, 20, 10), (4, 20, 30))
    idle()
    controller.propagate()
    idle()


def at(strip, frame, row=0):
    return QPoint(round(strip.place_of(frame + 0.5)), 14 + 14 * row + 5)


def letters(strip):
    return "".join("_.mha"[s] for s in strip.content.status[0])


def drag(strip, first, last):
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=at(strip, first))
    QTest.mouseMove(strip, at(strip, last))
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=at(strip, last))


def test_it_follows_the_session(strip, propagated, controller, qtbot):
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmmmmmmm", timeout=30_000)
    assert strip.content.recommended
    controller.navigation.go_to(9)
    controller.accept()
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmmmmamm", timeout=30_000)
    controller.undo()
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmmmmmmm", timeout=30_000)


def test_a_click_goes_to_the_frame_and_selects_the_object(strip, controller, qtbot):
    controller.add_object()
    qtbot.waitUntil(lambda: len(strip.content.ids) == 2, timeout=30_000)
    assert controller.selected == 2
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at(strip, 7))
    assert controller.navigation.frame == 7
    assert controller.selected == 1
    assert strip.selection is None
    assert strip.frame == 7


def test_a_drag_selects_frames_to_accept(timeline, strip, propagated, controller, qtbot):
    assert not timeline.accept.isEnabled()
    drag(strip, 6, 9)
    assert strip.selection == (6, 10)
    assert timeline.text.text() == "Frames 6 to 9 are selected."
    qtbot.mouseClick(timeline.accept, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmaaaamm", timeout=30_000)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at(strip, 1))
    assert not timeline.accept.isEnabled()


def test_an_object_is_marked_absent_on_the_selected_frames(
    timeline, strip, propagated, controller, qtbot
):
    drag(strip, 11, 10)
    qtbot.mouseClick(timeline.absent, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmmmmm..", timeout=30_000)
    assert not controller.session.masks[10].any()
    assert controller.session.masks[9].any()


def test_a_range_is_run_again_and_nothing_else(
    timeline, strip, propagated, controller, engine, idle, qtbot
):
    drag(strip, 6, 8)
    before = dict(controller.session._history.frames)
    qtbot.mouseClick(timeline.again, Qt.MouseButton.LeftButton)
    idle()
    after = controller.session._history.frames
    # And the annotated frame that it starts from.
    assert [t for t in range(12) if after[t] is not before[t]] == [4, 6, 7, 8]


def test_nothing_is_painted_anew_unless_there_is_news(
    timeline, strip, propagated, controller, qtbot
):
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmmmmmmm", timeout=30_000)
    qtbot.waitUntil(lambda: len(strip.content.changed) == 11, timeout=30_000)
    qtbot.waitUntil(lambda: not timeline._soon.isActive(), timeout=30_000)
    before = strip.content
    controller.navigation.go_to(9)
    assert strip.frame == 9
    assert not timeline._soon.isActive(), "another frame only moves the mark"
    controller.toggle_background()
    assert timeline._soon.isActive()
    qtbot.waitUntil(lambda: not timeline._soon.isActive(), timeout=30_000)
    assert strip.content is before
    controller.accept()
    # The objects panel may have brought the overview up to date before the strip shows it.
    qtbot.waitUntil(lambda: strip.content is not before, timeout=30_000)
    assert letters(strip) == "mmmmhmmmmamm"


def test_the_next_frame_nobody_has_looked_at(strip, propagated, controller, viewer, qtbot):
    qtbot.waitUntil(lambda: letters(strip) == "mmmmhmmmmmmm", timeout=30_000)
    controller.navigation.go_to(3)
    controller.navigation.go_to_unreviewed()
    assert controller.navigation.frame == 5


def test_colours_tell_the_states_apart_and_doubt_from_trust():
    status = np.array([[Status.UNSEEN, Status.ABSENT, Status.MODEL, Status.MODEL, Status.MODEL,
                        Status.HUMAN, Status.ACCEPTED]], np.uint8)  # fmt: skip
    scores = np.array([[np.nan, np.nan, 0, 1, np.nan, 1, 1]], np.float32)
    made = picture(status, scores, 700)
    colours = [made.pixelColor(x, 0).getRgb()[:3] for x in range(7)]
    assert len(set(colours)) == 7
    doubtful, sure = colours[2], colours[3]
    assert doubtful[0] > doubtful[2]
    assert sure[2] > sure[0]


def test_states_differ_in_form_as_well_for_those_who_see_no_colours():
    status = np.array([[Status.UNSEEN, Status.ABSENT, Status.MODEL, Status.MODEL, Status.MODEL,
                        Status.HUMAN, Status.ACCEPTED]] * 3, np.uint8)  # fmt: skip
    scores = np.array([[np.nan, np.nan, 0, 1, np.nan, 1, 1]] * 3, np.float32)
    made = picture(status, scores, 700, row=14)
    assert (made.width(), made.height()) == (7, 42)

    def form(column, row):
        lines = [made.pixelColor(column, y).rgb() for y in range(14 * row, 14 * row + 13)]
        # Where the colour changes on the way down, whatever the colours are.
        return tuple(a != b for a, b in itertools.pairwise(lines))

    # A mask that is fully trusted is as plain as what was never looked at, but not as dark.
    columns = [form(x, 0) for x in (1, 2, 3, 4, 5, 6)]
    assert len(set(columns)) == 6
    assert [form(x, 2) for x in (1, 2, 3, 4, 5, 6)] == columns
    assert made.pixelColor(3, 5).lightness() > made.pixelColor(0, 5).lightness() + 40


def test_a_long_video_shows_its_least_reliable_frame():
    scores = np.ones((200, 10_000), np.float32)
    scores[7, 5000] = 0
    status = np.full((200, 10_000), Status.MODEL, np.uint8)
    made = picture(status, scores, 500)
    assert (made.width(), made.height()) == (500, 200)
    assert made.pixelColor(250, 7) != made.pixelColor(249, 7)
    assert made.pixelColor(249, 7) == made.pixelColor(251, 7)
    # The others on that frame are as they were: each row is of its own object.
    assert made.pixelColor(250, 8) == made.pixelColor(249, 8)


def test_an_empty_strip_has_nothing_to_click(qtbot):
    strip = Strip()
    qtbot.addWidget(strip)
    strip.show()
    with qtbot.assertNotEmitted(strip.sought, wait=50):
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(50, 20))


def test_it_goes_with_the_dock(viewer, dock, qtbot):
    names = [dw.name for dw in viewer.window._wrapped_dock_widgets.values()]
    assert "Timeline" in names
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(
        lambda: "Timeline" not in [dw.name for dw in viewer.window._wrapped_dock_widgets.values()],
        timeout=30_000,
    )


def test_the_dock_can_close_after_the_timeline_was_closed(viewer, dock):
    viewer.window.remove_dock_widget(dock.timeline)
    viewer.window.remove_dock_widget(dock)
