from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_ivos.evaluation.metrics import boundary, combine, f_measure, jaccard, score_frame
from napari_ivos.evaluation.rows import read_rows

GOLDEN = Path(__file__).parent / "golden" / "davis_report.csv"


def box(top, left, height, width, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_jaccard_is_intersection_over_union():
    assert jaccard(box(0, 0, 10, 10), box(0, 5, 10, 10)) == pytest.approx(50 / 150)
    assert jaccard(box(0, 0, 10, 10), box(20, 20, 5, 5)) == 0


def test_an_absent_object_counts_as_right_only_when_nothing_is_shown():
    nothing, something = np.zeros((40, 50), bool), box(3, 3, 9, 9)
    assert (jaccard(nothing, nothing), f_measure(nothing, nothing)) == (1, 1)
    assert (jaccard(nothing, something), f_measure(nothing, something)) == (0, 0)
    assert (jaccard(something, nothing), f_measure(something, nothing)) == (0, 0)


def test_the_boundary_lies_before_the_change_and_not_at_the_frames_end():
    edge = boundary(box(2, 2, 3, 3, (8, 8)))
    assert np.argwhere(edge).tolist() == [
        *([1, x] for x in (1, 2, 3, 4)),
        *([2, x] for x in (1, 4)),
        *([3, x] for x in (1, 4)),
        *([4, x] for x in (1, 2, 3, 4)),
    ]
    assert not boundary(np.ones((5, 6), bool)).any()


def test_f_forgives_what_lies_within_the_tolerance():
    # The diagonal of 480 × 854 is 979.7, 0.8 % of it are 8 pixels.
    truth = box(100, 100, 200, 300, (480, 854))
    assert f_measure(truth, np.roll(truth, 8, 1)) == 1
    assert f_measure(truth, np.roll(truth, 9, 1)) < 1


def naive_f(truth, shown):
    """Precision and recall by looking at all pairs of boundary points."""
    height, width = truth.shape
    reach = np.ceil(0.008 * np.hypot(height, width))

    def points(mask):
        found = []
        for y in range(height):
            for x in range(width):
                down, right = min(y + 1, height - 1), min(x + 1, width - 1)
                others = (mask[y, right], mask[down, x], mask[down, right])
                if any(other != mask[y, x] for other in others):
                    found.append((y, x))
        return np.array(found).reshape(-1, 2)

    one, other = points(truth), points(shown)
    if not len(one) or not len(other):
        return float(len(one) == len(other))
    near = ((one[:, None] - other[None]) ** 2).sum(-1) <= reach**2
    precision, recall = near.any(0).mean(), near.any(1).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("seed", range(6))
def test_f_is_what_its_definition_says(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(20, 60)), int(rng.integers(20, 60)))
    field = gaussian_filter(rng.normal(size=shape), 4)
    truth = field > np.quantile(field, 0.7)
    shown = np.roll(truth, (2, -3), (0, 1)) ^ (rng.random(shape) < 0.02)
    assert f_measure(truth, shown) == pytest.approx(naive_f(truth, shown), abs=1e-12)


def test_scores_come_in_the_order_of_the_objects():
    truth, shown = np.zeros((2, 40, 50), np.uint16)
    truth[5:15, 5:15], shown[5:15, 5:15] = 7, 7
    truth[20:30, 20:30] = 300
    assert score_frame(truth, shown, (7, 300, 9)) == [(1, 1), (0, 0), (1, 1)]


@pytest.mark.parametrize(("metric", "value"), [("J", 0.6), ("F", 0.4), ("J_AND_F", 0.5)])
def test_combining_takes_the_mean_over_objects(metric, value):
    assert combine([(0.8, 0.5), (0.4, 0.3)], metric) == pytest.approx(value)


# --- against a report that davisinteractive 1.0.4 wrote ----------------------------------------

SHAPE = (120, 213)


def golden_labels(name, t):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    labels = np.zeros(SHAPE, np.uint8)
    labels[((x - 50 - 9 * t) / 30.0) ** 2 + ((y - 60) / (20.0 + t)) ** 2 < 1] = 1
    if name == "pair":
        labels[(abs(x - 160 + 5 * t) < 22) & (abs(y - 40 - 3 * t) < 18)] = 2
    return labels


def golden_prediction(name, t, drawn_on):
    """What was submitted in round 1: moved label maps, cut on the left, and the strokes' pixels."""
    shown = np.roll(golden_labels(name, t), (6, 12), (0, 1))
    shown[:, :8] = 0
    if t == drawn_on:
        labels = golden_labels(name, t)
        for number in np.unique(labels)[1:]:
            y, x = (values.mean() for values in np.nonzero(labels == number))
            for d in range(-10, 11):
                across = int((x + d) / SHAPE[1] * (SHAPE[1] - 1))
                down = int((y + 0.2 * d) / SHAPE[0] * (SHAPE[0] - 1))
                shown[down, across] = number
    return shown


def test_the_frameworks_own_scores_come_out():
    rows = [row for row in read_rows(GOLDEN) if row.interaction == 1]
    assert len(rows) == 7 + 7 + 2 * 9
    length = {"blob": 7, "pair": 9}
    for row in rows:
        labels = golden_labels(row.sequence, row.frame)
        drawn_on = 2 * row.scribble_idx % length[row.sequence]
        shown = golden_prediction(row.sequence, row.frame, drawn_on)
        [(j, f)] = score_frame(labels, shown, (row.object_id,))
        assert j == pytest.approx(row.jaccard, abs=1e-9), row
        assert f == pytest.approx(row.contour, abs=1e-9), row
