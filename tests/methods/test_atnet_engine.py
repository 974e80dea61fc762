"""ATNet beyond the authors' program: objects that come and go, people's masks, little memory."""

import logging

import numpy as np
import pytest
import torch

from methods.boxes import FIRST, SECOND, SIZE, two_boxes
from methods.golden import atnet_case
from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.masks import extend_probs, labels_from_probs, probs_from_labels
from napari_ivos.methods import Annotation, InteractRequest, PropagateRequest
from napari_ivos.methods._levels import choose_dtype
from napari_ivos.methods.atnet import engine as atnet
from napari_ivos.methods.atnet import sources
from napari_ivos.methods.atnet.decision import blend_known, distribution, own_probabilities
from napari_ivos.methods.atnet.model import Model
from napari_ivos.methods.atnet.network import AtNetwork
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session
from napari_ivos.video import open_video

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(made_up_weights):
    return made_up_weights("atnet")


@pytest.fixture(scope="module")
def ready(quick_network):
    return quick_network("atnet")


@pytest.fixture
def engine(ready):
    return atnet.AtnetEngine(lambda: ready, CPU)


@pytest.fixture(scope="module")
def video():
    return two_boxes(5)


@pytest.fixture
def session(video, engine):
    with Session(video, method="atnet", device="cpu", engine=engine) as made:
        yield made


def no(index):
    return None


def carried(engine, request, forward, absent=lambda index: frozenset()):
    start, memory = engine.interact(request)
    return list(
        engine.propagate(
            PropagateRequest(
                video=request.video,
                frame=request.frame,
                objects=request.objects,
                start=start,
                memory=memory,
                backward=(),
                forward=forward,
                annotated=(),
                previous=no,
                absent=absent,
            )
        )
    )


def counting(monkeypatch):
    counted = []
    for name in ("encode", "mark"):
        monkeypatch.setattr(AtNetwork, name, noted(getattr(AtNetwork, name), name, counted))
    monkeypatch.setattr(sources, "spread", noted(sources.spread, "spread", counted))
    return counted


def noted(call, name, counted):
    def wrapped(*arguments):
        counted.append(name)
        return call(*arguments)

    return wrapped


# --- decisions ---------------------------------------------------------------------------------


def test_the_largest_share_is_the_decision_and_probabilities_come_back():
    rng = np.random.default_rng(0)
    planes = rng.uniform(0.6, 1, (3, 40, 50)).astype(np.float32)
    planes[:, 0, 0], planes[:, 0, 1], planes[:, 0, 2] = 0, 1, 0.8
    probs = distribution(planes)
    wanted = np.where(planes.max(0) > np.float32(0.8), planes.argmax(0) + 1, 0)
    np.testing.assert_array_equal(labels_from_probs(probs, (1, 2, 3)), wanted)
    assert wanted[0, :3].tolist() == [0, 1, 0], "the lower of equals, background at the threshold"
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-6)
    np.testing.assert_allclose(own_probabilities(probs), planes, rtol=0, atol=5e-7)


def test_pixels_of_a_person_are_certain():
    labels = np.array([[0, 1], [2, 2]], np.uint16)
    planes = own_probabilities(probs_from_labels(labels, (1, 2)))
    np.testing.assert_array_equal(planes, [[[0, 1], [0, 0]], [[0, 0], [1, 1]]])


def test_what_was_not_known_before_is_not_blended():
    new = np.full((2, 4, 4), 0.9, np.float32)
    old = extend_probs(distribution(np.full((1, 4, 4), 0.5, np.float32)), (1,), (1, 2))
    mixed = blend_known(new, own_probabilities(old), 0.5)
    np.testing.assert_allclose(mixed[0], 0.7, atol=1e-6)
    np.testing.assert_array_equal(mixed[1], new[1])


# --- nothing twice -----------------------------------------------------------------------------


def test_nothing_is_computed_twice(session, monkeypatch):
    counted = counting(monkeypatch)
    for one, path in enumerate((FIRST, SECOND), start=1):
        session.add_object()
        session.add_stroke(0, one, path)
    session.interact(0)
    assert counted == ["mark", "mark"], "a preview needs no more"
    list(session.propagate())
    assert counted.count("encode") == 5
    assert counted.count("mark") == 2, "the values of the preview are used again"
    assert counted.count("spread") == 4
    session.add_stroke(4, 1, [[18, 24], [20, 30]])
    list(session.propagate())
    assert counted.count("encode") == 5, "a later round does not encode again"
    assert counted.count("mark") == 4
    assert counted.count("spread") == 4 + 3, "and adds its own term only"


