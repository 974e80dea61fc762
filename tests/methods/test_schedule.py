import numpy as np
import pytest

from napari_ivos.methods import _schedule as schedule


def test_span_without_other_annotations_is_the_whole_video():
    assert schedule.span(3, [3], 6) == ((2, 1, 0), (4, 5))
    assert schedule.span(0, [], 3) == ((), (1, 2))


def test_span_ends_before_the_nearest_annotated_frames():
    assert schedule.span(5, [0, 2, 9, 11], 20) == ((4, 3), (6, 7, 8))
    assert schedule.span(5, [4, 6], 20) == ((), ())


@pytest.mark.parametrize(("distance", "lost"), [(50, 0), (51, 1), (150, 1), (152, 2)])
def test_the_authors_bound_of_99_percent(distance, lost):
    # The bounding frame's distance is one more than the frames between.
    backward, forward = schedule.span(0, [distance + 1], 400, proportion=0.99)
    assert backward == ()
    assert len(forward) == distance - lost


def test_blend_weight_runs_from_one_half_to_one():
    annotated = [0, 10]
    assert schedule.blend_weight(5, 10, annotated) == 0.75
    assert schedule.blend_weight(9, 10, annotated) == pytest.approx(0.95)
    assert schedule.blend_weight(1, 10, annotated) == pytest.approx(0.55)
    assert schedule.blend_weight(12, 10, annotated) == 1, "nothing on that side"
    assert schedule.blend_weight(10, 10, annotated) == 1


def test_blend():
    new, old = np.ones((2, 1, 1), np.float32), np.zeros((2, 1, 1), np.float32)
    assert schedule.blend(new, None, 0.3) is new
    blended = schedule.blend(new, old, 0.75)
    assert blended.dtype == np.float32
    assert (blended == 0.75).all()
