"""IPNet beyond the authors' program: many objects, people's masks, odd files, little memory."""

import logging
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from methods.golden import ipnet_case
from napari_ivos import checkpoints, cli
from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.masks import probs_from_labels
from napari_ivos.methods import (
    Annotation,
    InteractRequest,
    PropagateRequest,
    get_method,
    verify_checkpoint,
)
from napari_ivos.methods._levels import choose_dtype
from napari_ivos.methods._shelf import Shelf
from napari_ivos.methods.ipnet import engine as ipnet
from napari_ivos.methods.ipnet.files import find_pair, load_networks
from napari_ivos.methods.ipnet.model import Model
from napari_ivos.methods.ipnet.networks import InteractionNetwork, PropagationNetwork
from napari_ivos.methods.ipnet.rounds import meet, merge
from napari_ivos.methods.ipnet.small import ProductConv
from napari_ivos.methods.ipnet.strokes import hints, stroke_map
from napari_ivos.methods.ipnet.window import SIDE, Window, around, cut, put_back
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session
from napari_ivos.video import open_video

CPU = torch.device("cpu")
SIZE = (48, 56)
FIRST = [[18, 10], [20, 22]]
SECOND = [[36, 38], [38, 50]]
INTERACTION, PROPAGATION = "I_e290.pth", "P_e290.pth"


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
    rng = np.random.default_rng(0)
    frames = rng.integers(60, 90, (3, *SIZE, 3)).astype(np.uint8)
    for t, frame in enumerate(frames):
        frame[10:26, 8 + 3 * t : 24 + 3 * t] = (200, 60, 40)
        frame[30:44, 36 - 2 * t : 52 - 2 * t] = (40, 80, 210)
    return frames


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


def test_what_the_old_result_does_not_know_stays_new():
    new = np.array([0.1, 0.3, 0.6], np.float32).reshape(3, 1, 1)
    old = np.array([0.2, 0.8, 0.0], np.float32).reshape(3, 1, 1)
    kept = old.copy()
    got = meet(new, old, 0.25).ravel()
    np.testing.assert_array_equal(old, kept)
    assert got[2] == pytest.approx(0.6)
    assert got[1] == pytest.approx(0.25 * 0.3 + 0.75 * 0.8 * 0.4)
    assert got.sum() == pytest.approx(1)


def test_one_object_keeps_the_probability_that_its_network_gave():
    plane = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 3, 4)
    probs = merge(plane)
    np.testing.assert_array_equal(probs[1], plane[0])
    np.testing.assert_array_equal(probs[0], 1 - plane[0])
    beside = merge(np.concatenate([plane, np.zeros_like(plane)]))
    np.testing.assert_array_equal(beside[:2], probs)
    assert not beside[2].any()
    both = merge(np.concatenate([plane, plane[:, ::-1]]))
    np.testing.assert_allclose(both.sum(0), 1, atol=1e-6)


# --- frames and windows ------------------------------------------------------------------------


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


def test_a_window_shows_the_frame_and_black_beyond():
    image = np.full((100, 150), 7, np.uint8)
    seen = cut(image, Window(49.5, 74.5, 200, 300))
    assert seen[:60].max() == 0
    assert (seen[70:180, 70:180] == 7).all()
    back = put_back(np.ones((SIDE, SIDE), np.float32), Window(20, 30, 40, 40), (100, 150))
    assert back[20, 30] == 1
    assert not back[60:].any()
    assert not back[:, 70:].any()


def test_where_nothing_is_marked_the_window_is_the_frame():
    window = around([np.zeros((300, 500), np.float32), np.zeros((300, 500), bool)])
    assert window.height >= 300
    assert window.width >= 500


def test_a_share_of_the_frame_is_found_again_from_pixels():
    for size in (41, 61, 101, 213, 480, 854):
        for shares in (np.arange(size) / (size - 1), np.arange(1001) / 1000):
            strokes = [make_stroke(0, 1, [[0, share * size]]) for share in shares]
            got = [np.flatnonzero(stroke_map([one], (1, size))[0] == 1).tolist() for one in strokes]
            assert got == [[int(share * (size - 1))] for share in shares]


def test_strokes_beyond_the_frame_are_cut_off():
    outside = [make_stroke(0, 1, [[-30, -30], [90, 90]]), make_stroke(0, 0, [[70, 5], [90, 9]])]
    owners = stroke_map(outside, SIZE)
    assert (owners == 1).any()
    assert not (owners == 0).any()


