"""The table of objects and the curve of areas, with real mouse and key events."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit

from napari_ivos.gui._colours import BRIGHT, colormap, object_colours, shown_colour
from napari_ivos.gui._curve import AreaCurve
from napari_ivos.gui._object_model import Column, ObjectModel
from napari_ivos.gui._object_table import ObjectTable
from napari_ivos.session import SessionObject

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


def cell(table, row, column):
    table.scrollTo(table.objects.index(row, column))
    return table.visualRect(table.objects.index(row, column)).center()


def click(table, row, column, keys=Qt.KeyboardModifier.NoModifier):
    QTest.mouseClick(table.viewport(), LEFT, keys, cell(table, row, column))


# --- the widgets by themselves -------------------------------------------------------------------


@pytest.fixture
def renamed():
    return []


@pytest.fixture
def table(qtbot, renamed):
    made = ObjectTable(ObjectModel(lambda *values: renamed.append(values)))
    qtbot.addWidget(made)
    made.resize(280, 136)
    made.objects.show_objects(
        tuple(SessionObject(7 * i, f"cell {i}", locked=i == 2) for i in range(1, 201)), BRIGHT
    )
    made.show()
    qtbot.waitExposed(made)
    return made


def test_of_two_hundred_objects_only_those_in_sight_are_asked_for(table, monkeypatch, qtbot):
    asked = set()
    data = ObjectModel.data

    def counted(self, index, *role):
        asked.add(index.row())
        return data(self, index, *role)

    monkeypatch.setattr(ObjectModel, "data", counted)
    table.objects.show_objects(tuple(SessionObject(i, str(i)) for i in range(1, 201)), BRIGHT)
    table.grab()
    assert 3 <= len(asked) <= 10
    asked.clear()
    click(table, 150, Column.NAME)
    table.grab()
    assert table.selected == (151,)
    assert 150 in asked
    assert len(asked) <= 20


def test_rows_are_chosen_one_or_several(table, qtbot):
    chosen = []
    table.chosen.connect(chosen.append)
    click(table, 1, Column.NAME)
    click(table, 3, Column.ID, CONTROL)
    assert (table.selected, chosen[-1]) == ((14, 28), 28)
    click(table, 3, Column.NAME, CONTROL)
    assert (table.selected, chosen[-1]) == ((14,), 14), "the current one is always selected"
    click(table, 3, Column.NAME, CONTROL)
    click(table, 1, Column.NAME, CONTROL)
    click(table, 3, Column.NAME, CONTROL)
    assert len(table.selected) == 1, "nor is there ever none"
    table.show_current(70)
    assert table.selected == (70,)


def test_eye_and_padlock_select_nothing(table):
    click(table, 1, Column.NAME)
    eyes, locks = [], []
    table.eye_clicked.connect(eyes.append)
    table.lock_clicked.connect(locks.append)
    click(table, 2, Column.EYE)
    click(table, 2, Column.LOCK)
    QTest.mouseDClick(table.viewport(), LEFT, pos=cell(table, 2, Column.EYE))
    assert (eyes, locks, table.selected) == ([21, 21], [21], (14,))


def test_a_name_is_typed_into_the_table(table, renamed, qtbot):
    click(table, 1, Column.NAME)
    QTest.mouseDClick(table.viewport(), LEFT, pos=cell(table, 1, Column.NAME))
    editor = table.findChild(QLineEdit)
    assert editor.text() == "cell 2"
    editor.selectAll()
    QTest.keyClicks(editor, "nucleus")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: renamed == [(14, "nucleus")])
    for text in ("cell 2", "   "):
        assert not table.objects.setData(table.objects.index(1, Column.NAME), text)
    assert len(renamed) == 1


def test_what_a_glyph_says_is_said_in_words_too(table):
    words = [
        table.objects.index(1, column).data(Qt.ItemDataRole.AccessibleTextRole) for column in Column
    ]
    assert words == ["14", "cell 2", "", "shown", "locked"]


@pytest.fixture
def curve(qtbot):
    made = AreaCurve()
    qtbot.addWidget(made)
    made.resize(240, 58)
    made.show()
    return made


def test_a_click_in_the_curve_seeks_and_so_does_a_drag(curve):
    sought = []
    curve.sought.connect(sought.append)
    QTest.mouseClick(curve, LEFT, pos=QPoint(100, 30))
    assert sought == [], "there is nothing yet"
    curve.show_areas(np.arange(24.0), "Area", (255, 0, 0))
    place = [QPoint(round(curve.place_of(frame)), 30) for frame in (7, 12)]
    QTest.mousePress(curve, LEFT, pos=place[0])
    QTest.mouseMove(curve, place[1])
    QTest.mouseRelease(curve, LEFT, pos=place[1])
    QTest.mouseClick(curve, LEFT, pos=QPoint(239, 30))
    assert (sought[0], sought[-1]) == (7, 23)
    assert 12 in sought


@pytest.mark.parametrize("length", [24, 10_000])
def test_the_curve_is_high_where_the_object_is_large_and_leaves_out_the_unknown(curve, length):
    areas = np.full(length, 100.0)
    areas[length // 2] = 1000
    areas[: length // 4] = np.nan
    curve.show_areas(areas, "Area", (255, 0, 0))
    picture = curve.grab().toImage()
    ground = picture.pixelColor(10, 50)

    def top(x):
        return next((y for y in range(14, 58) if picture.pixelColor(x, y) != ground), None)

    peak = round(curve.place_of(length // 2))
    assert min(top(x) for x in range(peak - 1, peak + 2)) < 20
    assert top(80) > 45
    assert top(30) is None


# --- in the dock ---------------------------------------------------------------------------------


@pytest.fixture
def panel(dock, qtbot):
    """The panel of a session with three squares of 10 × 10 pixels on all frames."""
    labels = np.zeros((40, 60), int)
    for number in range(3):
        labels[5:15, 5 + 15 * number : 15 + 15 * number] = number + 1
    for frame in range(12):
        dock.controller.session.add_mask(frame, labels, lock=False)
    dock.controller.select(1)
    here = dock.objects.model.index(0, Column.HERE)
    qtbot.waitUntil(lambda: here.data() == "100", timeout=30_000)
    return dock.objects


def shown_alpha(controller, object_id):
    return controller.view.masks.colormap.map(np.array([object_id], np.uint16))[0, 3]


def choose(menu, text):
    (action,) = (action for action in menu.actions() if action.text().startswith(text))
    assert action.toolTip()
    action.trigger()
    menu.close()


def test_the_eye_hides_an_object_and_no_mask(panel, controller):
    before = controller.session.masks[0].copy()
    click(panel.table, 1, Column.EYE)
    assert [item.visible for item in controller.session.objects] == [True, False, True]
    assert [shown_alpha(controller, i) for i in (1, 2, 3)] == [1, 0, 1]
    np.testing.assert_array_equal(controller.session.masks[0], before)
    assert panel.table.selected == (1,)
    controller.undo()
    assert shown_alpha(controller, 2) == 1
    click(panel.table, 1, Column.LOCK)
    assert controller.session.objects[1].locked


def test_a_stroke_on_a_locked_object_is_told_to_change_nothing(controller, paint, said):
    (only,) = controller.session.objects
    controller.session.lock_object(only.id)
    paint((0, 30, 30), (0, 30, 40))
    assert said[-1] == f"{only.name} is locked, so no stroke changes its masks. Unlock it first."


def test_selected_objects_are_merged_and_deleted(panel, controller, dock, qtbot, said):
    assert not panel.merge.isEnabled()
    click(panel.table, 1, Column.NAME)
    click(panel.table, 2, Column.NAME, CONTROL)
    assert panel.merge.toolTip() == "Merge 3 into 2"
    qtbot.mouseClick(panel.merge, LEFT)
    choose(panel.menu, "everywhere")
    assert [item.id for item in controller.session.objects] == [1, 2]
    assert controller.selected == 2
    here = panel.model.index(1, Column.HERE)
    qtbot.waitUntil(lambda: panel.curve.areas.tolist() == [200] * 12, timeout=30_000)
    assert here.data() == "200"
    dock.timeline.strip.select((4, 7))
    qtbot.mouseClick(panel.delete, LEFT)
    choose(panel.menu, "on frames 4 to 6")
    qtbot.waitUntil(lambda: panel.curve.areas.tolist() == [200] * 4 + [0] * 3 + [200] * 5)
    click(panel.table, 1, Column.LOCK)
    qtbot.mouseClick(panel.delete, LEFT)
    choose(panel.menu, "everywhere")
    assert "Object 2 ('object 2') is locked" in said[-1]


def test_an_object_divides_on_the_displayed_frame(panel, controller, qtbot, said):
    assert not panel.divide.isEnabled(), "nothing divides on the first frame"
    place = QPoint(round(panel.curve.place_of(8)), 40)
    QTest.mouseClick(panel.curve, LEFT, pos=place)
    assert controller.navigation.frame == 8
    qtbot.mouseClick(panel.divide, LEFT)
    assert [(o.id, o.parent) for o in controller.session.objects][3:] == [(4, 1), (5, 1)]
    assert controller.selected == 4
    assert "The daughters 4 and 5 share the mask" in said[-1]
    shown = controller.view.masks._slice.image.raw
    assert [np.count_nonzero(shown == number) for number in (1, 4, 5)] == [0, 50, 50]
    assert controller.session.undo_text == "division of object 1 on frame 8"
    assert "Daughter of object 1" in panel.model.index(3, Column.NAME).data(
        Qt.ItemDataRole.ToolTipRole
    )
    here = panel.model.index(0, Column.HERE)
    qtbot.waitUntil(lambda: here.data() == "–", timeout=30_000)
    controller.navigation.go_to(7)
    assert here.data() == "100"


def test_the_context_menu_has_it_all(panel, controller):
    click(panel.table, 2, Column.NAME)
    place = cell(panel.table, 2, Column.NAME)
    panel.table.customContextMenuRequested.emit(place)
    choose(panel.menu, "Hide all others")
    assert [item.visible for item in controller.session.objects] == [False, False, True]
    assert controller.session.undo_text == "hide objects 1, 2"
    panel.table.customContextMenuRequested.emit(place)
    choose(panel.menu, "Show all")
    panel.table.customContextMenuRequested.emit(place)
    texts = [action.text() for action in panel.menu.actions()]
    assert texts[:5] == ["Rename", "Hide", "Hide all others", "Show all", "Lock"]
    panel.menu.close()
    assert all(item.visible for item in controller.session.objects)


def test_hidden_objects_above_255_hide_nobody_else():
    ids = np.array([3, 258, 700, 190, 445, 40_000], np.uint16)
    objects = [SessionObject(i, "", visible=i not in (3, 700)) for i in ids.tolist()]
    colours = colormap(objects)
    assert colours.map(ids)[:, 3].tolist() == [0, 1, 0, 1, 1, 1]
    plain = colormap(objects, hide=False)
    np.testing.assert_array_equal(colours.map(ids)[[1, 3, 4, 5]], plain.map(ids)[[1, 3, 4, 5]])
    assert (plain.map(ids)[:, 3] == 1).all()


def test_daughters_look_like_their_parents_and_unlike_each_other():
    objects = [SessionObject(1, ""), *(SessionObject(i, "", parent=1) for i in (2, 3))]
    objects += [SessionObject(300, "", parent=2), SessionObject(301, "", parent=2)]
    red, *daughters = (np.array(shown_colour(i, objects), int) for i in (1, 2, 3, 300, 301))
    own = [np.array(shown_colour(i), int) for i in (2, 3, 300, 301)]
    assert tuple(red) == shown_colour(1)
    for daughter, plain, parent in zip(daughters, own, (red, red, *daughters[:1] * 2), strict=True):
        assert abs(daughter - parent).sum() < abs(plain - parent).sum()
    assert len({tuple(colour) for colour in (red, *daughters)}) == 5
    assert shown_colour(45, objects) == shown_colour(45), "not the row of 300"
    assert shown_colour(65_535, objects) == (255, 255, 255), "the brush for the background"
    looped = [SessionObject(1, "", parent=2), SessionObject(2, "", parent=1)]
    assert object_colours(looped).shape == (255, 3), "whatever a file says of parents"
