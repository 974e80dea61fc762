"""What people do in napari's own layer list, and with layers that are no video."""

import numpy as np
import pytest
from napari.layers import Image
from napari.layers._layer_actions import _convert_dtype, _duplicate_layer
from napari.utils._proxies import PublicOnlyProxy
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt

from gui.shared_window import delete_now
from gui.test_dock import press
from napari_ivos.gui._fit import canvas_of, is_whole
from napari_ivos.gui._layers import is_own
from napari_ivos.gui._looks import LOOKS


@pytest.fixture
def said_next(open_dock):
    dock = open_dock()
    return dock.hint.text.text


def test_the_next_step_follows_the_layers(viewer, said_next):
    assert "drop a file" in said_next()
    viewer.add_image(np.zeros((2, 3, 8, 9), np.uint8), name="st<b>ack")
    assert "'st&lt;b&gt;ack' has 4 axes: make a layer of one channel" in said_next()
    viewer.add_image(np.zeros((8, 9), np.uint8), name="single")
    assert "'single' has 2 axes." in said_next()
    viewer.add_image(np.zeros((3, 8, 9), np.uint8))
    assert "press Start" in said_next()
    viewer.layers.clear()
    assert "drop a file" in said_next()


def test_what_is_said_without_a_session_goes_when_one_begins(viewer, open_dock):
    dock = open_dock()
    press(viewer, ";")
    assert "no video" in dock.hint.message.text()
    assert dock.guidance.grid.isHidden()
    viewer.add_image(np.zeros((3, 8, 9), np.uint8))
    press(viewer, "G")
    assert "Press Start first" in dock.hint.message.text()
    dock.video.start.click()
    assert dock.hint.message.isHidden()


def test_a_view_that_shows_no_frames_is_told(viewer, dock):
    for turn in ({"ndisplay": 3}, {"order": (2, 0, 1)}, {"order": (0, 2, 1)}):
        viewer.dims.update(turn)
        assert "whole frames" in dock.hint.text.text()
        viewer.dims.update({"ndisplay": 2, "order": (0, 1, 2)})
        assert "draw a stroke" in dock.hint.text.text()


def test_no_key_acts_on_one_frame_of_many_on_screen(viewer, dock, controller, paint, idle, said):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    before = controller.session.undo_text
    for turn in ({"ndisplay": 3}, {"order": (1, 0, 2)}):
        said.clear()
        viewer.dims.update(turn)
        press(viewer, "Q")
        assert "No single frame is on screen" in said[-1]
        viewer.dims.update({"ndisplay": 2, "order": (0, 1, 2)})
    assert controller.session.undo_text == before
    press(viewer, "Q")
    assert controller.session.undo_text == "accept frame 0"


def test_copies_of_our_layers_are_layers_of_their_own(viewer, dock, controller, paint, idle):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    before = np.array(controller.session.masks[0])
    for layer in (controller.view.strokes, controller.view.masks):
        viewer.layers.selection = {layer}
        _duplicate_layer(viewer.layers)
    assert {layer.name for layer in controller.label_layers()} == {"masks copy", "strokes copy"}
    press(viewer, "U")
    assert not controller.session.masks[0].any()
    np.testing.assert_array_equal(viewer.layers["masks copy"].data[0], before)
    viewer.layers.selection.active = viewer.layers["strokes copy"]
    viewer.layers["strokes copy"].mode = "paint"
    assert controller.view.tools.tool == ""


def test_what_lies_over_the_video_can_be_copied(viewer, dock, controller, paint, idle):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    controller.propagate()
    idle()
    controller.looks.show(list(LOOKS)[2])
    controller.difference.toggle()
    viewer.layers.selection = {layer for layer in viewer.layers if is_own(layer)}
    count = len(viewer.layers.selection)
    before = len(viewer.layers)
    _duplicate_layer(viewer.layers)
    assert (count, len(viewer.layers)) == (4, before + 4)
    assert {type(viewer.layers[name].data) for name in ("changes copy",)} == {np.ndarray}


def test_other_data_in_our_layers_are_put_back(viewer, dock, controller, paint, idle, said, qtbot):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    for layer in (controller.view.masks, controller.view.strokes):
        data = layer.data
        viewer.layers.selection.active = layer
        _convert_dtype(viewer.layers, "int32")
        qtbot.waitUntil(lambda layer=layer, data=data: layer.data is data)
        assert f"data of '{layer.name}' are the session's" in said[-1]
    paint((3, 20, 10), (3, 20, 30))
    assert controller.session.annotated_frames == (0, 3)


