import numpy as np
import pytest
from napari.layers import Image

from napari_ivos.gui._keys import KEYS
from napari_ivos.scribbles.layers import BACKGROUND_LABEL


def press(viewer, key):
    viewer.window._qt_viewer.canvas._key_map_handler.press_key(key)


def test_opens_without_a_layer_and_says_what_to_do(viewer, open_dock):
    dock = open_dock()
    assert dock.controller.session is None
    assert "open a video" in dock.hint.text.text()
    assert not dock.video.start.isEnabled()
    press(viewer, "G")
    assert "Open a video" in dock.hint.message.text()


def test_begins_by_itself_on_the_only_video(viewer, dock, image):
    controller = dock.controller
    assert controller.session.masks.shape == (12, 40, 60)
    assert [layer.name for layer in viewer.layers] == ["noise", "masks", "strokes"]
    assert viewer.layers.selection.active is controller.view.strokes
    assert controller.view.strokes.mode == "paint"
    assert [item.id for item in controller.session.objects] == [1]
    assert controller.selected == 1
    assert "stroke on the object" in dock.hint.text.text()
    assert "Weights: embedded" in dock.video.about.text()
    assert "cpu" in dock.video.about.text()


def test_waits_when_there_is_a_choice(viewer, image, open_dock):
    viewer.add_image(np.zeros((3, 8, 9), np.uint8), name="grey")
    dock = open_dock()
    assert dock.controller.session is None
    dock.video.layers.setCurrentIndex(dock.video.layers.findText("grey"))
    dock.video.start.click()
    assert dock.controller.session.masks.shape == (3, 8, 9)
    assert dock.video.start.text() == "Start again"


def test_the_list_of_videos_follows_the_viewer(viewer, open_dock):
    dock = open_dock()
    combo = dock.video.layers
    viewer.add_image(np.zeros((8, 9), np.uint8), name="single")
    assert combo.count() == 0
    first = viewer.add_image(np.zeros((3, 8, 9), np.uint8), name="first")
    viewer.add_image(np.zeros((3, 8, 9), np.uint8), name="second")
    combo.setCurrentIndex(combo.findText("second"))
    viewer.layers.remove(first)
    assert [combo.itemText(i) for i in range(combo.count())] == ["second"]
    viewer.layers["second"].name = "renamed"
    assert combo.currentText() == "renamed"
    dock.video.start.click()
    assert dock.controller.view.image.name == "renamed"


def test_a_stroke_is_taken_and_previewed(controller, paint, idle):
    paint((2, 20, 10), (2, 20, 20), (2, 20, 30))
    (stroke,) = controller.session.strokes()
    assert (stroke.frame, stroke.object_id) == (2, 1)
    idle()
    assert controller.session.masks[2][20, 10] == 1
    controller.navigation.go_to(2)
    assert controller.view.masks._slice.image.raw[20, 10] == 1
    assert not controller.session.masks[3].any()


def test_the_preview_of_the_displayed_frame_is_shown(controller, paint, idle):
    paint((0, 20, 10))
    idle()
    assert controller.view.masks._slice.image.raw[20, 10] == 1


def test_background_strokes(viewer, dock, controller, paint, idle):
    paint((0, 20, 10), (0, 20, 30))
    press(viewer, "N")
    assert dock.strokes.negative.isChecked()
    assert controller.view.strokes.selected_label == BACKGROUND_LABEL
    paint((0, 20, 25))
    assert [s.object_id for s in controller.session.strokes()] == [1, 0]
    idle()
    assert controller.session.masks[0][20, 25] == 0
    assert controller.session.masks[0][20, 11] == 1
    dock.strokes.positive.click()
    assert controller.view.strokes.selected_label == 1


def test_drawing_again_while_the_preview_runs_counts(controller, engine, paint, idle):
    engine.hold_previews()
    paint((0, 20, 10))
    paint((0, 30, 40))
    engine.previews.release(10)
    idle()
    assert controller.session.masks[0][20, 10] == 1
    assert controller.session.masks[0][30, 40] == 1


def test_undo_keys_of_napari_lead_to_the_session(viewer, controller, paint, idle):
    paint((0, 20, 10))
    idle()
    paint((0, 30, 40))
    idle()
    press(viewer, "Control-Z")
    assert len(controller.session.strokes()) == 1
    shown = controller.view.strokes._slice.image.raw
    assert shown[20, 10] == 1
    assert shown[30, 40] == 0
    assert controller.session.masks[0][30, 40] == 0
    press(viewer, "Control-Shift-Z")
    assert len(controller.session.strokes()) == 2
    assert controller.view.strokes._slice.image.raw[30, 40] == 1


