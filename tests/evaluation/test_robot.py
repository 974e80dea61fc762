import numpy as np
import pytest

from napari_ivos.evaluation.robot import Robot, bezier, longest_paths

SHAPE = (80, 120)


def ellipse(y, x, height, width, shape=SHAPE):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 < 1


@pytest.fixture
def truth():
    labels = np.zeros(SHAPE, np.uint16)
    labels[ellipse(40, 40, 12, 30)] = 3
    labels[ellipse(40, 95, 25, 10)] = 8
    return labels


def test_what_is_missing_gets_a_stroke_along_its_middle(truth):
    strokes = Robot().strokes(truth, np.zeros_like(truth), (3, 8), 5)
    assert [stroke.object_id for stroke in strokes] == [3, 8]
    wide, tall = (np.ptp(stroke.path, axis=0) for stroke in strokes)
    assert wide[1] > 30 > 4 > wide[0]
    assert tall[0] > 20 > 4 > tall[1]
    for stroke in strokes:
        assert stroke.frame == 5
        y, x = np.round(stroke.path).astype(int).T
        assert (truth[y, x] == stroke.object_id).mean() > 0.95


def test_what_is_too_much_gets_a_stroke_of_the_background_first(truth):
    shown = truth.copy()
    shown[ellipse(12, 60, 8, 40)] = 3
    shown[truth == 8] = 0
    strokes = Robot().strokes(truth, shown, (3, 8), 0)
    assert [stroke.object_id for stroke in strokes] == [0, 8]
    assert strokes[0].path[:, 0].max() < 20


def test_right_masks_leave_nothing_to_draw(truth):
    assert Robot().strokes(truth, truth, (3, 8), 0) == []


def test_objects_that_nobody_asked_for_are_background(truth):
    strokes = Robot().strokes(truth, np.zeros_like(truth), (8,), 0)
    assert [stroke.object_id for stroke in strokes] == [8]


def test_each_part_that_is_missing_gets_a_stroke():
    wrong = ellipse(20, 30, 12, 20) | ellipse(60, 90, 12, 20)
    assert len(Robot().paths(wrong)) == 2


def test_small_errors_beside_a_large_one_are_left_alone():
    wrong = ellipse(40, 60, 30, 50)
    wrong[2:4, 2:30] = True
    [path] = Robot().paths(wrong)
    assert path[:, 0].min() > 15


def test_a_thin_error_alone_is_drawn_on():
    wrong = np.zeros(SHAPE, bool)
    wrong[30:32, 10:70] = True
    [path] = Robot().paths(wrong)
    assert np.ptp(path[:, 1]) > 50


def test_short_skeletons_count_from_the_number_of_nodes_on():
    wrong = np.zeros(SHAPE, bool)
    wrong[30, 10:13] = True
    assert Robot(nodes=4).paths(wrong) == []
    assert len(Robot(nodes=2).paths(wrong)) == 1


def test_errors_at_the_frames_border_are_drawn_on():
    wrong = np.zeros(SHAPE, bool)
    wrong[:20] = True
    [path] = Robot().paths(wrong)
    assert abs(path[len(path) // 2, 0] - 9.5) < 3


def test_the_same_errors_give_the_same_strokes(truth):
    shown = np.roll(truth, 7, 1)
    first, again = (Robot().strokes(truth, shown, (3, 8), 0) for _ in range(2))
    assert first == again
    assert first


def test_the_longest_path_leaves_out_side_branches_and_cuts_cycles():
    line = [[5, x] for x in range(20)] + [[y, 10] for y in range(2, 5)]
    [path] = longest_paths(np.array(line))
    assert {tuple(p) for p in path.tolist()} >= {(5, 0), (5, 19)}
    assert len(path) == 20
    ring = np.argwhere(ellipse(10, 10, 8, 8, (21, 21)) & ~ellipse(10, 10, 7, 7, (21, 21)))
    [path] = longest_paths(ring)
    steps = np.abs(np.diff(path, axis=0)).max(axis=1)
    assert (steps == 1).all()
    assert len(path) > 0.6 * len(ring)


def test_a_bezier_curve_stays_exact_for_long_paths():
    path = np.stack([np.zeros(1500), np.arange(1500)], axis=1)
    curve = bezier(path, 1000)
    np.testing.assert_allclose(curve[:, 1], np.linspace(0, 1499, 1000), atol=1e-6)
    corner = bezier([[0, 0], [0, 1], [1, 1]], 3)
    np.testing.assert_allclose(corner, [[0, 0], [0.25, 0.75], [1, 1]])
