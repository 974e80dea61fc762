"""IPNet beyond the authors' program: many objects, people's masks, odd files, little memory."""

import logging

import numpy as np
import pytest
import torch

from methods.boxes import FIRST, SECOND, SIZE, two_boxes
from methods.golden import ipnet_case
from napari_ivos.errors import EngineError
from napari_ivos.masks import probs_from_labels
from napari_ivos.methods import Annotation, InteractRequest, PropagateRequest
from napari_ivos.methods._levels import choose_dtype
from napari_ivos.methods.ipnet import engine as ipnet
from napari_ivos.methods.ipnet.model import Model
from napari_ivos.methods.ipnet.networks import InteractionNetwork, PropagationNetwork
from napari_ivos.methods.ipnet.rounds import meet
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session
from napari_ivos.video import open_video

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint(ipnet_checkpoint):
    return ipnet_checkpoint


@pytest.fixture(scope="module")
def networks(ipnet_networks):
    return ipnet_networks


@pytest.fixture
def engine(networks):
    return ipnet.IpnetEngine(lambda: networks, CPU)


@pytest.fixture(scope="module")
def video():
    return two_boxes(3)


@pytest.fixture
def session(video, engine):
    with Session(video, method="ipnet", device="cpu", engine=engine) as made:
        yield made


@pytest.fixture
def runs(monkeypatch):
    """Which network ran, with how many objects at a time, in order."""
    counted = []
    for name, kind in (("interact", InteractionNetwork), ("visit", PropagationNetwork)):
        forward = kind.forward

        def count(self, window, *rest, name=name, forward=forward):
            counted.append((name, len(window)))
            return forward(self, window, *rest)

        monkeypatch.setattr(kind, "forward", count)
    return counted


def draw(session, frame, paths):
    for one, path in paths.items():
        session.add_stroke(frame, one, path)


def ask(video, frame, objects, strokes, **more):
    given = {"prior": None, "human": None, "memory": None} | more
    return InteractRequest(video, frame, objects, strokes, **given)


def carry(engine, video, start, memory, objects=(1,), previous=lambda index: None, **more):
    frame = start.index
    ways = tuple(range(frame - 1, -1, -1)), tuple(range(frame + 1, len(video)))
    todo = PropagateRequest(video, frame, objects, start, memory, *ways, (), previous, **more)
    return {result.index: result for result in engine.propagate(todo)}


# --- objects -----------------------------------------------------------------------------------


def test_each_object_has_a_network_of_its_own_and_they_are_merged(video, engine, runs):
    strokes = (make_stroke(0, 1, FIRST), make_stroke(0, 7, SECOND))
    start, memory = engine.interact(ask(video, 0, (1, 7), strokes))
    assert runs == [("interact", 1)] * 2
    assert set(memory) == {1, 7}
    alone, _ = engine.interact(ask(video, 0, (1,), strokes))
    sharpened = alone.probs[1] > 0.5
    free = start.probs[2] < 1e-3
    np.testing.assert_array_equal((start.probs[1] > 0.5)[free], sharpened[free])
    results = carry(engine, video, start, memory, (1, 7))
    assert list(results) == [1, 2]
    for result in (start, *results.values()):
        assert result.probs.shape == (3, *SIZE)
        assert result.probs.dtype == np.float32
        np.testing.assert_allclose(result.probs.sum(0), 1, atol=1e-5)
        assert result.reliability is None


def test_an_object_without_strokes_and_mask_is_not_there(video, engine, runs):
    strokes = (make_stroke(0, 1, FIRST),)
    start, memory = engine.interact(ask(video, 0, (1, 2), strokes))
    alone, _ = engine.interact(ask(video, 0, (1,), strokes))
    assert set(memory) == {1}
    assert not start.probs[2].any()
    np.testing.assert_array_equal(start.probs[:2], alone.probs)
    results = carry(engine, video, start, memory, (1, 2))
    assert runs.count(("visit", 1)) == 2
    assert not results[2].probs[2].any()
    np.testing.assert_array_equal(results[2].probs[0], 1 - results[2].probs[1])


def test_a_single_object_may_begin_with_a_stroke_of_the_background(video, engine, runs):
    start, memory = engine.interact(ask(video, 0, (1,), (make_stroke(0, 0, FIRST),)))
    assert runs == [("interact", 1)]
    assert set(memory) == {1}
    assert start.probs[1].any()


def test_an_object_of_a_later_round_is_not_blended_with_nothing(session, monkeypatch):
    session.add_object()
    draw(session, 0, {1: FIRST})
    list(session.propagate())
    session.add_object()
    draw(session, 2, {2: SECOND})
    met = []

    def note(new, old, share):
        met.append((new.copy(), old.copy(), share))
        return meet(new, old, share)

    monkeypatch.setattr("napari_ivos.methods.ipnet.walk.meet", note)
    list(session.propagate())
    assert set(ipnet_case.memory(session)) == {1, 2}
    ((new, old, share),) = met
    assert share == 0.5
    assert not old[2].any()
    probs = ipnet_case.probabilities(session, 1)
    np.testing.assert_allclose(probs[2], new[2], atol=1e-6)
    assert not np.allclose(probs[1], new[1], atol=1e-3)
    np.testing.assert_allclose(probs.sum(0), 1, atol=1e-5)


