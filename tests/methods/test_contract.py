"""What every method of the registry keeps, whatever it does inside."""

import copy

import cv2
import numpy as np
import pytest

from napari_ivos.methods import (
    Annotation,
    InteractRequest,
    PropagateRequest,
    create_engine,
    list_methods,
)
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session

METHODS = [spec.name for spec in list_methods()]
# Methods that need a checkpoint run with made-up weights, which find nothing.
TRAINED = [spec.name for spec in list_methods() if spec.checkpoint != "required"]
LENGTH, SIZE, FRAME = 4, (40, 56), 2


def clip(length=6, size=(60, 80), seed=0):
    """A bright and a dark disk that drift over a textured ground."""
    rng = np.random.default_rng(seed)
    height, width = size
    ground = cv2.GaussianBlur(rng.integers(60, 140, (height, width, 3)).astype(np.uint8), (3, 3), 0)
    yy, xx = np.mgrid[:height, :width]
    frames = np.repeat(ground[None], length, axis=0)
    for t in range(length):
        for y, x, value in ((0.35, 0.3, 230), (0.65, 0.7, 15)):
            disk = np.hypot(yy - y * height, xx - x * width - t) < min(size) / 6
            frames[t][disk] = value
    return frames


def stroke(frame, object_id, y, x, size, length=4):
    centre = np.array([y * size[0], x * size[1]])
    return make_stroke(frame, object_id, [centre - (0, length / 2), centre + (0, length / 2)], 1)


@pytest.fixture(scope="module", params=METHODS)
def create(request, made_up_weights):
    """Makes engines of a method."""
    name = request.param
    if name in TRAINED:
        yield lambda: create_engine(name)
        return
    # Loading takes long, and what an engine did before must not matter.
    engine = create_engine(name, "cpu", made_up_weights(name))
    yield lambda: engine


@pytest.fixture
def make_session(create, request):
    name = request.node.callspec.params["create"]
    yield from sessions(name, create)


@pytest.fixture(params=TRAINED)
def make_trained(request):
    yield from sessions(request.param, lambda: create_engine(request.param))


def sessions(name, create):
    made = []

    def make(video):
        made.append(Session(video, method=name, device="cpu", engine=create()))
        return made[-1]

    yield make
    for session in made:
        session.close()


def strokes_of(frame, size):
    return stroke(frame, 1, 0.35, 0.3, size), stroke(frame, 2, 0.65, 0.7, size)


def first_round(engine, video, frame=FRAME):
    strokes = strokes_of(frame, video.shape[1:3])
    return engine.interact(InteractRequest(video, frame, (1, 2), strokes, None, None, None))


def propagation(video, start, memory, frame=FRAME, objects=(1, 2)):
    return PropagateRequest(
        video=video,
        frame=frame,
        objects=objects,
        start=start,
        memory=memory,
        backward=tuple(range(frame - 1, -1, -1)),
        forward=tuple(range(frame + 1, len(video))),
        annotated=(),
        previous=lambda index: None,
    )


def assert_distribution(probs, objects, size):
    assert probs.shape == (objects + 1, *size)
    assert probs.dtype == np.float32
    assert probs.min() >= 0
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-4)


def test_results_are_distributions_in_visiting_order(create):
    video, engine = clip(LENGTH, SIZE), create()
    start, memory = first_round(engine, video)
    assert start.index == FRAME
    assert_distribution(start.probs, 2, SIZE)
    results = list(engine.propagate(propagation(video, start, memory)))
    assert [r.index for r in results] == [1, 0, 3]
    for result in results:
        assert_distribution(result.probs, 2, SIZE)
        assert result.reliability is None or 0 <= result.reliability <= 1


@pytest.mark.parametrize("method", TRAINED)
def test_the_objects_are_found_and_followed(method):
    video, engine = clip(), create_engine(method)
    start, memory = first_round(engine, video)
    results = {r.index: r for r in engine.propagate(propagation(video, start, memory))}
    for t, result in results.items():
        labels = result.probs.argmax(0)
        assert labels[21, round(24 + t)] == 1
        assert labels[39, round(56 + t)] == 2
        assert labels[5, 5] == 0


def test_the_same_input_gives_the_same_output(create):
    video = clip(LENGTH, SIZE)
    runs = []
    for _ in range(2):
        engine = create()
        start, memory = first_round(engine, video)
        runs.append([start, *engine.propagate(propagation(video, start, memory))])
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one.probs, other.probs)
        assert one.reliability == other.reliability