def test_no_key_acts_on_a_frame_that_is_not_on_screen(viewer, dock, controller, paint, idle, said):
    paint((11, 20, 10), (11, 20, 30))
    idle()
    viewer.add_image(np.zeros((15, 40, 60), np.uint8))
    viewer.layers.selection.active = controller.view.strokes
    labels = viewer.add_labels(np.ones((15, 40, 60), np.uint8))
    before = controller.session.undo_text
    viewer.dims.set_point(0, 13)
    press(viewer, "Q")
    assert "frames 0 to 11 only" in said[-1]
    assert "go back to the video" in dock.hint.text.text()
    said.clear()
    controller.take_labels(labels)
    assert "frames 0 to 11 only" in said[-1]
    assert [text for text, _ in dock.objects.actions._spans()] == ["everywhere"]
    assert controller.session.undo_text == before
    press(viewer, ",")
    assert controller.navigation.frame == 11
    assert "go back" not in dock.hint.text.text()


def test_removed_layers_are_put_back_where_they_were(viewer, dock, controller, qtbot):
    view = controller.view
    for layer in (view.masks, view.strokes):
        viewer.layers.remove(layer)
        qtbot.waitUntil(lambda layer=layer: layer in viewer.layers)
        assert list(viewer.layers) == [view.image, view.masks, view.strokes]
        assert viewer.layers.selection.active is view.strokes
    assert view.tools.tool == "brush"
    controls = viewer.window._qt_viewer.controls.widgets[view.strokes]
    assert view.strokes.mode == "paint"
    assert controls.layer.mode == "paint"
    checked = [button.mode for button in controls.button_group.buttons() if button.isChecked()]
    assert checked == ["paint"]


def test_where_the_work_is_when_the_video_is_removed(viewer, dock, controller, paint, idle, said):
    paint((0, 20, 10))
    idle()
    kept = controller.session.project
    viewer.layers.remove(controller.view.image)
    expected = "is gone" if kept is None else f"'{kept.stem}' (Project ▸ Open)"
    assert expected in said[-1]


def test_one_frame_of_a_pyramid_of_labels(viewer, controller, idle):
    labels = np.zeros((12, 40, 60), np.uint16)
    labels[3, 4:9, 4:9] = 7
    layer = viewer.add_labels([labels, labels[:, ::2, ::2]], multiscale=True)
    controller.navigation.go_to(3)
    controller.take_labels(layer)
    idle()
    np.testing.assert_array_equal(controller.session.masks[3], labels[3])


@pytest.mark.parametrize("how", ["hide", "close"])
def test_the_timeline_comes_back(viewer, dock, how):
    assert dock.bring_timeline.isHidden()
    docked = viewer.window._wrapped_dock_widgets["Timeline"]
    viewer.window._qt_window.show()
    (docked.title.hide_button if how == "hide" else docked.title.close_button).click()
    assert not dock.timeline.isVisible()
    assert not dock.bring_timeline.isHidden()
    dock.bring_timeline.click()
    assert dock.timeline.isVisible()
    assert dock.bring_timeline.isHidden()


def test_the_picture_is_whole_beside_the_dock(viewer, open_dock, qtbot):
    window = viewer.window._qt_window
    window.resize(1300, 800)
    window.show()
    viewer.add_image(np.zeros((3, 300, 600), np.uint8), scale=(1, 0.5, 0.5), translate=(0, 7, 9))
    qtbot.wait(100)
    viewer.reset_view()
    canvas, zoom = canvas_of(viewer), viewer.scene.camera.zoom
    assert is_whole(viewer, canvas.size())
    dock = open_dock()
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom < zoom and is_whole(viewer, canvas.size()))
    viewer.window.remove_dock_widget(dock)
    viewer.scene.camera.zoom *= 3
    zoom = viewer.scene.camera.zoom
    open_dock()
    qtbot.wait(250)
    assert viewer.scene.camera.zoom == zoom


def test_the_selected_object_is_in_sight_among_many(viewer, dock, controller, qtbot):
    viewer.window._qt_window.show()
    for _ in range(24):
        controller.add_object()
    table, timeline = dock.objects.table, dock.timeline
    for wanted in (25, 1):
        controller.select(wanted)
        cell = table.visualRect(table.objects.index(wanted - 1, 1))
        assert table.viewport().rect().contains(cell)
        place = timeline.strip.middle_of

        def in_sight(wanted=wanted, place=place):
            corner = timeline.strip.mapTo(timeline.scroll.viewport(), QPoint(0, 0))
            y = corner.y() + (place(wanted) or -1000)
            return 0 <= y < timeline.scroll.viewport().height()

        qtbot.waitUntil(in_sight)


def test_who_selects_another_layer_is_told_how_to_draw(viewer, dock, controller):
    assert "Brush" not in dock.hint.text.text()
    viewer.layers.selection.active = controller.view.image
    assert "press Brush first" in dock.hint.text.text()
    viewer.layers.selection.clear()
    assert "press Brush first" in dock.hint.text.text()
    dock.strokes.brush.click()
    assert "Brush" not in dock.hint.text.text()
    controller.view.use_mask_brush()
    assert "Brush" not in dock.hint.text.text()