def test_a_removed_object_leaves_the_others(session):
    for _ in range(2):
        session.add_object()
    draw(session, 0, {1: FIRST, 2: SECOND})
    list(session.propagate())
    session.remove_object(1)
    draw(session, 2, {2: [[38, 30]]})
    list(session.propagate())
    assert not (np.asarray(session.masks) == 1).any()
    assert ipnet_case.probabilities(session, 1).shape[0] == 2


def test_an_object_is_not_where_a_person_says_it_is_not(session, runs):
    session.add_object()
    draw(session, 0, {1: FIRST})
    session.mark_absent(1, 1, 2)
    list(session.propagate())
    assert runs.count(("visit", 1)) == 1, "nothing to do on that frame"
    assert not session.masks[1].any()
    assert session.masks[2].any(), "it is looked for again"


def test_a_persons_mask_is_a_reference_without_strokes(session, runs):
    session.add_object()
    labels = np.zeros(SIZE, np.uint16)
    labels[10:26, 8:24] = 1
    session.add_mask(0, labels)
    list(session.propagate())
    np.testing.assert_array_equal(session.masks[0], labels)
    assert runs == [("interact", 1)] + [("visit", 1)] * 2
    assert set(ipnet_case.memory(session)) == {1}


def test_a_persons_pixels_are_the_mask_from_before(video, engine):
    human = np.full(SIZE, -1, np.int32)
    human[10:26, 8:24] = 1
    human[:5] = 0
    prior = probs_from_labels(np.ones(SIZE, np.uint16), (1,))
    mixed = prior.copy()
    mixed[:, :5] = [[[1]], [[0]]]
    strokes = (make_stroke(0, 1, FIRST),)
    painted, _ = engine.interact(ask(video, 0, (1,), strokes, prior=prior, human=human))
    same, _ = engine.interact(ask(video, 0, (1,), strokes, prior=mixed))
    np.testing.assert_array_equal(painted.probs, same.probs)


# --- rounds ------------------------------------------------------------------------------------


def test_the_same_input_gives_the_same_output(session):
    before = torch.get_rng_state()
    session.add_object()
    draw(session, 1, {1: FIRST})
    list(session.propagate())
    first = np.asarray(session.masks)
    session.undo()
    list(session.propagate())
    np.testing.assert_array_equal(np.asarray(session.masks), first)
    assert torch.equal(torch.get_rng_state(), before), "no random number is drawn"


def test_memory_is_of_one_size_and_can_be_had_again(video, engine):
    strokes = [(make_stroke(0, 1, FIRST),), (make_stroke(2, 1, [[18, 20], [20, 26]]),)]
    start, memory = engine.interact(ask(video, 0, (1,), strokes[0]))
    prior = start.probs
    _, second = engine.interact(ask(video, 2, (1,), strokes[1], prior=prior, memory=memory))
    assert second[1].nbytes == memory[1].nbytes == 2048 * 64 * 4
    assert not np.allclose(second[1], memory[1])
    with pytest.raises(ValueError, match="read-only"):
        second[1][:] = 0
    past = [
        Annotation(0, (1,), strokes[0], None, None),
        Annotation(2, (1,), strokes[1], prior, None),
    ]
    np.testing.assert_allclose(engine.rebuild(video, past)[1], second[1], atol=1e-4)


def test_a_rebuilt_round_takes_its_strokes_at_once(video, engine):
    strokes = make_stroke(0, 1, FIRST), make_stroke(0, 0, SECOND)
    at_once, memory = engine.interact(ask(video, 0, (1,), strokes))
    first, _ = engine.interact(ask(video, 0, (1,), strokes[:1]))
    by_turns, live = engine.interact(ask(video, 0, (1,), strokes, shown=first.probs))
    again = engine.rebuild(video, [Annotation(0, (1,), strokes, None, None)])
    np.testing.assert_allclose(again[1], memory[1], atol=1e-4)
    assert not np.allclose(again[1], live[1], atol=1e-4)
    assert not np.allclose(at_once.probs, by_turns.probs, atol=1e-4)


def test_a_run_can_end_after_any_frame(video, engine):
    start, memory = engine.interact(ask(video, 1, (1,), (make_stroke(1, 1, FIRST),)))
    whole = carry(engine, video, start, memory)
    ways = (0,), (2,)
    run = engine.propagate(
        PropagateRequest(video, 1, (1,), start, memory, *ways, (), lambda index: None)
    )
    part = [next(run), next(run)]
    run.close()
    assert [result.index for result in part] == [0, 2]
    for result in part:
        np.testing.assert_array_equal(result.probs, whole[result.index].probs)


