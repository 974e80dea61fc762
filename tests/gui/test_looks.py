"""The ways to show the masks, and what differs from others."""

from pathlib import Path

import numpy as np
import pytest

from napari_ivos.export import veil
from napari_ivos.gui._looks import LOOKS, Looks
from napari_ivos.gui._veil import Difference, difference, draw_difference

FRAMES, HEIGHT, WIDTH = 12, 40, 60
OKABE_ITO = [(213, 94, 0), (86, 180, 233)]


@pytest.fixture
def masked(dock, controller, paint, idle):
    """Object 1 everywhere."""
    paint((0, 20, 10), (0, 20, 30))
    idle()
    controller.propagate()
    idle()
    return controller


def shown(controller):
    """The picture over the video that the viewer shows now."""
    (layer,) = [x for x in controller.viewer.layers if x.name == "masks shown otherwise"]
    return layer._slice.image.raw


def others(controller):
    return [x.name for x in controller.viewer.layers if x.name == "masks shown otherwise"]


@pytest.mark.parametrize("look", ["fade", "checker", "cut", "davis", "colour"])
def test_ways_of_the_demonstrations(dock, masked, look):
    dock.look.look.setCurrentIndex(dock.look.look.findData(look))
    dock.look.look.activated.emit(dock.look.look.currentIndex())
    picture, mask = shown(masked), masked.session.masks[0]
    assert picture.shape == (HEIGHT, WIDTH, 4)
    inside = picture[20, 20]
    outside = picture[5, 50]
    if look in ("fade", "checker", "cut"):
        assert (inside[3], outside[3] > 100) == (0, True)
        assert np.array_equal(picture, veil(mask, look))
    else:
        assert (inside[3] > 100, outside[3]) == (True, 0)
    assert masked.view.masks.opacity == 0
    assert masked.viewer.layers.selection.active is masked.view.strokes
    names = [layer.name for layer in masked.viewer.layers]
    assert names == ["noise", "masks shown otherwise", "masks", "strokes"]


def test_it_follows_the_frame_and_the_masks(masked, paint, idle):
    masked.looks.show("cut")
    masked.navigation.go_to(7)
    assert np.array_equal(shown(masked), veil(masked.session.masks[7], "cut"))
    before = shown(masked).copy()
    paint((7, 35, 50))
    idle()
    assert not np.array_equal(shown(masked), before)
    assert np.array_equal(shown(masked), veil(masked.session.masks[7], "cut"))
    masked.undo()
    assert np.array_equal(shown(masked), before)


def test_only_frames_that_somebody_looks_at_are_drawn(masked, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "napari_ivos.gui._looks.veil", lambda labels, *_: drawn.append(1) or _nothing(labels)
    )
    for look in ("fade", "cut", "davis", "checker"):
        masked.looks.show(look)
    assert len(drawn) <= 4
    masked.navigation.go_to(5)
    assert len(drawn) <= 5


def _nothing(labels):
    return np.zeros((*labels.shape, 4), np.uint8)


def test_back_to_masks_and_outlines(masked):
    masked.looks.show("fade")
    masked.looks.show("contour")
    assert not others(masked)
    assert (masked.view.masks.contour, masked.view.masks.opacity) == (2, 1)
    masked.looks.show("masks")
    assert (masked.view.masks.contour, masked.view.masks.opacity) == (0, 0.5)


def test_the_keys(viewer, dock, masked):
    press = viewer.window._qt_viewer.canvas._key_map_handler.press_key
    seen = []
    for _ in LOOKS:
        press("Shift-W")
        seen.append(masked.looks.look)
    assert sorted(seen) == sorted(LOOKS)
    masked.looks.show("fade")
    press("W")
    assert not masked.viewer.layers["masks shown otherwise"].visible
    press("W")
    assert masked.viewer.layers["masks shown otherwise"].visible


def test_corrections_are_painted_whatever_is_shown(qtbot, masked):
    masked.looks.show("fade")
    masked.view.use_mask_brush()
    masked.view.masks.paint((0, 35, 50), 1)
    qtbot.waitUntil(lambda: masked.session.masks[0][35, 50] == 1, timeout=30_000)
    assert shown(masked)[35, 50, 3] == veil(masked.session.masks[0], "fade")[35, 50, 3]