def test_without_room_all_is_made_again_with_the_same_result(ready, video, monkeypatch):
    results = []
    for disk, room in ((0, 0), (atnet._DISK_BYTES, 2**30)):
        monkeypatch.setattr(atnet, "_DISK_BYTES", disk)
        engine = atnet.AtnetEngine(lambda: ready, CPU, cache_bytes=room)
        with monkeypatch.context() as patch:
            counted = counting(patch)
            with Session(video, method="atnet", device="cpu", engine=engine) as session:
                session.add_object()
                for frame in (1, 3):
                    session.add_stroke(frame, 1, FIRST)
                    list(session.propagate())
                results.append((np.asarray(session.masks), len(counted)))
                probs = [atnet_case.probabilities(session, t) for t in range(5)]
                results[-1] += (np.stack(probs),)
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][2], results[1][2])
    assert results[0][1] > results[1][1]


def test_memory_is_small_and_can_be_had_again(engine, ready, video):
    stroke = make_stroke(2, 1, FIRST)
    request = InteractRequest(video, 2, (1,), (stroke,), None, None, None)
    start, memory = engine.interact(request)
    assert start.reliability is None
    again = atnet.AtnetEngine(lambda: ready, CPU)
    rebuilt = again.rebuild(video, [Annotation(2, (1,), (stroke,), None, None)])
    assert len(memory) == len(rebuilt) == 1
    first, second = (
        list(
            one.propagate(PropagateRequest(video, 2, (1,), start, entries, (1, 0), (3, 4), (), no))
        )
        for one, entries in ((engine, memory), (again, rebuilt))
    )
    assert [result.index for result in first] == [1, 0, 3, 4]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.probs, other.probs)


def test_a_run_that_is_closed_keeps_what_was_done(session):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    run = session.propagate()
    seen = [next(run).index for _ in range(3)]
    run.close()
    kept = [session.masks[t].copy() for t in seen]
    assert seen == [0, 1, 2]
    assert not session.masks[4].any()
    session.undo()
    list(session.propagate())
    for t, mask in zip(seen, kept, strict=True):
        np.testing.assert_array_equal(session.masks[t], mask)


# --- objects and people ------------------------------------------------------------------------


def test_an_object_that_comes_later_is_looked_for_where_it_is_known(session, monkeypatch):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    list(session.propagate())
    before = atnet_case.probabilities(session, 2)[0]
    session.add_object()
    session.add_stroke(4, 2, SECOND)
    chains = []
    find = Model.transferred
    monkeypatch.setattr(
        Model, "transferred", lambda *given: chains.append(len(given[2])) or find(*given)
    )
    list(session.propagate())
    assert chains == [2, 1] * 4, "two rounds knew the first object, one the second"
    entry = session._history.state.memory[-1]
    prior = [entry.guide(one, SIZE)[0] for one in (1, 2)]
    assert set(np.unique(prior[0])) <= {0, 1}, "the first object's mask is known"
    assert (prior[1] == 0.5).all(), "nothing is known of the second yet"
    own = [float(atnet_case.probabilities(session, t)[1].max()) for t in range(1, 4)]
    assert np.isfinite(own).all()
    after = atnet_case.probabilities(session, 2)[0]
    assert not np.array_equal(before, after)


def test_an_object_alone_is_as_with_others(video, ready):
    """Objects do not know each other: the second changes nothing for the first."""
    planes = []
    stroke = make_stroke(0, 1, FIRST)
    for objects in ((1,), (1, 2)):
        engine = atnet.AtnetEngine(lambda: ready, CPU)
        request = InteractRequest(video, 0, objects, (stroke,), None, None, None)
        results = carried(engine, request, (1, 2))
        planes.append([own_probabilities(result.probs)[0] for result in results])
    np.testing.assert_allclose(planes[0], planes[1], rtol=0, atol=1e-5)


def test_a_removed_object_leaves_the_others(session):
    for one, path in enumerate((FIRST, SECOND), start=1):
        session.add_object()
        session.add_stroke(0, one, path)
    list(session.propagate())
    session.remove_object(1)
    session.add_stroke(4, 2, [[38, 30]])
    list(session.propagate())
    assert not (np.asarray(session.masks) == 1).any()
    assert np.isfinite(atnet_case.probabilities(session, 2)).all()


def test_an_object_is_not_where_a_person_says_it_is_not(engine, video):
    strokes = (make_stroke(0, 1, FIRST), make_stroke(0, 2, SECOND))
    request = InteractRequest(video, 0, (1, 2), strokes, None, None, None)
    absent = {2: frozenset({1})}
    results = carried(engine, request, (1, 2, 3), lambda index: absent.get(index, frozenset()))
    without = carried(engine, request, (1, 2, 3))
    for place, result in enumerate(results):
        assert result.probs[1].any() == (place != 1)
        assert result.probs[2].any()
    np.testing.assert_array_equal(results[0].probs, without[0].probs)
    own = [own_probabilities(run[2].probs) for run in (results, without)]
    assert not np.array_equal(own[0][0], own[1][0]), "the neighbour's mask was empty"
    np.testing.assert_allclose(own[0][1], own[1][1], rtol=0, atol=1e-6)


