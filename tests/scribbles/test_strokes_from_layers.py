import numpy as np
import pytest

from napari_ivos.errors import StrokeError
from napari_ivos.scribbles import (
    make_stroke,
    rasterise,
    rasterise_all,
    strokes_from_labels,
    strokes_from_shapes,
)

SIZE = (120, 160)


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize(
    ("path", "radius", "least"),
    [
        ([[60, 20], [60, 140]], 1, 0.6),
        ([[60, 20], [60, 140]], 8, 0.85),
        ([[20, 20], [60, 80], [20, 140]], 6, 0.85),
        ([[60, 80]], 10, 0.8),
        ([[60, 80]], 0.5, 0.99),
    ],
)
def test_a_painted_stroke_becomes_a_stroke_that_covers_it(path, radius, least):
    painted = rasterise(make_stroke(0, 1, path, radius), SIZE)
    strokes = strokes_from_labels(painted.astype(np.uint16) * 5, frame=7)
    assert {(s.frame, s.object_id) for s in strokes} == {(7, 5)}
    assert len(strokes) <= 3
    covered = rasterise_all(strokes, SIZE) == 5
    assert overlap(covered, painted) >= least


def test_branches_and_islands_are_all_covered():
    painted = np.zeros(SIZE, np.uint16)
    painted[55:62, 10:150] = 2
    painted[10:110, 75:82] = 2
    painted[5:12, 5:30] = 2
    covered = rasterise_all(strokes_from_labels(painted, 0), SIZE) == 2
    assert overlap(covered, painted == 2) > 0.85
    assert covered[15, 78]
    assert covered[105, 78]
    assert covered[8, 15]


def test_background_label_is_object_zero():
    painted = np.zeros(SIZE, np.uint16)
    painted[20:24, 20:60] = 65_535
    painted[40:44, 20:60] = 1
    strokes = strokes_from_labels(painted, 0)
    assert sorted(s.object_id for s in strokes) == [0, 1]
    assert strokes_from_labels(np.zeros(SIZE, int), 0) == []


def test_shapes():
    data = [
        np.array([[3, 10, 10], [3, 20, 30]]),
        np.array([[3.2, 10, 10], [3.2, 10, 50], [3.2, 50, 50]]),
        np.array([[4, 60, 60], [4, 60, 100], [4, 100, 100], [4, 100, 60]]),
    ]
    line, polygon, ellipse = strokes_from_shapes(
        data, ["line", "polygon", "ellipse"], object_id=2, radius=3
    )
    assert (line.frame, line.object_id, line.radius, line.filled) == (3, 2, 3, False)
    np.testing.assert_allclose(line.path, [[10, 10], [20, 30]])
    assert polygon.filled
    assert rasterise(polygon, SIZE)[20, 40]
    disk = rasterise(ellipse, SIZE)
    assert disk[80, 80]
    assert abs(disk.sum() - np.pi * 20**2) < 90
    assert ellipse.frame == 4


def test_flat_shapes_take_the_frame_given():
    data = [np.array([[10.0, 10.0], [20.0, 30.0]])]
    (stroke,) = strokes_from_shapes(data, ["path"], object_id=0, frame=6)
    assert (stroke.frame, stroke.object_id) == (6, 0)
    with pytest.raises(StrokeError, match="which frame"):
        strokes_from_shapes(data, ["path"], object_id=1)
    with pytest.raises(StrokeError, match="'star'"):
        strokes_from_shapes(data, ["star"], object_id=1, frame=0)
