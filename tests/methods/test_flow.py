"""`flow` on clips with known masks: what it promises beyond the contract of all methods."""

import numpy as np
import pytest

from napari_ivos.errors import EngineError
from napari_ivos.methods import create_engine
from napari_ivos.sample_data import load
from napari_ivos.scribbles.simulate import correction_strokes
from napari_ivos.session import Session


def jaccard(one, other):
    union = (one | other).sum()
    return 1.0 if union == 0 else (one & other).sum() / union


@pytest.fixture(scope="module")
def natural():
    clip = load("natural")
    return clip.frames[:12], clip.labels[:12]


@pytest.fixture(scope="module")
def cells():
    clip = load("cells")
    return clip.frames[:12], clip.labels[:12]


@pytest.fixture
def start():
    sessions = []

    def start(frames):
        sessions.append(Session(frames, method="flow"))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


def ids_of(truth, count=2):
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    return [int(i) for i in ids[np.argsort(-areas)][:count]]


def mean_j(session, truth, ids):
    return np.mean(
        [
            jaccard(session.masks[t] == k, truth[t] == i)
            for t in range(len(truth))
            for k, i in enumerate(ids, start=1)
        ]
    )


def draw(session, truth, frame, ids, shown=None):
    labels = np.zeros_like(truth[frame])
    for number, object_id in enumerate(ids, start=1):
        labels[truth[frame] == object_id] = number
    numbers = list(range(1, len(ids) + 1))
    session.add_strokes(correction_strokes(labels, shown, frame, numbers))


@pytest.mark.parametrize("clip", ["natural", "cells"])
def test_one_thin_stroke_an_object_is_enough(clip, start, request):
    frames, truth = request.getfixturevalue(clip)
    ids = ids_of(truth[0])
    session = start(frames)
    for _ in ids:
        session.add_object()
    draw(session, truth, 0, ids)
    list(session.propagate())
    assert mean_j(session, truth, ids) > 0.6


@pytest.mark.parametrize("clip", ["natural", "cells"])
def test_corrections_help(clip, start, request):
    frames, truth = request.getfixturevalue(clip)
    ids = ids_of(truth[0])
    session = start(frames)
    for _ in ids:
        session.add_object()
    draw(session, truth, 0, ids)
    list(session.propagate())
    before = mean_j(session, truth, ids)
    worst = min(
        range(1, 12),
        key=lambda t: sum(
            jaccard(session.masks[t] == k, truth[t] == i) for k, i in enumerate(ids, start=1)
        ),
    )
    for _ in range(2):
        draw(session, truth, worst, ids, shown=session.masks[worst])
        session.interact(worst)
    list(session.propagate())
    assert mean_j(session, truth, ids) > before - 0.01


def test_a_negative_stroke_takes_away_and_a_positive_one_adds(natural, start):
    frames, truth = natural
    (largest,) = ids_of(truth[0], 1)
    target = truth[0] == largest
    session = start(frames[:2])
    session.add_object()
    wrong = target.copy()
    ys, xs = np.nonzero(target)
    wrong[ys.min() : ys.max(), max(xs.min() - 30, 0) : xs.min()] = True
    session.add_mask(0, wrong, lock=False)
    (negative,) = correction_strokes(target, session.masks[0], 0, [1])
    session.add_strokes([negative])
    mended = session.interact(0) == 1
    assert negative.object_id == 0
    assert jaccard(mended, target) > jaccard(wrong, target)


def test_reliability_falls_away_from_the_annotated_frame(cells, start):
    frames, truth = cells
    session = start(frames)
    session.add_object()
    draw(session, truth, 0, ids_of(truth[0], 1))
    list(session.propagate())
    reliability = session.reliability
    assert reliability[0] == 1
    assert (np.diff(reliability) <= 1e-9).all()
    assert reliability[-1] < 1


def test_an_absent_object_is_not_found_again(cells, start):
    frames, truth = cells
    session = start(frames)
    session.add_object()
    draw(session, truth, 0, ids_of(truth[0], 1))
    session.mark_absent(1, 6, 12)
    list(session.propagate())
    assert session.masks[5].any()
    assert not session.masks[8].any()


def test_other_devices_are_refused():
    with pytest.raises(EngineError, match="'cuda'"):
        create_engine("flow", "cuda")
