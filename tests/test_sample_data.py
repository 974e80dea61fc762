import subprocess
import sys
from itertools import pairwise

import cv2
import numpy as np
import pytest

from napari_ivos import sample_data
from napari_ivos.errors import VideoError
from napari_ivos.sample_data._cells import make_cells
from napari_ivos.sample_data._natural import make_natural
from napari_ivos.scribbles import rasterise

MAKERS = {"cells": make_cells, "natural": make_natural}
each = pytest.mark.parametrize("name", MAKERS)


def spans(labels):
    """First and last frame of each object."""
    seen = {}
    for index, frame in enumerate(labels):
        for value in np.unique(frame).tolist():
            if value:
                seen.setdefault(value, [index, index])[1] = index
    return seen


def pieces(mask):
    return cv2.connectedComponents(mask.astype(np.uint8))[0] - 1


def test_every_clip_can_be_loaded_by_its_name():
    assert set(sample_data.list_clips()) == set(MAKERS)
    for name in sample_data.list_clips():
        assert sample_data.load(name).name == name


@each
def test_a_clip_has_the_shapes_and_types_it_promises(name):
    clip = sample_data.load(name)
    length, height, width, _ = clip.frames.shape
    assert length >= 60
    assert clip.frames.dtype == np.uint8
    assert clip.labels.dtype == np.uint16
    assert clip.labels.shape == (length, height, width)
    assert not clip.frames.flags.writeable
    assert not clip.labels.flags.writeable


@each
def test_a_clip_is_the_same_each_time(name):
    again, kept = MAKERS[name](), sample_data.load(name)
    assert np.array_equal(again.frames, kept.frames)
    assert np.array_equal(again.labels, kept.labels)
    assert again.strokes == kept.strokes


def test_a_clip_is_made_once():
    assert sample_data.cells() is sample_data.load("cells")


@each
def test_first_strokes_mark_every_object_and_the_background_where_they_are(name):
    clip = sample_data.load(name)
    marked = {stroke.object_id for stroke in clip.strokes}
    assert marked == {int(v) for v in np.unique(clip.labels[0])}
    for stroke in clip.strokes:
        assert stroke.frame == 0
        covered = clip.labels[0][rasterise(stroke, clip.labels.shape[1:])]
        assert (covered == stroke.object_id).mean() > 0.95


@each
def test_objects_move_and_deform(name):
    clip = sample_data.load(name)
    for object_id, (first, last) in spans(clip.labels).items():
        one, other = clip.labels[first] == object_id, clip.labels[last] == object_id
        assert (one & other).sum() < 0.8 * (one | other).sum()


@each
def test_objects_can_be_told_from_what_surrounds_them(name):
    clip = sample_data.load(name)
    for index in (0, 30, 63):
        frame = clip.frames[index].astype(float)
        colours = [
            frame[clip.labels[index] == v].mean(axis=0) for v in np.unique(clip.labels[index])
        ]
        for colour in colours[1:]:
            assert np.abs(colour - colours[0]).max() > 20


def test_a_cell_divides_into_two_new_ones():
    clip = sample_data.cells()
    seen = spans(clip.labels)
    assert clip.parents == {10: 3, 11: 3}
    for child, parent in clip.parents.items():
        assert seen[child][0] == seen[parent][1] + 1
        assert seen[child][1] == len(clip.labels) - 1
        before = clip.labels[seen[parent][1]] == parent
        assert before[clip.labels[seen[child][0]] == child].mean() > 0.8
    assert pieces(np.isin(clip.labels[-1], list(clip.parents))) == 2


def test_a_cell_leaves_and_another_enters():
    labels = sample_data.cells().labels
    seen = spans(labels)
    left, entered = seen[6], seen[7]
    assert left[0] == 0
    assert left[1] < len(labels) - 1
    assert (labels[left[1]][:, -1] == 6).any()
    assert entered[0] > 0
    assert entered[1] == len(labels) - 1
    assert (labels[entered[0]][:, 0] == 7).any()


def test_cells_touch():
    labels = sample_data.cells().labels.astype(int)
    a, b = labels[:, :, 1:], labels[:, :, :-1]
    touching = (a != b) & (a > 0) & (b > 0)
    assert len({tuple(sorted(pair)) for pair in zip(a[touching], b[touching], strict=True)}) >= 3


def test_cells_bleach_and_the_camera_is_noisy():
    clip = sample_data.cells()
    brightness = [
        clip.frames[t][clip.labels[t] == 1][:, 1].mean() for t in range(0, len(clip.frames), 16)
    ]
    assert all(b < a for a, b in pairwise(brightness))
    empty = clip.labels[0] == 0
    change = clip.frames[1].astype(float)[..., 1] - clip.frames[0].astype(float)[..., 1]
    assert change[empty & (clip.labels[1] == 0)].std() > 2


def test_a_fish_is_hidden_and_comes_back_and_the_camera_pans():
    clip = sample_data.natural()
    areas = (clip.labels == 1).sum(axis=(1, 2))
    assert areas.min() > 0
    assert areas[30:55].min() < 0.65 * areas.max()
    assert areas[-1] > 0.8 * areas[0]
    # The rock stands still in the scene, so where it is found again is the camera's move.
    rock = clip.frames[0, 190:236, 250:330]
    found = cv2.matchTemplate(clip.frames[20, 190:236].copy(), rock.copy(), cv2.TM_CCOEFF_NORMED)
    assert 250 - int(np.argmax(found)) > 15


def test_an_unknown_clip_is_an_error_that_names_those_there_are():
    with pytest.raises(VideoError, match="cells, natural"):
        sample_data.load("dogs")


def test_making_a_clip_loads_no_torch():
    code = (
        "import sys, napari_ivos.sample_data as s; s.cells();"
        "assert not {'torch', 'napari', 'qtpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
