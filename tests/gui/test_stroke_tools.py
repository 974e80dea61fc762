"""Both mouse buttons, the eraser, lasso and polygon: with a real mouse."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_ivos.gui._brush import BrushPath
from napari_ivos.gui._eraser import touched
from napari_ivos.gui._player import canvas_point, click, drag, press
from napari_ivos.scribbles import make_stroke
from napari_ivos.scribbles.layers import BACKGROUND_LABEL

RIGHT = Qt.MouseButton.RightButton
NO_KEYS = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def mouse(viewer, controller, qtbot):
    """Drag the mouse over the canvas along points (y, x) of the active layer."""
    viewer.window._qt_window.resize(1000, 700)
    viewer.reset_view()
    controller.view.strokes.brush_size = 5

    def mouse(path, button=Qt.MouseButton.LeftButton):
        layer = viewer.layers.selection.active
        for seconds in drag(viewer, layer, path, button):
            qtbot.wait(round(1000 * seconds))

    return mouse


@pytest.fixture
def strokes(qtbot, controller, idle):
    """Wait until there are so many strokes, and give them."""

    def strokes(count):
        qtbot.waitUntil(lambda: len(controller.session.strokes()) == count, timeout=30_000)
        idle()
        return controller.session.strokes()

    return strokes


def test_the_right_button_marks_the_background(viewer, controller, mouse, strokes):
    mouse([[20, 10], [20, 40]])
    strokes(1)
    zoom = viewer.camera.zoom if not hasattr(viewer, "scene") else viewer.scene.camera.zoom
    mouse([[20, 36], [20, 44]], RIGHT)
    positive, negative = strokes(2)
    assert (positive.object_id, negative.object_id) == (1, 0)
    np.testing.assert_allclose(negative.path[[0, -1]], [[20, 36], [20, 44]], atol=1)
    assert controller.session.masks[0][20, 38] == 0
    assert controller.session.masks[0][20, 20] == 1
    assert not controller.background, "what was chosen stays chosen"
    assert controller.view.strokes.selected_label == 1
    now = viewer.camera.zoom if not hasattr(viewer, "scene") else viewer.scene.camera.zoom
    assert now == zoom
    mouse([[30, 10], [30, 20]])
    assert strokes(3)[2].object_id == 1
    # Nothing of napari's "encircle and fill" goes on when the mouse moves without a button.
    assert not controller.view.strokes._overlays["brush_stroke"].active


def test_napari_has_its_right_button_in_other_layers_and_gets_it_back(viewer, controller, mouse):
    layer = controller.view.strokes
    other = viewer.add_labels(np.zeros((12, 40, 60), int), name="other")
    other.mode = "paint"
    assert other._overlays["brush_stroke"].enabled
    for mode in ("erase", "paint", "polygon", "paint"):
        layer.mode = mode
        assert not layer._overlays["brush_stroke"].enabled
    controller.view.use_mask_brush()
    assert controller.view.masks._overlays["brush_stroke"].enabled
    other.mode = "pan_zoom"
    path = BrushPath(other)
    other.mode = "paint"
    assert not other._overlays["brush_stroke"].enabled
    path.close()
    assert other._overlays["brush_stroke"].enabled
    assert path._follow not in other.mouse_drag_callbacks


def test_the_eraser_takes_strokes_away(dock, viewer, controller, mouse, strokes, idle):
    mouse([[10, 10], [10, 40]])
    strokes(1)
    mouse([[25, 10], [25, 40]])
    first, _ = strokes(2)
    assert controller.session.masks[0][25, 20] == 1
    click(dock.strokes.eraser)
    mouse([[22, 20], [28, 20]])
    assert strokes(1) == (first,)
    assert controller.session.masks[0][25, 20] == 0
    assert controller.session.masks[0][10, 20] == 1
    assert not controller.view.strokes._slice.image.raw[25].any(), "all of it, not what was touched"
    press(viewer, "U")
    strokes(2)
    assert controller.session.masks[0][25, 20] == 1
    mouse([[35, 5], [36, 9]])
    assert len(controller.session.strokes()) == 2, "nothing was there"


def test_the_last_stroke_of_a_frame_and_one_of_an_earlier_round(
    dock, viewer, controller, mouse, strokes, idle, said
):
    mouse([[10, 10], [10, 40]])
    strokes(1)
    press(viewer, "G")
    idle()
    controller.navigation.go_to(6)
    mouse([[30, 10], [30, 40]])
    strokes(2)
    press(viewer, "e")  # napari's own key
    mouse([[28, 20], [32, 20]])
    strokes(1)
    assert controller.session.masks[6][10, 20] == 1
    assert controller.session.masks[6][30, 20] == 0, "as it was before"
    controller.navigation.go_to(0)
    mouse([[8, 20], [12, 20]])
    strokes(0)
    assert not controller.session.masks[0].any()
    assert controller.session.masks[3].any(), "until it is computed anew"
    assert said == []


@pytest.mark.parametrize("tool", ["lasso", "polygon"])
def test_areas(dock, viewer, controller, mouse, strokes, qtbot, tool):
    click(getattr(dock.strokes, tool))
    layer = viewer.layers.selection.active
    corners = [[8, 10], [8, 40], [30, 40], [30, 10]]
    if tool == "lasso":
        sides = np.linspace(corners, np.roll(corners, -1, 0), 6)
        mouse(sides.transpose(1, 0, 2).reshape(-1, 2))
    else:
        canvas = viewer.window._qt_viewer.canvas.native
        for corner in corners:
            point = canvas_point(viewer, layer, corner)
            # Without a button, QTest moves the mouse over windows that are shown only.
            place, nothing = QPointF(point), Qt.MouseButton.NoButton
            move = QMouseEvent(QEvent.Type.MouseMove, place, place, nothing, nothing, NO_KEYS)
            QApplication.sendEvent(canvas, move)
            qtbot.wait(20)
            qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=point)
            qtbot.wait(20)
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=point)
    (stroke,) = strokes(1)
    assert stroke.filled
    assert controller.session.masks[0][9:29, 12:38].mean() > 0.97
    assert not controller.session.masks[0][:6].any()
    assert controller.view.strokes._slice.image.raw[20, 25] == 1, "shown as what it means"


def test_the_bucket_marks_an_area_of_the_layer_of_strokes(
    viewer, controller, mouse, strokes, idle, qtbot
):
    mouse([[10, 10], [10, 40], [30, 40], [30, 10], [10, 10]])
    (outline,) = strokes(1)
    controller.add_object()
    press(viewer, "f")  # napari's own key
    canvas = viewer.window._qt_viewer.canvas.native
    point = canvas_point(viewer, controller.view.strokes, [20, 25])
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEYS, point)
    qtbot.waitUntil(lambda: len(controller.session.strokes()) > 1, timeout=30_000)
    idle()
    first, *filled = controller.session.strokes()
    assert first is outline
    assert {s.object_id for s in filled} == {2}
    assert controller.session.masks[0][20, 25] == 2
    assert controller.session.masks[0][10, 25] == 1
    assert not controller.session.masks[0][:5].any()


def tools_in_use(dock):
    names = ("brush", "eraser", "paint", "lasso", "polygon", "shapes")
    return [name for name in names if getattr(dock.strokes, name).isChecked()]


def test_the_tool_in_use_is_to_be_seen(dock, viewer, controller, image):
    assert tools_in_use(dock) == ["brush"]
    for tool in ("eraser", "paint", "lasso", "polygon", "shapes", "brush"):
        for _ in range(2):  # once more changes nothing
            click(getattr(dock.strokes, tool))
            assert tools_in_use(dock) == [tool]
    for key, tool in (("e", ["eraser"]), ("z", []), ("p", ["brush"])):  # napari's own keys
        press(viewer, key)
        assert tools_in_use(dock) == tool, key
    viewer.layers.selection.active = controller.view.masks
    assert tools_in_use(dock) == ["paint"]
    press(viewer, "f")
    assert tools_in_use(dock) == ["paint"], "its fill bucket makes pixels a person's as well"
    viewer.layers.selection.active = image
    assert tools_in_use(dock) == []
    controller.view.masks.mode = "pan_zoom"
    viewer.layers.selection.active = controller.view.strokes
    assert tools_in_use(dock) == ["brush"]
    controller.end()
    assert tools_in_use(dock) == []


def test_the_button_of_the_tool_in_use_has_a_frame_that_any_eyes_see(dock, viewer, qtbot):
    def edge(one):
        """How far the left edge's lightness lies from the inside's, 0-255."""
        picture = one.grab().toImage()
        row = picture.height() // 2
        return abs(picture.pixelColor(0, row).lightness() - picture.pixelColor(4, row).lightness())

    before = viewer.theme
    try:
        for theme in ("dark", "light"):
            viewer.theme = theme
            dock.ensurePolished()
            assert edge(dock.strokes.brush) > 80, theme
            assert edge(dock.strokes.eraser) < 10, theme
    finally:
        viewer.theme = before


def test_only_strokes_that_are_seen_are_touched():
    below = make_stroke(0, 1, [[10, 5], [10, 30]], 2)
    above = make_stroke(0, 2, [[10, 15], [10, 20]], 4)
    far = make_stroke(0, 0, [[30, 5]], 2)
    erased = np.zeros((40, 60), bool)
    erased[10, 17] = True
    assert touched([below, above, far], erased) == [above]
    erased[10, 8] = True
    assert touched([below, above, far], erased) == [above, below]


def test_background_strokes_can_be_erased_between_their_squares(controller, paint, idle, qtbot):
    controller.toggle_background()
    paint((0, 20, 10), (0, 20, 40))
    idle()
    assert (controller.view.strokes.data[0] == BACKGROUND_LABEL).any()
    controller.view.strokes.paint((0, 20, 20), 0)
    qtbot.waitUntil(lambda: controller.session.strokes() == (), timeout=30_000)
    assert not np.asarray(controller.view.strokes.data[0]).any()


def test_napari_gives_no_warning_of_private_parts(make_napari_viewer, recwarn):
    # To plugins opened from its menu napari hands objects that warn of such things.
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((3, 40, 60, 3), np.uint8), rgb=True)
    _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
    layer = viewer.layers["strokes"]
    assert not layer._overlays["brush_stroke"].enabled
    dock.controller.view.use_eraser()
    dock.controller.view.use_brush()
    assert not layer._overlays["brush_stroke"].enabled
    viewer.window.remove_dock_widget(dock)
    assert layer._overlays["brush_stroke"].enabled
    assert [str(w.message) for w in recwarn if "Private" in str(w.message)] == []


def test_who_draws_without_an_object_is_told(dock, viewer, controller, mouse, strokes, said, qtbot):
    controller.edit(lambda session: session.delete_objects((1,)))
    path = [[20, 10], [20, 30]]
    mouse(path)
    assert said == ["There is no object to draw. Add one first (K)."]
    dock.strokes.shapes.click()
    said.clear()
    controller.view.layers[-1].add([[0, *point] for point in path], shape_type="path")
    qtbot.waitUntil(lambda: bool(said))
    assert controller.view.layers[-1].data == []
    assert controller.session.strokes() == ()


@pytest.mark.parametrize("step", [0, 20])
def test_nobody_draws_where_no_frame_is_on_screen(
    dock, viewer, controller, mouse, strokes, idle, step
):
    mouse([[20, 10], [20, 30]])
    strokes(1)
    viewer.add_image(np.zeros((30, 40, 60), np.uint8), translate=(-5, 0, 0))
    view, at = controller.view, controller.navigation.frame
    viewer.dims.set_current_step(0, step)
    assert not view.shows_frame
    for use in (view.use_brush, view.use_mask_brush, view.use_eraser):
        use()
        mouse([[30, 10], [30, 30]])
        assert view.tools.tool == ""
    assert "go back to the video" in dock.hint.text.text()
    controller.navigation.go_to(at)
    assert view.tools.tool == "eraser"
    view.use_brush()
    assert view.tools.tool == "brush"
    mouse([[30, 10], [30, 30]])
    assert [stroke.frame for stroke in strokes(2)] == [at, at]