def test_removing_the_layer_means_masks(viewer, dock, masked):
    masked.looks.show("fade")
    viewer.layers.remove("masks shown otherwise")
    assert masked.looks.look == "masks"
    assert masked.view.masks.opacity == 0.5
    assert dock.look.look.currentData() == "masks"


def test_it_goes_with_the_session_and_comes_with_the_next(viewer, dock, masked):
    masked.looks.show("fade")
    masked.start(masked.view.image, "flow")
    assert others(masked) == ["masks shown otherwise"]
    assert not (shown(masked)[..., 3] == 0).any()
    viewer.window.remove_dock_widget(dock)
    assert [layer.name for layer in viewer.layers] == ["noise"]


def test_comparing_with_another_layer(viewer, dock, masked):
    there = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint16)
    there[:, 20, 15:50] = 1
    there[:, 0, 0] = 9
    layer = viewer.add_labels(there, name="truth")
    combo = dock.look.other
    combo.setCurrentIndex(combo.findText("against truth"))
    combo.activated.emit(combo.currentIndex())
    here = masked.session.masks[0]
    assert np.array_equal(shown(masked), draw_difference(here, there[0]))
    assert "only in 'truth': " in dock.look.text.text()
    assert dock.look.text.isVisibleTo(dock)
    viewer.layers.remove(layer)
    assert not others(masked)
    assert not dock.look.text.isVisibleTo(dock)


def test_a_layer_that_does_not_fit_is_told(viewer, dock, masked):
    layer = viewer.add_labels(np.zeros((3, 5, 5), int), name="small")
    masked.looks.compare(layer)
    assert "another size" in dock.look.text.text()


def test_differences_are_counted_and_told_by_more_than_colour():
    here = np.array([[1, 1, 1, 0, 2, 0]] * 12, np.uint16)
    there = np.array([[1, 0, 0, 5, 3, 0]] * 12)
    found = difference(here, there)
    assert found == Difference(12, 24, 12, 12)
    assert "20.0% alike" in found.told("x")
    picture = draw_difference(here, there)
    assert len({tuple(p) for p in picture[:, 1]}) == 1, "plain"
    assert len({tuple(p) for p in picture[:, 3]}) == 2, "chequered"
    assert (picture[:, 5] == 0).all()
    assert "Nothing here" in difference(here * 0, there * 0).told("x")


def shown_rgb(layer, label):
    return tuple(np.round(255 * np.asarray(layer.colormap.map(label))[:3]).astype(int).tolist())


def test_colours_for_any_eyes_are_a_choice_that_stays(viewer, dock, masked, idle, own_settings):
    masked.add_object()
    assert shown_rgb(masked.view.masks, 1) != OKABE_ITO[0]
    combo = dock.look.palette
    combo.setCurrentIndex(combo.findText("For any colour vision"))
    combo.activated.emit(combo.currentIndex())
    for number in (1, 2):
        for layer in (masked.view.masks, masked.view.strokes):
            assert shown_rgb(layer, number) == OKABE_ITO[number - 1]
        assert dock.objects.model.colour_of(number) == OKABE_ITO[number - 1]
    assert shown_rgb(masked.view.strokes, 65535) == (255, 255, 255), "background strokes"
    dock.timeline._refresh()
    assert dock.timeline.strip.content.colours[1].tolist() == list(OKABE_ITO[1])
    assert own_settings().value("palette") == "okabe-ito"
    masked.looks.show("colour")
    assert tuple(shown(masked)[20, 20, :3].tolist()) == OKABE_ITO[0]
    assert masked.looks.export_options(Path("a.MP4")) == {"palette": "okabe-ito"}
    assert masked.looks.export_options(Path("a.tif")) == {}
    for kept, palette in (("okabe-ito", "okabe-ito"), ("../nonsense", "davis")):
        own_settings().setValue("palette", kept)
        later = Looks(masked)
        assert later.palette == palette
        later.close()