def test_the_strokes_of_others_are_negative_and_outlines_are_areas():
    square = [[5, 5], [5, 25], [25, 25], [25, 5]]
    strokes = [make_stroke(0, 3, square, filled=True), make_stroke(0, 1, [[40, 40]])]
    positive, negative = hints(strokes, 1, SIZE)
    assert positive.sum() == 13
    assert negative[15, 15]
    assert not (positive & negative).any()


# --- memory ------------------------------------------------------------------------------------


class OutOfMemory:
    """Makes a device run out of memory for the first so many frames."""

    def __init__(self, monkeypatch, times):
        propagate = Model.propagate

        def fail(model, *arguments):
            if self.left > 0:
                self.left -= 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return propagate(model, *arguments)

        self.left = times
        monkeypatch.setattr(Model, "propagate", fail)


def test_objects_one_by_one_when_memory_is_full(video, engine, monkeypatch, caplog, runs):
    strokes = (make_stroke(0, 1, FIRST), make_stroke(0, 2, SECOND))
    start, memory = engine.interact(ask(video, 0, (1, 2), strokes))
    wanted = carry(engine, video[:2], start, memory, (1, 2))
    card = ipnet.levels(torch.device("cuda"))
    assert [level.device.type for level in card] == ["cuda", "cuda", "cpu"]
    on_cpu = [ipnet.Level(CPU, level.block_bytes, 0) for level in card[:2]]
    monkeypatch.setattr(ipnet, "levels", lambda device: on_cpu)
    together = ipnet.IpnetEngine(engine._load, CPU)
    OutOfMemory(monkeypatch, 1)
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


def test_memory_that_never_suffices_is_one_clear_error(session, monkeypatch):
    session.add_object()
    draw(session, 0, {1: FIRST})
    OutOfMemory(monkeypatch, 99)
    run = session.propagate()
    assert next(run).index == 0
    with pytest.raises(EngineError, match="Segmenting frame 1 needs more memory"):
        list(run)


def test_weights_come_back_from_the_shelf():
    conv = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last).requires_grad_(False)
    wanted = [tensor.clone() for tensor in conv.parameters()]
    shelf = Shelf(conv)
    for _ in range(2):
        shelf.rest()
        for tensor, value in zip(conv.parameters(), wanted, strict=True):
            assert torch.equal(tensor, value)
            assert tensor.stride() == value.stride()


