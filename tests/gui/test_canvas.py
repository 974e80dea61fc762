import numpy as np
import pytest

from napari_ivos.gui._canvas import StrokeCanvas
from napari_ivos.scribbles import make_stroke, rasterise
from napari_ivos.scribbles.layers import BACKGROUND_LABEL

SHAPE = (6, 40, 60)


@pytest.fixture
def canvas():
    return StrokeCanvas(SHAPE)


def brush(canvas, frame, rows, columns, label):
    """As napari's brush does it: read a box, change it, write it back."""
    key = (slice(frame, frame + 1), rows, columns)
    region = np.asarray(canvas[key])
    region[:] = label
    canvas[key] = region


@pytest.mark.parametrize(
    "key",
    [
        2,
        np.int64(2),
        (2, slice(None), slice(None)),
        (2, slice(3, 9), slice(1, 50)),
        (2, 5, 7),
        (slice(2, 3), slice(0, 4), slice(0, 4)),
        (slice(1, 4), slice(None), slice(10, 20)),
        slice(None),
        (np.array([2, 2, 1, 5]), np.array([4, 5, 6, 0]), np.array([5, 30, 9, 0])),
    ],
)
def test_reads_like_an_array(canvas, key):
    brush(canvas, 2, slice(4, 8), slice(5, 20), 3)
    np.testing.assert_array_equal(canvas[key], np.asarray(canvas)[key])
    assert np.asarray(canvas)[2, 5, 7] == 3


def test_indices_outside_raise(canvas):
    with pytest.raises(IndexError, match="frame 6"):
        canvas[6]


def test_single_pixels_are_written_as_a_bucket_does_it(canvas):
    rows, columns = (part.ravel() for part in np.indices((20, 30)))
    canvas[np.full(600, 4), rows + 5, columns + 10] = 3
    canvas[np.array([1, 4]), np.array([0, 6]), np.array([0, 11])] = np.array([8, 9])
    shown = np.asarray(canvas)
    assert shown.sum() == 3 * 599 + 8 + 9
    assert (shown[1, 0, 0], shown[4, 6, 11], shown[4, 24, 39]) == (8, 9, 3)
    strokes, _, frames = canvas.take()
    assert frames == {1, 4}
    assert {s.object_id for s in strokes} == {3, 8, 9}


def test_what_is_drawn_in_parts_is_what_is_drawn_at_once(canvas):
    dice = np.random.default_rng(0)
    strokes = []
    for step in range(30):
        path = dice.uniform(-5, 60, (3, 2))
        strokes.append(make_stroke(0, int(dice.integers(0, 4)), path, dice.uniform(1, 5)))
        if step % 3:
            rows, columns = (slice(*sorted(dice.integers(0, 40, 2))) for _ in range(2))
            brush(canvas, 0, rows, columns, 7)
        if step % 7 == 6:
            del strokes[int(dice.integers(len(strokes)))]
        shown = canvas[0].copy()
        other = canvas.draw(0, strokes)
        once = StrokeCanvas(SHAPE)
        once.draw(0, strokes)
        np.testing.assert_array_equal(canvas[0], once[0])
        assert other or np.array_equal(canvas[0], shown)
        assert not canvas.draw(0, strokes), "nothing is left to do"
        canvas.take()


def test_only_painted_frames_take_memory():
    huge = StrokeCanvas((100_000, 2048, 2048))
    brush(huge, 70_000, slice(0, 9), slice(0, 9), 1)
    assert huge[70_000][4, 4] == 1
    assert not huge[5].any()


def test_a_painted_line_comes_out_as_a_stroke_once(canvas):
    brush(canvas, 3, slice(10, 15), slice(5, 40), 7)
    strokes, erased, frames = canvas.take()
    assert not erased
    assert frames == {3}
    assert {(s.frame, s.object_id) for s in strokes} == {(3, 7)}
    covered = np.any([rasterise(s, SHAPE[1:]) for s in strokes], axis=0)
    painted = canvas[3] == 7
    assert (covered & painted).sum() > 0.9 * painted.sum()
    canvas.draw(3, strokes)
    assert canvas.take() == ([], {}, set())


