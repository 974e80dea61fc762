import numpy as np
import pytest

from napari_ivos.errors import StrokeError
from napari_ivos.scribbles import make_stroke, rasterise, rasterise_all
from napari_ivos.scribbles.skeleton import skeleton_path


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((0, 1, []), "shape"),
        ((0, 1, [[1, 2, 3]]), "shape"),
        ((0, 1, [1, 2]), "shape"),
        ((0, 1, "nonsense"), "not an array"),
        ((0, 1, [[1, float("nan")]]), "finite"),
        ((0, 1, [[1, 2]], 0), "radius"),
        ((0, 1, [[1, 2]], float("inf")), "radius"),
        ((0, -1, [[1, 2]]), "negative"),
        ((0, 1, [[10**400, 2]]), "not an array of numbers"),
        ((0, 1, [[1, 2]], 10**400), "radius"),
        ((0, 1, [[1, 2]], "thick"), "radius"),
        ((0.5, 1, [[1, 2]]), "number of a frame"),
        (("0", 1, [[1, 2]]), "number of a frame"),
        ((0, 1.5, [[1, 2]]), "number of an object"),
        ((0, None, [[1, 2]]), "number of an object"),
    ],
)
def test_impossible_strokes(values, says):
    with pytest.raises(StrokeError, match=says):
        make_stroke(*values)


def test_strokes_are_values():
    one, other = make_stroke(2, 1, [[1, 2], [3, 4]], 2), make_stroke(2, 1, [[1, 2], [3, 4]], 2)
    assert one == other
    assert len({one, other}) == 1
    assert one != make_stroke(2, 1, [[1, 2], [3, 4]], 3)
    assert one != make_stroke(2, 1, [[1, 2, 3, 4]] and [[1, 2], [3, 5]], 2)
    with pytest.raises(ValueError, match="read-only"):
        one.path[0, 0] = 9


def test_thin_line_joins_its_points():
    mask = rasterise(make_stroke(0, 1, [[2, 3], [2, 8], [6, 8]]), (10, 12))
    expected = np.zeros((10, 12), bool)
    expected[2, 3:9] = True
    expected[2:7, 8] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_dot_is_a_disk_of_its_radius():
    mask = rasterise(make_stroke(0, 1, [[20, 20]], 7), (41, 41))
    yy, xx = np.mgrid[:41, :41]
    disk = np.hypot(yy - 20, xx - 20) <= 7
    assert (mask ^ disk).sum() <= 12
    assert rasterise(make_stroke(0, 1, [[4, 5]]), (9, 9)).sum() == 1


def test_a_thick_line_is_as_wide_as_its_brush():
    mask = rasterise(make_stroke(0, 1, [[20, 5], [20, 35]], 4), (41, 41))
    assert abs(mask[:, 20].sum() - 9) <= 1


def test_filled_outline():
    mask = rasterise(make_stroke(0, 1, [[2, 2], [2, 8], [8, 8], [8, 2]], filled=True), (12, 12))
    assert mask[2:9, 2:9].all()
    assert mask.sum() == 49


def test_strokes_may_leave_the_frame():
    mask = rasterise(make_stroke(0, 1, [[5, -1e12], [5, 1e12]]), (10, 10))
    assert mask[5].all()
    assert mask.sum() == 10
    assert not rasterise(make_stroke(0, 1, [[-50, -50]], 3), (10, 10)).any()


def test_later_strokes_win():
    strokes = [make_stroke(0, 3, [[2, 0], [2, 9]]), make_stroke(0, 0, [[0, 4], [9, 4]])]
    drawn = rasterise_all(strokes, (10, 10))
    assert drawn[2, 3] == 3
    assert drawn[2, 4] == 0
    assert drawn[5, 5] == -1


def test_skeleton_path_runs_through_the_middle_from_end_to_end():
    mask = np.zeros((30, 60), bool)
    mask[10:17, 5:55] = True
    path = skeleton_path(mask)
    assert (np.abs(path[3:-3, 0] - 13) <= 1).all()
    assert abs(path[-1, 1] - path[0, 1]) > 40
    assert np.abs(np.diff(path, axis=0)).max() == 1, "each point touches the next"


def test_skeleton_path_takes_the_long_way_through_a_fork():
    mask = np.zeros((60, 60), bool)
    mask[28:31, 2:58] = True
    mask[18:30, 28:31] = True
    path = skeleton_path(mask)
    assert np.ptp(path[:, 1]) > 48
    assert path[:, 0].min() >= 25, "the short branch is left out"


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2)])
def test_skeleton_of_small_regions(shape):
    path = skeleton_path(np.ones(shape, bool))
    assert len(path) >= 1
    assert path.min() >= 0
    assert (path <= np.array(shape) - 1).all()


@pytest.mark.parametrize("path", [[[22, 5], [40, 9]], [[5, 33], [9, 60]], [[-8, 5], [-30, 9]]])
def test_strokes_beside_the_frame_have_no_pixels_in_it(path):
    assert not rasterise(make_stroke(0, 1, path, 2), (20, 30)).any()


@pytest.mark.parametrize("radius", [100, 1e9, 1e308])
def test_a_brush_larger_than_the_frame_covers_it(radius):
    assert rasterise(make_stroke(0, 1, [[3, 4]], radius), (9, 12)).all()
    assert rasterise(make_stroke(0, 1, [[3, 4], [-5, 20]], radius, filled=True), (9, 12)).all()