def test_a_persons_mask_is_a_reference_without_strokes(session):
    labels = np.zeros(SIZE, np.uint16)
    labels[10:26, 8:24] = 1
    session.add_mask(0, labels)
    list(session.propagate())
    np.testing.assert_array_equal(session.masks[0], labels)
    (entry,) = session._history.state.memory
    np.testing.assert_array_equal(entry.guide(1, SIZE)[0], labels)
    assert atnet_case.probabilities(session, 1).any()


def test_what_a_person_changed_is_what_goes_to_the_neighbours(engine, video):
    stroke = make_stroke(2, 1, FIRST)
    request = InteractRequest(video, 2, (1,), (stroke,), None, None, None)
    start, memory = engine.interact(request)
    results = []
    for probs in (start.probs, np.stack([1 - video[2, ..., 0] // 200, video[2, ..., 0] // 200])):
        begun = type(start)(2, probs.astype(np.float32), None)
        todo = PropagateRequest(video, 2, (1,), begun, memory, (1,), (), (), no)
        results.append([r.probs for r in engine.propagate(todo)])
    assert np.abs(results[0][0] - results[1][0]).max() > 1e-3


# --- memory that runs out ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "said", "atol"), [(1, "smaller pieces", 1e-5), (2, "75% of their size", 1)]
)
def test_less_at_a_time_when_memory_is_full(session, out_of_memory, caplog, times, said, atol):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    list(session.propagate())
    wanted = [atnet_case.probabilities(session, t) for t in range(5)]
    session.undo()
    out_of_memory(Model, "predict", times)
    with caplog.at_level(logging.WARNING):
        seen = [update.index for update in session.propagate()]
    assert seen == list(range(5))
    assert len(caplog.messages) == times
    assert said in caplog.messages[-1]
    for t, planes in enumerate(wanted):
        np.testing.assert_allclose(
            atnet_case.probabilities(session, t), planes, rtol=0, atol=atol, err_msg=str(t)
        )


def test_memory_that_runs_out_on_the_way_changes_no_results_before(session, out_of_memory):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    run = session.propagate()
    seen = [next(run).index for _ in range(3)]
    before = [session.masks[t].copy() for t in range(3)]
    out_of_memory(Model, "predict", 2)
    seen += [update.index for update in run]
    assert seen == list(range(5))
    for t, mask in enumerate(before):
        np.testing.assert_array_equal(session.masks[t], mask)
    assert np.isfinite(atnet_case.probabilities(session, 4)).all()


def test_memory_that_never_suffices_is_one_clear_error(session, out_of_memory):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    out_of_memory(Model, "mark", 99)
    with pytest.raises(EngineError, match="Segmenting frame 0 needs more memory"):
        session.interact(0)


def test_bf16_stays_near_fp32(checkpoint, engine, video):
    if choose_dtype("bf16", CPU) != torch.bfloat16:
        pytest.skip("this processor has no bf16 arithmetic")
    masks = []
    for one in (engine, atnet.create("cpu", checkpoint, precision="bf16")):
        with Session(video, method="atnet", device="cpu", engine=one) as session:
            session.add_object()
            session.add_stroke(2, 1, FIRST)
            list(session.propagate())
            masks.append(np.asarray(session.masks))
    assert (masks[0] != masks[1]).mean() < 0.05


def test_without_weights_it_says_what_to_do():
    with pytest.raises(CheckpointError, match=r"'atnet' needs the authors' weights.*checkpoint="):
        atnet.create("cpu", None)


def test_an_interaction_needs_an_object(engine, video):
    with pytest.raises(EngineError, match="no object"):
        engine.interact(InteractRequest(video, 0, (), (), None, None, None))


# --- sizes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(17, 17), (31, 45), (3, 5), (1, 1)])
def test_frames_of_any_size(engine, size):
    rng = np.random.default_rng(0)
    video = open_video(rng.integers(0, 255, (2, *size, 3)).astype(np.uint8), axes="TYXS")
    with Session(video, method="atnet", device="cpu", engine=engine) as session:
        session.add_object()
        session.add_stroke(0, 1, [[0, 0], [size[0] - 1, size[1] - 1]])
        list(session.propagate())
        assert session.masks[1].shape == size
        assert np.isfinite(atnet_case.probabilities(session, 1)).all()


def test_one_frame_video(engine, video):
    with Session(video[:1], method="atnet", device="cpu", engine=engine) as session:
        session.add_object()
        session.add_stroke(0, 1, FIRST)
        assert [update.index for update in session.propagate()] == [0]
        assert atnet_case.probabilities(session, 0).any()


def test_strokes_beyond_the_frame_are_cut_off(session):
    session.add_object()
    session.add_stroke(0, 1, [[-30, -30], [90, 90]])
    assert session.interact(0).shape == SIZE
