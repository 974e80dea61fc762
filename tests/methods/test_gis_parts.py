"""The parts that GIS is made of, without its weights."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from napari_ivos.errors import CheckpointError, EngineError
from napari_ivos.methods import InteractRequest
from napari_ivos.methods._blocks import fold_norms, speed_up, split_conv
from napari_ivos.methods._cache import FeatureCache
from napari_ivos.methods._frames import crop, margins, pad
from napari_ivos.methods._guide import guide, stroke_image
from napari_ivos.methods._rounds import remember
from napari_ivos.methods._state_dict import load_state_dict
from napari_ivos.methods._torch import (
    inference,
    is_out_of_memory,
    load_strict,
    own_tensors,
    resolve_device,
    translated,
)
from napari_ivos.methods.gis.attention import Reference, at_annotated, spread, transfer
from napari_ivos.methods.gis.memory import nearest_rounds
from napari_ivos.methods.gis.network import GisNetwork
from napari_ivos.methods.gis.padding import Rims, shrink
from napari_ivos.methods.gis.steps import Sources
from napari_ivos.scribbles import make_stroke

# --- attention ---------------------------------------------------------------------------------


def features(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


@pytest.mark.parametrize("block", [1, 7, 30, 1000])
def test_pieces_of_attention_add_up(block):
    source, query, values = features(128, 30) / 4, features(128, 24, seed=1) / 4, features(5, 30)
    whole = values @ torch.softmax(source.T @ query, dim=1)
    torch.testing.assert_close(spread(source, query, values, block), whole, rtol=0, atol=1e-5)


def test_each_annotated_position_spreads_one_unit():
    moved = spread(features(128, 9), features(128, 12, seed=1), torch.ones(1, 9), 4)
    assert float(moved.sum()) == pytest.approx(9, abs=1e-4)


def reference(seed, objects):
    return Reference(features(128, 20, seed=seed) / 4, features(128 + 256 * objects, 20, seed=seed))


def test_an_object_draws_only_on_the_frames_that_know_it():
    query, itself = features(128, 16, seed=5) / 4, features(128, 16, seed=6)
    both, one = reference(1, 2), reference(2, 1)
    moved = transfer(query, itself, [both, one], [[True, True], [True, False]], 8)
    alone = Reference(both.similar, torch.cat([both.values[:128], both.values[384:]]))
    wanted = transfer(query, itself, [alone], [[True]], 8)
    torch.testing.assert_close(moved.objects[1], wanted.objects[0], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(moved.objects[0], moved.objects[1])
    assert bool(((moved.score > 0) & (moved.score <= 1)).all())


def test_the_annotated_frame_is_as_reliable_as_can_be():
    same, look = features(128, 20) / 4, features(1, 256, 20)
    quick = at_annotated(same, look, 6)
    values = torch.cat([torch.zeros(128, 20), look[0]])
    slow = transfer(same, torch.zeros(128, 20), [Reference(same, values)], [[True]], 6)
    torch.testing.assert_close(quick.objects, slow.objects, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(quick.score, slow.score)


# --- rounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "query", "wanted"),
    [
        ([4], 0, (0,)),
        ([4, 0, 8], 7, (0, 1, 2)),
        ([4, 0, 8, 6], 7, (0, 2, 3)),
        ([4, 0, 8, 6], 1, (0, 1, 3)),
        ([4, 5, 3, 5], 4, (0, 1, 2)),
        ([9, 1, 5, 1, 9], 1, (0, 1, 3)),
    ],
)
def test_the_first_round_and_the_two_nearest(frames, query, wanted):
    assert nearest_rounds(frames, query) == wanted


def entry(frame, objects, strokes=(), size=(8, 10), **more):
    given = {"prior": None, "human": None, "memory": None} | more
    video = np.zeros((10, *size, 3), np.uint8)
    return remember(InteractRequest(video, frame, objects, strokes, **given))[-1]


def test_rounds_are_chosen_for_each_object():
    entries = [entry(0, (1,)), entry(2, (1, 2)), entry(9, (1, 2)), entry(4, (1, 2)), entry(5, (2,))]
    sources = Sources(None, None, entries, (1, 2))
    assert sources._rounds(1, 5) == {0, 1, 3}
    assert sources._rounds(2, 5) == {1, 3, 4}


def probs(*labels):
    planes = [np.full((8, 10), 0.1, np.float32), *(np.asarray(p, np.float32) for p in labels)]
    return np.stack(planes)


def test_the_prior_is_unknown_until_a_round_knew_the_object():
    shape = (8, 10)
    mask = np.zeros(shape)
    mask[2:5, 3:6] = 0.8
    first = entry(0, (1,), shown=probs(mask))
    assert (first.guide(1, shape)[0] == 0.5).all(), "a preview is no round"
    later = entry(3, (1, 2), prior=probs(mask, mask * 0), memory=(first,))
    np.testing.assert_array_equal(later.guide(1, shape)[0], mask > 0.5)
    assert (later.guide(2, shape)[0] == 0.5).all()


def test_a_whole_map_by_a_person_says_where_an_object_is_not():
    shape = (8, 10)
    human = np.zeros(shape, np.int32)
    human[:4] = 1
    whole = entry(0, (1, 2), human=human)
    np.testing.assert_array_equal(whole.guide(1, shape)[0], human == 1)
    assert not whole.guide(2, shape)[0].any()
    human[human == 0] = -1
    part = entry(0, (1, 2), human=human)
    assert (part.guide(2, shape)[0] == 0.5).all()


def test_guides_at_another_size():
    strokes = (make_stroke(0, 1, [[20, 20], [20, 40]]),)
    made = entry(0, (1,), strokes, (60, 80))
    small = made.guide(1, (30, 40))
    assert small.shape == (3, 30, 40)
    rows, columns = np.nonzero(small[1])
    assert 8 <= rows.mean() <= 11
    assert 12 <= columns.mean() <= 16


# --- guides ------------------------------------------------------------------------------------


def test_negative_strokes_count_only_on_the_object():
    strokes = [make_stroke(0, 0, [[5, 2], [5, 25]]), make_stroke(0, 1, [[15, 5]])]
    labels = np.zeros((20, 30), np.uint16)
    assert not guide(strokes, 1, labels, True, labels.shape)[2].any()
    labels[:, 15:] = 1
    negative = guide(strokes, 1, labels, True, labels.shape)[2]
    assert negative[:, 15:].any()
    assert not negative[:, :15].any()


def test_a_stroke_at_the_border_stays_there():
    image = stroke_image([make_stroke(0, 1, [[0, 0], [0, 5]])], (40, 50))
    assert image[:3, :8].any()
    assert not image[20:].any()
    assert not image[:, 30:].any()


def test_a_filled_outline_is_an_area():
    outline = [[5, 5], [5, 25], [25, 25], [25, 5]]
    line = stroke_image([make_stroke(0, 1, outline)], (40, 40))
    area = stroke_image([make_stroke(0, 1, outline, filled=True)], (40, 40))
    assert line[15, 15] == 0
    assert area[15, 15] == pytest.approx(1)


# --- padding -----------------------------------------------------------------------------------


def test_padding_is_taken_off_again():
    planes = np.random.default_rng(0).random((2, 33, 50), np.float32)
    padded = pad(planes)
    assert padded.shape == (2, 64, 64)
    np.testing.assert_array_equal(crop(padded, (33, 50)), planes)
    assert margins((64, 33)) == ((16, 16), (15, 16))


def test_rims_come_back_for_the_very_mask_only():
    padded = np.random.default_rng(0).random((1, 64, 96), np.float32)
    planes = crop(padded, (40, 70))
    rims, small = Rims(), shrink(padded)
    assert not np.allclose(rims.shrink(3, (1,), planes), small)
    rims.remember(3, (1,), planes, small)
    np.testing.assert_array_equal(rims.shrink(3, (1,), planes), small)
    assert not np.allclose(rims.shrink(4, (1,), planes), small)
    assert not np.allclose(rims.shrink(3, (2,), planes), small)
    changed = planes.copy()
    changed[0, 16] = 0
    assert not np.allclose(rims.shrink(3, (1,), changed)[0, 0], small[0, 0])


# --- cache -------------------------------------------------------------------------------------


def tensors(value):
    return (
        torch.full((1, 4, 3, 5), float(value)).contiguous(memory_format=torch.channels_last),
        torch.full((7,), value, dtype=torch.bfloat16),
    )


def test_what_memory_has_no_room_for_comes_back_from_disk():
    size = sum(t.nbytes for t in tensors(0))
    cache, made = FeatureCache(2 * size, 5 * size), []

    def get(key):
        return cache.get(key, lambda: made.append(key) or tensors(key))

    for key in range(5):
        get(key)
    for key in range(5):
        for got, wanted in zip(get(key), tensors(key), strict=True):
            assert torch.equal(got, wanted)
            assert got.stride() == wanted.stride()
            assert got.dtype == wanted.dtype
    assert made == list(range(5))
    assert cache._bytes <= 2 * size


def test_the_file_is_bounded_too():
    size = sum(t.nbytes for t in tensors(0))
    cache = FeatureCache(0, 3 * size)
    for key in range(20):
        cache.get(key, lambda value=key: tensors(value))
    assert cache._spill._end <= 3 * size
    made = []
    cache.get(0, lambda: made.append(0) or tensors(0))
    assert made, "the oldest made room for newer ones"
    cache.get(18, lambda: made.append(18) or tensors(18))
    assert made == [0]


def test_a_full_disk_is_no_error(monkeypatch, caplog):
    cache = FeatureCache(0, 10**6)

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_ivos.methods._cache._Spill._open", full)
    for key in range(3):
        cache.get(key, lambda value=key: tensors(value))
    assert len(caplog.messages) == 1
    assert "No space left" in caplog.text


# --- layers ------------------------------------------------------------------------------------


def filled(module, seed=0):
    rng = np.random.default_rng(seed)
    for key, value in module.state_dict().items():
        values = (
            rng.uniform(0.5, 1.5, value.shape) if "var" in key else rng.normal(size=value.shape)
        )
        fan_in = value[0].numel() if value.ndim else 1
        value.copy_(torch.as_tensor(values / fan_in**0.5))
    return module.eval().requires_grad_(False)


@pytest.mark.parametrize("size", [(21, 30), (4, 4), (1, 3)])
@pytest.mark.parametrize("keep", [True, False])
def test_fewer_products_give_the_same_sums(size, keep):
    direct = filled(nn.Sequential(nn.Conv2d(64, 80, 3, padding=1)))
    x = features(2, 64, *size).contiguous(memory_format=torch.channels_last)
    wanted = direct.double()(x.double())
    quick = direct.float()
    speed_up(quick, keep)
    assert not isinstance(quick[0], nn.Conv2d)
    torch.testing.assert_close(quick(x).double(), wanted, rtol=0, atol=2e-5)


def test_convolutions_that_do_not_suit_are_left_alone():
    kinds = [
        nn.Conv2d(64, 64, 3, 2, 1),
        nn.Conv2d(64, 64, 3, padding=2, dilation=2),
        nn.Conv2d(64, 64, 5, padding=2),
        nn.Conv2d(64, 64, 1),
        nn.Conv2d(8, 64, 3, padding=1),
    ]
    network = nn.Sequential(*kinds)
    speed_up(network, keep=True)
    assert list(network) == kinds


def test_normalisation_is_folded():
    network = filled(nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU()))
    x = features(1, 3, 9, 9)
    wanted = network(x)
    fold_norms(network)
    assert isinstance(network[1], nn.Identity)
    torch.testing.assert_close(network(x), wanted)


def test_a_convolution_of_joined_maps_is_split():
    conv = filled(nn.Conv2d(7, 4, 5, padding=2))
    x = features(1, 7, 9, 9)
    first, rest = split_conv(conv, 3)
    torch.testing.assert_close(first(x[:, :3]) + rest(x[:, 3:]), conv(x), rtol=1e-5, atol=1e-5)


# --- checkpoints, devices, errors --------------------------------------------------------------


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}])
def test_checkpoints_of_both_formats(tmp_path, zipped, wrap):
    state, path = filled(Small()).state_dict(), tmp_path / "w.pth"
    torch.save(wrap(state), path, _use_new_zipfile_serialization=zipped)
    with torch.device("meta"):
        network = Small()
    read = load_state_dict(path)
    load_strict(network, read, "the network")
    own_tensors(network, read)
    del read
    path.write_bytes(b"\0" * path.stat().st_size)
    for key, value in network.state_dict().items():
        assert torch.equal(value, state[key]), "not tied to the file"


def test_what_does_not_fit_is_said():
    state = dict(Small().state_dict())
    del state["norm.bias"], state["norm.weight"]
    state["first.weight"] = torch.zeros(2, 4)
    state["other"] = torch.zeros(1)
    with pytest.raises(CheckpointError) as error:
        load_strict(Small(), state, "the network")
    said = str(error.value)
    assert "2 missing (norm.weight, norm.bias)" in said
    assert "1 unknown (other)" in said
    assert "first.weight (2×4 instead of 2×3)" in said


def test_files_from_before_the_batches_were_counted_load():
    state = {k: v for k, v in filled(Small()).state_dict().items() if "num_batches" not in k}
    network = Small()
    load_strict(network, state, "the network")
    assert torch.equal(network.first.weight, state["first.weight"])
    assert network.norm.num_batches_tracked == 0


def test_another_networks_weights_are_refused():
    with torch.device("meta"):
        network = GisNetwork()
    assert len(network.state_dict()) == 841
    with pytest.raises(CheckpointError, match=r"GIS-RAmap.*841 weights, 724 missing"):
        load_strict(network, Small().state_dict(), "GIS-RAmap")


class Harm:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("<html>Quota exceeded</html>"),
        lambda path: path.write_bytes(pickle.dumps(Harm())),
        lambda path: (
            torch.save({"a": torch.zeros(9)}, path) or path.write_bytes(path.read_bytes()[:-300])
        ),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({"epoch": 3}, path),
        lambda path: None,
    ],
    ids=["empty", "page", "code", "cut short", "list", "no tensors", "nothing"],
)
def test_files_that_are_no_checkpoint(tmp_path, capsys, write):
    path = tmp_path / "w.pth"
    write(path)
    with pytest.raises(CheckpointError, match=r"w\.pth"):
        load_state_dict(path)
    assert "executed" not in capsys.readouterr().out


def test_devices():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("cuda:99", "tpu", "no such"):
        with pytest.raises(EngineError, match="device"):
            resolve_device(name)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("shape mismatch\nmore"), "failed: shape mismatch"),
        (MemoryError(), "more memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory"), "more memory"),
    ],
)
def test_errors_are_translated(error, said):
    with pytest.raises(EngineError, match="Segmenting") as caught, translated("Segmenting"):
        raise error
    assert said in caught.value.message
    assert is_out_of_memory(error) == ("memory" in said)


def test_settings_of_torch_are_left_as_they_were():
    with inference():
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_the_description_does_not_load_torch():
    code = "import sys; from napari_ivos.methods import get_method; s = get_method('gis'); "
    code += "assert 'torch' not in sys.modules; print(s.checkpoint, s.strokes, s.span_proportion)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["required", "hint", "0.99"]
