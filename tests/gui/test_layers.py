import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_ivos.errors import VideoError
from napari_ivos.gui._colours import colormap, shown_colour
from napari_ivos.gui._keys import KEYS
from napari_ivos.gui._layers import brush_label, placement
from napari_ivos.masks import object_colour


@pytest.mark.parametrize("object_id", [1, 2, 21, 255, 256, 300, 65_534])
def test_a_label_has_its_objects_colour(object_id):
    mapped = colormap().map(np.array([object_id], dtype=np.uint16))[0]
    np.testing.assert_allclose(mapped[:3] * 255, shown_colour(object_id), atol=0.6)
    assert mapped[3] == 1


@pytest.mark.parametrize("object_id", range(1, 10))
def test_objects_are_shown_in_the_colours_of_the_exports_but_brighter(object_id):
    shown, exported = np.array(shown_colour(object_id)), np.array(object_colour(object_id))
    assert max(shown) > 160
    assert ((shown > exported) == (exported > 0)).all()


def test_no_label_is_transparent():
    assert colormap().map(np.array([0], dtype=np.uint16))[0, 3] == 0


def test_different_objects_differ():
    colours = {shown_colour(object_id) for object_id in range(1, 255)}
    assert len(colours) == 254
    assert shown_colour(brush_label(3, background=True)) not in colours


def test_layers_lie_where_the_image_lies():
    image = Image(
        np.zeros((3, 4, 5), np.uint8), scale=(2, 0.5, 0.5), translate=(1, 7, 8), units="um"
    )
    labels = Labels(np.zeros((3, 4, 5), np.uint16), **placement(image))
    np.testing.assert_allclose(labels.data_to_world((1, 2, 3)), image.data_to_world((1, 2, 3)))
    assert labels.units == image.units


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5)])
def test_only_videos_have_a_place(shape):
    with pytest.raises(VideoError, match="dimensions"):
        placement(Image(np.zeros(shape, np.uint8)))


def test_our_keys_are_free_in_the_layers_that_people_draw_in(make_napari_viewer):
    make_napari_viewer()  # only now napari binds its own
    taken = {str(key) for kind in (Labels, Shapes) for key in kind.class_keymap}
    assert "M" in taken or "1" in taken, "napari's own keys are not where this test looks"
    assert not taken & {entry.key for entry in KEYS.values()}