def test_what_was_told_goes_when_something_else_is_done(viewer, dock, controller, paint, idle):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    press(viewer, "U")
    assert "Undone" in dock.hint.message.text()
    controller.refresh()
    assert not dock.hint.message.isHidden()
    controller.add_object()
    assert dock.hint.message.isHidden()


def test_tab_leads_out_of_the_table(viewer, dock, qtbot):
    viewer.window._qt_window.show()
    viewer.window._qt_window.activateWindow()
    table = dock.objects.table
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    qtbot.keyClick(table, Qt.Key.Key_Tab)
    assert not table.hasFocus()


def test_where_the_work_is_when_the_dock_is_closed(viewer, dock, controller, paint, idle):
    paint((0, 20, 10))
    idle()
    kept, told = controller.session.project, []
    with notification_manager:
        notification_manager.notification_ready.connect(told.append)
        viewer.window.remove_dock_widget(dock)
        dock = None
        delete_now()
        notification_manager.notification_ready.disconnect(told.append)
    expected = "is gone" if kept is None else f"'{kept.stem}' (Project ▸ Open)"
    assert [expected in one.message for one in told] == [True]


def test_the_layers_follow_their_video(viewer, dock, controller, paint, idle, said, qtbot):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    controller.propagate()
    idle()
    controller.difference.toggle()
    controller.looks.show(list(LOOKS)[2])
    controller.view.use_shapes()
    said.clear()
    own, image = [layer for layer in viewer.layers if is_own(layer)], controller.view.image
    assert len(own) == 5
    image.scale, image.translate = (5, 0.2, 0.2), (0, 7, 9)
    image.affine = [[1, 0, 0, 0], [0, 1, 0.1, 3], [0, 0, 1, 4], [0, 0, 0, 1]]
    corners = [[0, 0, 0], [2, 39, 59]]
    for layer in own:
        qtbot.waitUntil(
            lambda layer=layer: np.allclose(
                *([one.data_to_world(corner) for corner in corners] for one in (layer, image))
            )
        )
    controller.navigation.go_to(4)
    assert viewer.dims.point[0] == 20
    assert said == []


def test_a_layer_of_the_session_is_not_moved_by_itself(viewer, dock, controller, said, qtbot):
    controller.view.strokes.translate = (0, 5, 5)
    qtbot.waitUntil(lambda: bool(said))
    np.testing.assert_array_equal(controller.view.strokes.translate, 0)
    assert said == [
        "The layer 'strokes' lies on its video and was put back. Move 'noise', and it goes along."
    ]
    qtbot.wait(20)
    assert len(said) == 1


def test_other_data_in_the_video_are_told(viewer, dock, controller, paint, idle, said):
    paint((0, 20, 10), (0, 20, 30))
    idle()
    image = controller.view.image
    image.data = 255 - image.data
    assert "'noise' shows other data now" in said[-1]
    assert controller.session.annotated_frames == (0,)
    viewer.layers.remove(image)
    said.clear()
    image.data = 255 - image.data
    image.scale = (1, 2, 2)
    assert said == []


@pytest.fixture
def plugin(viewer, image, open_dock):
    """The dock as the menu opens it: napari wraps the viewer for it, and layers, and our arrays."""
    made = open_dock(PublicOnlyProxy(viewer))
    made.controller.navigation.go_to(0)
    return made


def test_a_removed_layer_is_put_back_once_by_the_menus_dock(viewer, plugin, qtbot):
    told = []
    plugin.controller.said.connect(lambda text, _bad: told.append(text))
    viewer.layers.remove("masks")
    qtbot.waitUntil(lambda: "masks" in viewer.layers, timeout=5000)
    qtbot.wait(300)
    assert told == ["The layer 'masks' belongs to the session and was put back. Hide it."]


def test_the_menus_dock_heeds_what_is_removed(viewer, plugin, image, qtbot):
    controller = plugin.controller
    controller.session.add_stroke(0, 1, [[20, 10], [20, 30]], 2)
    list(controller.session.propagate())
    controller.difference.toggle()
    viewer.layers.remove("changes")
    assert not controller.difference.shown
    # Of a project that is opened, the layer is one that the plugin made.
    made = controller.viewer.add_image(np.zeros((4, 8, 9), np.uint8), name="made")
    controller.start(made, "lite")
    assert plugin.video.layers.currentText() == "noise"
    plugin.video.layers.setCurrentIndex(plugin.video.layers.findText("made"))
    assert plugin.video.start.text() == "Start again"
    viewer.layers.remove("made")
    assert controller.session is None
    assert [type(layer) for layer in viewer.layers] == [Image]
