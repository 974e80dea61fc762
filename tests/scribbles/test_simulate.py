import numpy as np

from napari_ivos.scribbles import rasterise
from napari_ivos.scribbles.simulate import correction_strokes, largest_region


def square(top, left, size=20, value=1, shape=(80, 100)):
    labels = np.zeros(shape, np.uint16)
    labels[top : top + size, left : left + size] = value
    return labels


def test_round_one_marks_each_object_along_its_middle():
    truth = square(10, 10) + square(50, 60, value=2)
    strokes = correction_strokes(truth, None, 4, [1, 2])
    assert [(s.frame, s.object_id) for s in strokes] == [(4, 1), (4, 2)]
    for stroke in strokes:
        drawn = rasterise(stroke, truth.shape)
        assert (truth[drawn] == stroke.object_id).all()


def test_what_is_missing_and_what_is_too_much():
    truth, shown = square(10, 10), square(10, 22)
    missing, wrong = correction_strokes(truth, shown, 0, [1])
    assert (missing.object_id, wrong.object_id) == (1, 0)
    assert missing.path[:, 1].max() < 22
    assert wrong.path[:, 1].min() >= 30
    assert len(correction_strokes(truth, shown, 0, [1], background=False)) == 1


def test_pixels_given_to_the_wrong_object_are_claimed_by_the_right_one():
    truth = square(10, 10) + square(10, 30, value=2)
    shown = truth.copy()
    shown[10:30, 30:40] = 1
    (stroke,) = correction_strokes(truth, shown, 0, [1, 2])
    assert stroke.object_id == 2


def test_nothing_to_correct():
    truth = square(10, 10)
    assert correction_strokes(truth, truth, 0, [1]) == []
    almost = truth.copy()
    almost[10, 10:14] = 0
    assert correction_strokes(truth, almost, 0, [1], smallest=5) == []
    assert len(correction_strokes(truth, almost, 0, [1], smallest=4)) == 1


def test_others_objects_are_background_to_the_user():
    truth = square(10, 10) + square(50, 60, value=9)
    assert {s.object_id for s in correction_strokes(truth, None, 0, [1])} == {1}


def test_largest_region():
    mask = (square(10, 10, 5) + square(40, 40, 9)) > 0
    np.testing.assert_array_equal(largest_region(mask), square(40, 40, 9) > 0)
    assert not largest_region(np.zeros((5, 5), bool)).any()
