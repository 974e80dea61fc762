"""The simulated user."""

import numpy as np
import pytest

from napari_ivos.scribbles import rasterise
from napari_ivos.scribbles.simulate import correction_strokes, largest_region


def block(*boxes, size=(40, 60)):
    labels = np.zeros(size, dtype=np.uint16)
    for top, bottom, left, right, value in boxes:
        labels[top:bottom, left:right] = value
    return labels


def test_a_first_round_has_one_stroke_through_each_object():
    truth = block((5, 15, 5, 35, 1), (20, 35, 40, 55, 7))
    strokes = correction_strokes(truth, None, 3, [1, 7])
    assert [s.object_id for s in strokes] == [1, 7]
    for stroke in strokes:
        assert stroke.frame == 3
        assert (truth[rasterise(stroke, truth.shape)] == stroke.object_id).all()
    assert np.ptp(strokes[0].path[:, 1]) > 20, "along the long side"


def test_objects_that_nobody_asked_for_are_background():
    truth = block((5, 15, 5, 35, 1), (20, 35, 40, 55, 7))
    assert [s.object_id for s in correction_strokes(truth, None, 0, [1])] == [1]


def test_what_is_missing_gets_a_stroke_of_the_object():
    truth = block((5, 15, 5, 35, 1))
    shown = block((5, 15, 5, 15, 1))
    (stroke,) = correction_strokes(truth, shown, 0, [1])
    assert stroke.object_id == 1
    assert (stroke.path[:, 1] >= 15).all()


def test_what_is_too_much_gets_a_background_stroke():
    truth = block((5, 15, 5, 15, 1))
    shown = block((5, 15, 5, 35, 1))
    (stroke,) = correction_strokes(truth, shown, 0, [1])
    assert stroke.object_id == 0
    assert (stroke.path[:, 1] >= 15).all()
    assert correction_strokes(truth, shown, 0, [1], background=False) == []


def test_an_object_taken_for_another_gets_one_stroke_of_the_right_one():
    truth = block((5, 15, 5, 20, 1), (5, 15, 20, 50, 2))
    shown = block((5, 15, 5, 35, 1), (5, 15, 35, 50, 2))
    (stroke,) = correction_strokes(truth, shown, 0, [1, 2])
    assert stroke.object_id == 2
    assert stroke.path[:, 1].min() >= 20
    assert stroke.path[:, 1].max() < 35


def test_nothing_wrong_no_stroke():
    truth = block((5, 15, 5, 35, 1))
    assert correction_strokes(truth, truth, 0, [1]) == []


def test_small_errors_can_be_let_be():
    truth = block((5, 15, 5, 35, 1))
    shown = truth.copy()
    shown[5, 5:8] = 0
    assert len(correction_strokes(truth, shown, 0, [1])) == 1
    assert correction_strokes(truth, shown, 0, [1], smallest=4) == []


@pytest.mark.parametrize("radius", [None, 2.5])
def test_the_brush_is_as_wide_as_asked(radius):
    (stroke,) = correction_strokes(block((5, 25, 5, 35, 1)), None, 0, [1], radius=radius)
    assert stroke.radius == radius


def test_the_user_is_always_the_same():
    rng = np.random.default_rng(0)
    truth = (rng.random((50, 50)) > 0.4).astype(np.uint16)
    assert correction_strokes(truth, None, 0, [1]) == correction_strokes(truth, None, 0, [1])


def test_largest_region_touches_at_corners():
    mask = np.zeros((6, 6), dtype=bool)
    mask[0, 0] = mask[1, 1] = mask[2, 2] = True
    mask[5, 4:6] = True
    assert largest_region(mask).sum() == 3
    assert not largest_region(np.zeros((4, 4), dtype=bool)).any()