def test_undo_stops_at_the_object_that_a_session_begins_with(viewer, dock, controller, paint, idle):
    assert not dock.strokes.undo.isEnabled()
    press(viewer, "U")
    paint((0, 20, 10))
    idle()
    for _ in range(3):
        press(viewer, "U")
    assert dock.hint.message.text() == "Undone: stroke on frame 0."
    assert controller.session.strokes() == ()
    assert [item.id for item in controller.session.objects] == [1]
    assert controller.selected == 1
    assert not dock.strokes.undo.isEnabled()
    dock.objects.add.click()
    assert dock.strokes.undo.isEnabled()
    dock.strokes.undo.click()
    assert [item.id for item in controller.session.objects] == [1]


def test_objects(viewer, dock, controller, paint, idle):
    dock.objects.add.click()
    assert controller.selected == 2
    assert controller.view.strokes.selected_label == 2
    paint((0, 10, 50))
    idle()
    assert controller.session.masks[0][10, 50] == 2
    press(viewer, "M")
    assert controller.selected == 3
    press(viewer, "U")
    press(viewer, "O")
    assert controller.selected == 1
    assert dock.objects.table.selected == (1,)
    controller.select(2)
    dock.objects.actions.delete(None)
    assert [item.id for item in controller.session.objects] == [1]
    assert dock.objects.model.rowCount() == 1
    assert controller.selected == 1
    assert not controller.view.strokes._slice.image.raw.any()


def test_only_labels_of_the_session_can_be_painted(controller):
    controller.add_object()
    layer = controller.view.strokes
    layer.selected_label = 1
    assert controller.selected == 1
    layer.selected_label = 77
    assert layer.selected_label == 1
    layer.selected_label = BACKGROUND_LABEL
    assert controller.background


def test_the_brush_size_goes_both_ways(dock, controller):
    dock.strokes.size.setValue(17)
    assert controller.view.strokes.brush_size == 17
    controller.view.strokes.brush_size = 9
    assert dock.strokes.number.value() == 9


@pytest.mark.parametrize("kind", ["path", "line", "polygon", "ellipse"])
def test_shapes_become_strokes(qtbot, dock, controller, idle, kind):
    dock.strokes.shapes.click()
    (layer,) = [layer for layer in controller.view.layers if layer.name == "stroke shapes"]
    corners = [[3, 10, 10], [3, 10, 30], [3, 25, 30], [3, 25, 10]]
    layer.add([corners[:2] if kind == "line" else corners], shape_type=kind)
    qtbot.waitUntil(lambda: len(controller.session.strokes()) == 1)
    (stroke,) = controller.session.strokes()
    assert (stroke.frame, stroke.object_id) == (3, 1)
    assert stroke.filled == (kind in ("polygon", "ellipse"))
    assert layer.data == []
    idle()
    assert controller.session.masks[3].any()
    dock.strokes.brush.click()
    assert controller.viewer.layers.selection.active is controller.view.strokes


def test_scaled_and_moved_layers(viewer, open_dock, qtbot):
    viewer.add_image(np.zeros((9, 40, 60)), scale=(5, 0.1, 0.1), translate=(100, 3, 4), name="um")
    dock = open_dock()
    dock.controller.navigation.go_to(4)
    assert dock.controller.navigation.frame == 4
    assert viewer.dims.point[0] == 120
    view = dock.controller.view
    np.testing.assert_allclose(view.strokes.extent.world, view.image.extent.world)


def test_switching_the_method_keeps_the_session(dock, controller, paint, idle):
    paint((0, 20, 10))
    idle()
    dock.video.methods.activated.emit(dock.video.methods.currentIndex())
    assert len(controller.session.strokes()) == 1


def test_guidance_jumps(viewer, dock, controller, paint, idle):
    press(viewer, "J")
    assert "Propagate first" in dock.hint.message.text()
    paint((0, 20, 10))
    idle()
    controller.propagate()
    idle()
    press(viewer, "J")
    assert controller.navigation.frame == 11
    assert dock.guidance.text.text() == "Frame 11: reliability 89%"
    press(viewer, ",")
    assert controller.navigation.frame == 0


def test_every_control_has_a_tooltip_and_every_key_is_bound(viewer, dock):
    from qtpy.QtWidgets import (
        QAbstractButton,
        QAbstractSpinBox,
        QComboBox,
        QSlider,
        QTabBar,
        QTableView,
    )

    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider, QTableView)
    controls = [child for kind in kinds for child in dock.findChildren(kind)]
    assert len(controls) > 15
    # Where tabs do not fit, Qt has arrows of its own.
    own = [c for c in controls if not isinstance(c.parent(), QTabBar) and c.objectName() != "qt_"]
    assert [c for c in own if not c.toolTip()] == []
    assert {entry.key for entry in KEYS.values()} <= {str(key) for key in viewer.keymap}


def test_our_layers_are_not_videos(dock, controller):
    assert [type(layer) for layer in controller.suitable_layers()] == [Image]