def test_memory_and_inputs_are_not_changed(create):
    video, engine = clip(LENGTH, SIZE), create()
    video.setflags(write=False)
    start, memory = first_round(engine, video)
    kept, probs = copy.deepcopy(memory), start.probs.copy()
    again = [r.probs for r in engine.propagate(propagation(video, start, memory))]
    np.testing.assert_array_equal(start.probs, probs)
    from_copy = [r.probs for r in engine.propagate(propagation(video, start, kept))]
    for one, other in zip(again, from_copy, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_can_end_after_any_frame(create):
    video, engine = clip(LENGTH, SIZE), create()
    start, memory = first_round(engine, video)
    whole = [r.probs for r in engine.propagate(propagation(video, start, memory))]
    for count in range(1, LENGTH - 1):
        run = engine.propagate(propagation(video, start, memory))
        part = [next(run).probs for _ in range(count)]
        run.close()
        np.testing.assert_array_equal(part[-1], whole[count - 1])


def test_memory_can_be_rebuilt_from_the_annotations(create):
    video, engine = clip(LENGTH, SIZE), create()
    start, memory = first_round(engine, video)
    past = Annotation(FRAME, (1, 2), strokes_of(FRAME, SIZE), None, None)
    rebuilt = create().rebuild(video, [past])
    expected = engine.propagate(propagation(video, start, memory))
    for one, other in zip(
        expected, engine.propagate(propagation(video, start, rebuilt)), strict=True
    ):
        np.testing.assert_allclose(one.probs, other.probs, atol=1e-4)


@pytest.mark.parametrize("size", [(17, 17), (31, 45), (33, 18)])
def test_small_and_odd_sizes(make_session, size):
    session = make_session(clip(3, size))
    session.add_object()
    session.add_strokes([stroke(1, 1, 0.35, 0.3, size, length=1)])
    assert [r.index for r in session.propagate()] == [1, 0, 2]
    assert session.masks[1].shape == size
    if session.method in TRAINED:
        assert session.masks[1].any()


def test_one_frame_video(make_session):
    session = make_session(clip(1))
    session.add_object()
    session.add_strokes([stroke(0, 1, 0.35, 0.3, (60, 80))])
    assert [r.index for r in session.propagate()] == [0]
    assert set(np.unique(session.masks[0])) <= {0, 1}
    if session.method in TRAINED:
        assert session.masks[0][21, 24] == 1


def test_an_object_added_later_leaves_the_first_where_it_was(make_trained):
    session = make_trained(clip(8))
    session.add_object()
    session.add_strokes([stroke(0, 1, 0.35, 0.3, (60, 80))])
    list(session.propagate())
    session.add_object()
    session.add_strokes([stroke(4, 2, 0.65, 0.7, (60, 80))])
    list(session.propagate())
    assert session.masks[6][21, 30] == 1
    assert session.masks[6][39, 62] == 2
    assert session.masks[2][39, 58] == 2, "backwards as well"


def test_a_persons_mask_stays(make_session):
    session = make_session(clip(3, SIZE))
    labels = np.zeros(SIZE, np.uint16)
    labels[8:20, 10:24] = 300
    session.add_mask(1, labels)
    list(session.propagate())
    np.testing.assert_array_equal(session.masks[1], labels)
    assert set(np.unique(session.masks)) <= {0, 300}


def test_a_mask_alone_is_reference_enough(make_trained):
    session = make_trained(clip())
    yy, xx = np.mgrid[:60, :80]
    labels = (np.hypot(yy - 21, xx - 26) < 10).astype(np.uint16) * 300
    session.add_mask(2, labels)
    list(session.propagate())
    np.testing.assert_array_equal(session.masks[2], labels)
    assert session.masks[5][21, 29] == 300
    assert session.masks[0][21, 24] == 300


def test_many_objects(make_trained):
    session = make_trained(clip(3, (120, 160)))
    labels = np.zeros((120, 160), np.uint16)
    for k in range(96):
        y, x = divmod(k, 12)
        labels[y * 15 + 3 : y * 15 + 11, x * 13 + 2 : x * 13 + 10] = k + 1
    session.add_mask(1, labels)
    list(session.propagate())
    np.testing.assert_array_equal(session.masks[1], labels)
    assert len(np.unique(session.masks[2])) > 60
