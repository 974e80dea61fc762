"""GIS beyond the authors' program: objects that come and go, people's masks, little memory."""

import logging

import numpy as np
import pytest
import torch

from methods.boxes import FIRST, SECOND, SIZE, two_boxes
from methods.golden import gis_case
from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods import Annotation, InteractRequest, PropagateRequest, create_engine
from napari_ivos.methods._levels import choose_dtype, difference, levels
from napari_ivos.methods.gis import engine as gis
from napari_ivos.methods.gis.model import Model
from napari_ivos.methods.gis.network import GisNetwork
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session
from napari_ivos.video import open_video

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(made_up_weights):
    return made_up_weights("gis")


@pytest.fixture(scope="module")
def ready(quick_network):
    return quick_network("gis")


@pytest.fixture
def engine(ready):
    return gis.GisEngine(lambda: ready, CPU)


@pytest.fixture(scope="module")
def video():
    return two_boxes(6)


@pytest.fixture
def session(video, engine):
    with Session(video, method="gis", device="cpu", engine=engine) as made:
        yield made


def encodings(monkeypatch):
    counted = []
    encode, mark = GisNetwork.encode, GisNetwork.mark
    monkeypatch.setattr(
        GisNetwork, "encode", lambda self, x: counted.append("frame") or encode(self, x)
    )
    monkeypatch.setattr(
        GisNetwork, "mark", lambda self, x: counted.append("object") or mark(self, x)
    )
    return counted


def test_each_frame_and_object_is_encoded_once(session, monkeypatch):
    counted = encodings(monkeypatch)
    for one, path in enumerate((FIRST, SECOND), start=1):
        session.add_object()
        session.add_stroke(0, one, path)
    session.interact(0)
    assert sorted(counted) == ["frame", "object", "object"]
    list(session.propagate())
    assert counted.count("frame") == 6
    assert counted.count("object") == 2, "the indicators of the preview are used again"
    session.add_stroke(5, 1, [[18, 30], [20, 34]])
    list(session.propagate())
    assert counted.count("frame") == 6, "a later round does not encode again"
    assert counted.count("object") == 4


def test_without_room_features_are_made_again_with_the_same_result(ready, video, monkeypatch):
    monkeypatch.setattr(gis, "_DISK_BYTES", 0)
    results = []
    for room in (0, 2**30):
        counted = encodings(monkeypatch)
        engine = gis.GisEngine(lambda: ready, CPU, cache_bytes=room)
        with Session(video, method="gis", device="cpu", engine=engine) as session:
            session.add_object()
            session.add_stroke(2, 1, FIRST)
            list(session.propagate())
            results.append((np.asarray(session.masks), session.reliability, len(counted)))
        monkeypatch.undo()
        monkeypatch.setattr(gis, "_DISK_BYTES", 0)
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert results[0][2] > results[1][2]


def test_no_random_number_is_drawn(checkpoint, session):
    before = torch.get_rng_state()
    create_engine("gis", "cpu", checkpoint)
    session.add_object()
    session.add_stroke(1, 1, FIRST)
    list(session.propagate())
    first = np.asarray(session.masks)
    assert torch.equal(torch.get_rng_state(), before)
    session.undo()
    list(session.propagate())
    np.testing.assert_array_equal(np.asarray(session.masks), first)


def test_an_object_that_comes_later_is_looked_for_where_it_is_known(session):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    list(session.propagate())
    session.add_object()
    session.add_stroke(5, 2, SECOND)
    list(session.propagate())
    entry = session._history.state.memory[-1]
    prior = [entry.guide(one, SIZE)[0] for one in (1, 2)]
    assert set(np.unique(prior[0])) <= {0, 1}, "the first object's mask is known"
    assert (prior[1] == 0.5).all(), "nothing is known of the second yet"
    probs = gis_case.probabilities(session, 3)
    assert probs.shape[0] == 3
    assert np.isfinite(probs).all()


def test_a_removed_object_leaves_the_others(session):
    for one, path in enumerate((FIRST, SECOND), start=1):
        session.add_object()
        session.add_stroke(0, one, path)
    list(session.propagate())
    session.remove_object(1)
    session.add_stroke(5, 2, [[38, 30]])
    list(session.propagate())
    assert not (np.asarray(session.masks) == 1).any()
    assert np.isfinite(session.reliability).all()


def test_an_object_is_not_where_a_person_says_it_is_not(session):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    session.mark_absent(1, 3, 4)
    list(session.propagate())
    assert not session.masks[3].any()
    assert session.masks[2].any()
    assert session.masks[4].any()


