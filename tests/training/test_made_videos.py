"""Made videos: exact masks, the same each time, from the sets that were asked for."""

import numpy as np
import pytest

from napari_ivos.errors import IvosError
from napari_ivos.training.microscopy import STYLES, draw_cells
from napari_ivos.training.motion import moved, random_motion
from napari_ivos.training.scenes import make_scene
from napari_ivos.training.sources import Sources


def test_a_video_is_the_same_each_time(data):
    sources = Sources(data, free_only=True)
    first, again = (make_scene(np.random.default_rng(3), sources, 3) for _ in range(2))
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.labels, again.labels)
    other = make_scene(np.random.default_rng(4), sources, 3)
    assert other.frames.shape != first.frames.shape or (other.frames != first.frames).any()


def test_all_kinds_of_video_come_with_masks_of_their_size(data):
    sources = Sources(data, free_only=False)
    kinds = set()
    for seed in range(24):
        scene = make_scene(np.random.default_rng(seed), sources, 3)
        kinds.add(scene.kind)
        assert scene.frames.dtype == np.uint8
        assert scene.frames.shape == (*scene.labels.shape, 3)
        assert len(scene.frames) == 3
    assert kinds == {"layers", "cells", "video"}


def test_sets_that_allow_research_only_are_left_out_on_request(data):
    assert Sources(data, free_only=False).has_videos
    assert not Sources(data, free_only=True).has_videos


def test_what_the_makers_left_open_goes_to_the_nearer_side(data):
    sources = Sources(data, free_only=True)
    for seed in range(4):
        _, labels = sources.photo(np.random.default_rng(seed))
        assert set(np.unique(labels)) == {0, 1}
        # A disc of radius 11 has 377 pixels; all but its rim was known.
        assert 330 < np.count_nonzero(labels) < 430


def test_a_folder_without_sets_is_refused(tmp_path):
    with pytest.raises(IvosError, match="none of the training sets"):
        Sources(tmp_path, free_only=True)


def test_a_layer_moves_as_its_motion_says():
    rng = np.random.default_rng(0)
    way = random_motion(
        rng, (60, 80), 4, centre=(40, 30), speed=3.0, turn=0.0, growth=0.0, bend=0.0, grain=30
    )
    layer = np.zeros((60, 80), np.float32)
    layer[25:35, 35:45] = 1
    assert np.array_equal(moved(layer, way.source(0)), layer)
    shown = moved(layer, way.source(3), 0)
    middle = np.argwhere(shown > 0.5).mean(axis=0) - (29.5, 39.5)
    assert np.abs(middle[::-1] - way.shift[3]).max() < 0.6
    assert np.hypot(*way.shift[3]) > 2


@pytest.mark.parametrize("style", STYLES)
def test_cells_can_be_told_from_their_ground(style):
    class Chosen:
        """The generator of random numbers, but for the style."""

        def __init__(self):
            self._rng = np.random.default_rng(1)

        def choice(self, values):
            return style if values is STYLES else self._rng.choice(values)

        def __getattr__(self, name):
            return getattr(self._rng, name)

    image, labels = draw_cells(Chosen(), (120, 140))
    assert image.shape == (120, 140, 3)
    assert labels.max() >= 2
    inside = labels > 0
    differs = abs(image[inside].mean() - image[~inside].mean())
    rougher = image[inside].std() / max(image[~inside].std(), 1e-3)
    assert differs > 5 or rougher > 1.3