def test_without_room_on_disk_weights_stay_in_memory(monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_ivos.methods._shelf._write", full)
    conv = torch.nn.Conv2d(3, 4, 3).requires_grad_(False)
    before = conv.weight.data_ptr()
    Shelf(conv).rest()
    assert conv.weight.data_ptr() == before
    assert "No space left" in caplog.text


def test_products_are_what_a_convolution_gives():
    conv = torch.nn.Conv2d(6, 5, 3, padding=1).requires_grad_(False)
    x = torch.randn(2, 6, 4, 7, generator=torch.Generator().manual_seed(0))
    wanted = conv(x)
    got = ProductConv(conv.to(memory_format=torch.channels_last))(x)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


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


# --- files -------------------------------------------------------------------------------------


def link(folder, **files):
    for name, target in files.items():
        (folder / f"{name}_e290.pth").symlink_to(target)
    return folder


def test_a_folder_or_either_file_stands_for_both(checkpoint):
    pair = checkpoint / INTERACTION, checkpoint / PROPAGATION
    for path in (checkpoint, *pair):
        assert find_pair(path) == pair


def test_what_is_missing_is_said(tmp_path, checkpoint):
    def said(path):
        with pytest.raises(CheckpointError) as caught:
            find_pair(path)
        return caught.value.message

    assert "does not exist" in said(tmp_path / "nothing")
    assert said(tmp_path) == f"Neither of IPNet's two files of weights is in '{tmp_path}'."
    link(tmp_path, I=checkpoint / INTERACTION)
    wanted = f"IPNet has two files of weights, and {PROPAGATION} is not in '{tmp_path}'."
    assert said(tmp_path) == said(tmp_path / INTERACTION) == wanted
    (tmp_path / "mine.pth").write_bytes(b"")
    assert "'mine.pth' is the name of neither" in said(tmp_path / "mine.pth")
    with pytest.raises(CheckpointError, match=r"needs the authors' weights.*checkpoint="):
        ipnet.create("cpu", None)


def test_files_that_are_swapped_or_the_same_are_told_apart(tmp_path, checkpoint):
    first, second = checkpoint / INTERACTION, checkpoint / PROPAGATION
    cases = {
        "swapped": ({"I": second, "P": first}, "are swapped"),
        "both I": ({"I": first, "P": first}, f"that of {PROPAGATION} is missing"),
        "both P": ({"I": second, "P": second}, f"that of {INTERACTION} is missing"),
    }
    for name, (files, said) in cases.items():
        (tmp_path / name).mkdir()
        with pytest.raises(CheckpointError) as caught:
            load_networks(link(tmp_path / name, **files))
        assert said in caught.value.message, name
        assert "RuntimeError" not in str(caught.value)


def test_one_file_of_the_pair_is_verified_alone(tmp_path, checkpoint, monkeypatch):
    for name in (INTERACTION, PROPAGATION):
        verify_checkpoint("ipnet", checkpoint / name)
    (tmp_path / "beside").mkdir()
    wrong = link(tmp_path / "beside", I=checkpoint / PROPAGATION) / INTERACTION
    with pytest.raises(CheckpointError, match=r"is not I_e290.pth: .* missing"):
        verify_checkpoint("ipnet", wrong)
    user = tmp_path / "user"
    monkeypatch.setattr("napari_ivos.checkpoints._locate.user_folder", lambda: user)
    monkeypatch.setenv(checkpoints.ENVIRONMENT, str(user))
    for name in (INTERACTION, PROPAGATION):
        added = CliRunner().invoke(cli.app, ["checkpoints", "add", str(checkpoint / name)])
        assert added.exit_code == 0, added.output
    assert checkpoints.find("ipnet") == user
    assert find_pair(user) == (user / INTERACTION, user / PROPAGATION)
    for name in (INTERACTION, PROPAGATION):
        (user / name).unlink()


def test_the_licence_is_shown():
    assert "non-commercial" in get_method("ipnet").licence
    for command in (["methods"], ["checkpoints", "list"]):
        lines = CliRunner().invoke(cli.app, command).output.splitlines()
        (line,) = [line for line in lines if line.startswith("ipnet")]
        assert "CC BY-NC-SA 4.0" in line


class LegacyPickler(pickle.Pickler):
    """Tensors as torch 0.3.1 wrote them, on a graphics card."""

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = OrderedDict()

    def persistent_id(self, value):
        if isinstance(value, Storage):
            self.storages[value.key] = value.array
            return ("storage", torch.cuda.FloatStorage, value.key, "cuda:1", value.array.size, None)
        return None


class Storage:
    def __init__(self, key, array):
        self.key = key
        self.array = array


class Rebuilt:
    """Pickles as a call of ``torch._utils._rebuild_tensor`` with four arguments."""

    def __init__(self, key, array):
        self.storage = Storage(key, array)
        self.shape = array.shape

    def __reduce__(self):
        steps = tuple(int(np.prod(self.shape[place + 1 :])) for place in range(len(self.shape)))
        return torch._utils._rebuild_tensor, (self.storage, 0, self.shape, steps)


def save_as_of_old(path, state):
    with path.open("wb") as file:
        for head in (0x1950A86A20F9469CFC6C, 1001):
            pickle.dump(head, file, protocol=2)
        sizes = {"short": 2, "int": 4, "long": 4}
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
        pickle.dump(system, file, protocol=2)
        pickler = LegacyPickler(file)
        named = ((f"module.{key}", value.numpy()) for key, value in state.items())
        values = OrderedDict(
            (key, Rebuilt(str(number), array)) for number, (key, array) in enumerate(named)
        )
        pickler.dump(values)
        pickle.dump(list(pickler.storages), file, protocol=2)
        for array in pickler.storages.values():
            file.write(struct.pack("<q", array.size) + array.astype("<f4").tobytes())


def test_files_of_the_authors_kind_are_read(tmp_path, checkpoint):
    """From torch 0.3.1: no zip, no counters, a prefix, and storages on a graphics card."""
    state = torch.load(checkpoint / INTERACTION, weights_only=True)
    kept = {key: value for key, value in state.items() if "num_batches" not in key}
    assert len(kept) == 313
    path = tmp_path / INTERACTION
    save_as_of_old(path, kept)
    verify_checkpoint("ipnet", path)
    network, _ = load_networks(link(tmp_path, P=checkpoint / PROPAGATION))
    wanted, _ = load_networks(checkpoint)
    for one, other in zip(network.parameters(), wanted.parameters(), strict=True):
        assert torch.equal(one, other)
    path.unlink()