def test_a_persons_mask_is_a_reference_without_strokes(session, engine):
    labels = np.zeros(SIZE, np.uint16)
    labels[10:26, 8:24] = 1
    session.add_mask(0, labels)
    list(session.propagate())
    np.testing.assert_array_equal(session.masks[0], labels)
    (entry,) = session._history.state.memory
    np.testing.assert_array_equal(entry.guide(1, SIZE)[0], labels)
    assert session.masks[1].any()


def test_memory_is_small_and_can_be_had_again(engine, video):
    stroke = make_stroke(2, 1, FIRST)
    request = InteractRequest(video, 2, (1,), (stroke,), None, None, None)
    start, memory = engine.interact(request)
    assert len(memory) == 1
    again = engine.rebuild(video, [Annotation(2, (1,), (stroke,), None, None)])

    def carry(entries):
        todo = PropagateRequest(
            video, 2, (1,), start, entries, (1, 0), (3, 4), (), lambda index: None
        )
        return list(engine.propagate(todo))

    first, second = carry(memory), carry(again)
    assert [result.index for result in first] == [1, 0, 3, 4]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.probs, other.probs)
        assert one.reliability == other.reliability
        np.testing.assert_allclose(one.probs.sum(0), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("times", "said", "atol"), [(1, "smaller pieces", 1e-4), (2, "75% of their size", 1)]
)
def test_less_at_a_time_when_memory_is_full(session, out_of_memory, caplog, times, said, atol):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    wanted = session.interact(0)
    probs = gis_case.probabilities(session, 0)
    session.undo()
    session.add_stroke(0, 1, FIRST)
    out_of_memory(Model, "predict", times)
    with caplog.at_level(logging.WARNING):
        got = session.interact(0)
    assert len(caplog.messages) == times
    assert "out of memory" in caplog.text
    assert said in caplog.messages[-1]
    assert got.shape == wanted.shape
    np.testing.assert_allclose(gis_case.probabilities(session, 0), probs, rtol=0, atol=atol)


def test_memory_that_runs_out_on_the_way_changes_no_results_before(session, out_of_memory):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    run = session.propagate()
    seen = [next(run).index for _ in range(3)]
    before = [session.masks[t].copy() for t in range(3)]
    out_of_memory(Model, "predict", 2)
    seen += [update.index for update in run]
    assert seen == list(range(6))
    for t, mask in enumerate(before):
        np.testing.assert_array_equal(session.masks[t], mask)
    assert np.isfinite(session.reliability).all()


def test_memory_that_never_suffices_is_one_clear_error(session, out_of_memory):
    session.add_object()
    session.add_stroke(0, 1, FIRST)
    out_of_memory(Model, "predict", 99)
    with pytest.raises(EngineError, match="Segmenting frame 0 needs more memory"):
        session.interact(0)


def test_a_graphics_card_that_is_full_hands_over_to_the_processor():
    found = levels(torch.device("cuda"), 2**30)
    assert [level.device.type for level in found] == ["cuda"] * 4 + ["cpu"] * 4
    assert [level.scale for level in found[:4]] == [1, 1, 0.75, 0.5]
    assert found[1].block_bytes < found[0].block_bytes
    assert "which is slower" in difference(found[3], found[4])


def test_bf16_stays_near_fp32(checkpoint, video):
    if choose_dtype("bf16", CPU) != torch.bfloat16:
        pytest.skip("this processor has no bf16 arithmetic")
    masks = []
    for precision in ("fp32", "bf16"):
        engine = gis.create("cpu", checkpoint, precision=precision)
        with Session(video, method="gis", device="cpu", engine=engine) as session:
            session.add_object()
            session.add_stroke(2, 1, FIRST)
            list(session.propagate())
            masks.append(np.asarray(session.masks))
    assert (masks[0] != masks[1]).mean() < 0.05


@pytest.mark.parametrize("precision", ["fp64", "fp16"])
def test_a_precision_that_there_is_not(precision):
    with pytest.raises(EngineError, match=r"precision|fp16"):
        choose_dtype(precision, CPU)


def test_without_weights_it_says_what_to_do():
    with pytest.raises(CheckpointError, match=r"needs the authors' weights.*checkpoint="):
        gis.create("cpu", None)


@pytest.mark.parametrize("size", [(17, 200), (3, 5), (1, 1)])
def test_frames_of_any_size(engine, size):
    video = open_video(np.zeros((2, *size, 3), np.uint8), axes="TYXS")
    with Session(video, method="gis", device="cpu", engine=engine) as session:
        session.add_object()
        session.add_stroke(0, 1, [[0, 0], [size[0] - 1, size[1] - 1]])
        list(session.propagate())
        assert session.masks[1].shape == size


def test_strokes_beyond_the_frame_are_cut_off(session):
    session.add_object()
    session.add_stroke(0, 1, [[-30, -30], [90, 90]])
    assert session.interact(0).shape == SIZE