def test_only_what_is_new_comes_out(canvas):
    old = make_stroke(0, 1, [[10, 5], [10, 50]], 2)
    canvas.draw(0, [old])
    brush(canvas, 0, slice(30, 33), slice(5, 20), 2)
    strokes, _, _ = canvas.take()
    assert [s.object_id for s in strokes] == [2]
    assert strokes[0].path[:, 0].min() >= 29


def test_the_background_label_is_object_zero(canvas):
    brush(canvas, 0, slice(30, 33), slice(5, 20), BACKGROUND_LABEL)
    assert [s.object_id for s in canvas.take()[0]] == [0]


def test_wiping_out_is_noticed_and_gives_no_stroke(canvas):
    canvas.draw(0, [make_stroke(0, 1, [[10, 5], [10, 50]], 2)])
    brush(canvas, 0, slice(8, 13), slice(5, 20), 0)
    strokes, erased, frames = canvas.take()
    assert (strokes, frames) == ([], {0})
    assert list(erased) == [0]
    assert erased[0].sum() == 5 * 15
    assert erased[0][8:13, 5:20].all()


def test_strokes_are_drawn_as_they_rasterise(canvas):
    strokes = [
        make_stroke(1, 4, [[-5, 3], [20, 70]], 3.3),
        make_stroke(1, 5, [[20, 20], [20, 40], [35, 30]], filled=True),
        make_stroke(1, 6, [[300, 300]], 2),
    ]
    canvas.draw(1, strokes)
    for stroke in strokes[1:]:
        np.testing.assert_array_equal(canvas[1] == stroke.object_id, rasterise(stroke, SHAPE[1:]))
    first = rasterise(strokes[0], SHAPE[1:]) & (canvas[1] != 5)
    np.testing.assert_array_equal(canvas[1] == 4, first)


def test_background_strokes_have_a_pattern(canvas):
    stroke = make_stroke(0, 0, [[10, 5], [10, 50]], 4)
    canvas.draw(0, [stroke])
    inside = canvas[0][rasterise(stroke, SHAPE[1:])]
    assert set(np.unique(inside)) == {0, BACKGROUND_LABEL}
    assert 0.3 < (inside == 0).mean() < 0.7


def test_drawing_nothing_empties_a_frame(canvas):
    canvas.draw(0, [make_stroke(0, 1, [[10, 5], [10, 50]], 2)])
    canvas.draw(0, [])
    assert not np.asarray(canvas).any()


def test_the_way_of_the_mouse_is_taken_where_it_is_what_was_painted(canvas):
    followed = make_stroke(2, 7, [[10, 5], [12, 30], [10, 50]], 3.5)
    canvas.draw(2, [followed])
    painted = canvas[2].copy()
    canvas.draw(2, [])
    canvas[2] = painted
    strokes, _, _ = canvas.take(followed)
    assert strokes == [followed]


@pytest.mark.parametrize(
    "other",
    [
        make_stroke(3, 7, [[12, 5], [12, 30]], 2),
        make_stroke(2, 6, [[12, 5], [12, 30]], 2),
        make_stroke(2, 7, [[30, 5], [30, 30]], 2),
        make_stroke(2, 7, [[12, 5], [12, 15]], 2),
        make_stroke(2, 7, [[12, 5], [12, 55]], 2),
    ],
)
def test_the_way_of_the_mouse_is_not_taken_where_something_else_was_painted(canvas, other):
    brush(canvas, 2, slice(10, 15), slice(5, 31), 7)
    strokes, _, _ = canvas.take(other)
    assert other not in strokes
    assert {(s.frame, s.object_id) for s in strokes} == {(2, 7)}