def test_the_neighbour_hands_on_what_is_not_blended(video, engine):
    start, memory = engine.interact(ask(video, 0, (1,), (make_stroke(0, 1, FIRST),)))
    old = probs_from_labels(np.zeros(SIZE, np.uint16), (1,))
    old[:, :, :20] = [[[0.9]], [[0.1]]]
    released = ipnet.IpnetEngine(engine._load, CPU, "released")
    shares = {1: 2 / 3, 2: 1 / 3}
    runs = []
    for one in (engine, released):
        todo = PropagateRequest(
            video, 0, (1,), start, memory, (), (1, 2), (3,), lambda index: old.copy()
        )
        runs.append({result.index: result.probs for result in one.propagate(todo)})
    for index, share in shares.items():
        wanted = share * runs[1][index] + (1 - share) * old
        np.testing.assert_allclose(runs[0][index], wanted, atol=1e-6)


def test_ways_for_rounds_to_meet(monkeypatch, checkpoint, networks):
    monkeypatch.setattr(ipnet, "load_networks", lambda path: networks)
    assert ipnet.create("cpu", checkpoint)._rounds == "blend"
    assert ipnet.create("cpu", checkpoint, rounds="released")._rounds == "released"
    monkeypatch.setenv("NAPARI_IVOS_IPNET_ROUNDS", "released")
    assert ipnet.create("cpu", checkpoint)._rounds == "released"
    assert ipnet.create("cpu", checkpoint, rounds="blend")._rounds == "blend"
    with pytest.raises(EngineError, match="'average'"):
        ipnet.create("cpu", checkpoint, rounds="average")


# --- frames ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(17, 17), (3, 5), (1, 1), (31, 45), (1, 300)])
def test_frames_of_any_size(engine, size):
    video = open_video(np.full((2, *size, 3), 90, np.uint8), axes="TYXS")
    with Session(video, method="ipnet", device="cpu", engine=engine) as session:
        session.add_object()
        session.add_stroke(0, 1, [[0, 0], [size[0] - 1, size[1] - 1]])
        list(session.propagate())
        assert session.masks[1].shape == size
        assert np.isfinite(ipnet_case.probabilities(session, 1)).all()


def test_one_frame_video(engine, video):
    with Session(video[:1], method="ipnet", device="cpu", engine=engine) as session:
        session.add_object()
        draw(session, 0, {1: FIRST})
        assert [result.index for result in session.propagate()] == [0]


# --- memory ------------------------------------------------------------------------------------


def test_objects_one_by_one_when_memory_is_full(
    video, engine, monkeypatch, out_of_memory, caplog, runs
):
    strokes = (make_stroke(0, 1, FIRST), make_stroke(0, 2, SECOND))
    start, memory = engine.interact(ask(video, 0, (1, 2), strokes))
    wanted = carry(engine, video[:2], start, memory, (1, 2))
    card = ipnet.levels(torch.device("cuda"))
    assert [level.device.type for level in card] == ["cuda", "cuda", "cpu"]
    on_cpu = [ipnet.Level(CPU, level.block_bytes, 0) for level in card[:2]]
    monkeypatch.setattr(ipnet, "levels", lambda device: on_cpu)
    together = ipnet.IpnetEngine(engine._load, CPU)
    out_of_memory(Model, "propagate", 1)
    runs.clear()
    with caplog.at_level(logging.WARNING):
        got = carry(together, video[:2], start, memory, (1, 2))
    assert "smaller pieces" in caplog.text
    assert runs == [("visit", 1)] * 2
    for index, result in wanted.items():
        np.testing.assert_allclose(got[index].probs, result.probs, atol=1e-4)


def test_several_objects_at_a_time_give_the_same(video, engine, monkeypatch, runs):
    strokes = (make_stroke(0, 1, FIRST), make_stroke(0, 2, SECOND))
    wanted, _ = engine.interact(ask(video, 0, (1, 2), strokes))
    many = [ipnet.Level(CPU, ipnet._TOGETHER * ipnet._OBJECT_BYTES, 0)]
    monkeypatch.setattr(ipnet, "levels", lambda device: many)
    runs.clear()
    got, _ = ipnet.IpnetEngine(engine._load, CPU).interact(ask(video, 0, (1, 2), strokes))
    assert runs == [("interact", 2)]
    np.testing.assert_allclose(got.probs, wanted.probs, atol=1e-4)


def test_memory_that_never_suffices_is_one_clear_error(session, out_of_memory):
    session.add_object()
    draw(session, 0, {1: FIRST})
    out_of_memory(Model, "propagate", 99)
    run = session.propagate()
    assert next(run).index == 0
    with pytest.raises(EngineError, match="Segmenting frame 1 needs more memory"):
        list(run)


def test_bf16_stays_near_fp32(checkpoint, video, engine):
    if choose_dtype("bf16", CPU) != torch.bfloat16:
        pytest.skip("this processor has no bf16 arithmetic")
    strokes = (make_stroke(0, 1, FIRST),)
    wanted, _ = engine.interact(ask(video, 0, (1,), strokes))
    half = ipnet.create("cpu", checkpoint, precision="bf16")
    got, memory = half.interact(ask(video, 0, (1,), strokes))
    assert ((got.probs[1] > 0.5) != (wanted.probs[1] > 0.5)).mean() < 0.05
    assert memory[1].dtype == np.float32
    assert carry(half, video[:2], got, memory)[1].probs.dtype == np.float32
