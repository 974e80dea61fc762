"""ATNet gives what the authors' program gives, on made-up weights; see docs/methods/atnet.md."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from methods.golden import atnet_case
from napari_ivos.masks import labels_from_probs
from napari_ivos.methods import _schedule as schedule
from napari_ivos.methods._frames import Image, margins, pad
from napari_ivos.methods._guide import guide
from napari_ivos.methods._torch import inference
from napari_ivos.methods.atnet.decision import distribution
from napari_ivos.methods.atnet.engine import AtnetEngine
from napari_ivos.methods.atnet.local import carry, likeness
from napari_ivos.methods.atnet.model import load_network
from napari_ivos.methods.atnet.network import shapes
from napari_ivos.methods.atnet.transfer import spread
from napari_ivos.scribbles import make_stroke, strokes_from_davis
from napari_ivos.session import Session

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def checkpoint(made_up_weights):
    return made_up_weights("atnet")


@pytest.fixture(scope="module")
def quick(quick_network):
    return quick_network("atnet")


@pytest.fixture(params=["processor", pytest.param("elsewhere", marks=pytest.mark.slow)])
def network(checkpoint, quick, request):
    return quick if request.param == "processor" else load_network(checkpoint)


def close(got, wanted, atol):
    np.testing.assert_allclose(np.asarray(got), wanted, rtol=0, atol=atol)


def test_names_and_shapes_are_the_published_ones():
    (found,) = shapes().values()
    counters = [key for key in found if key.endswith("num_batches_tracked")]
    assert len(found) == 912
    assert len(counters) == 130
    assert sum(np.prod(s, dtype=int) for s in found.values()) - len(counters) == 136_630_722
    parts = [key.partition(".")[0] for key in found]
    assert {name: parts.count(name) for name in parts} == {
        "encoder_6ch": 351,
        "encoder_3ch": 351,
        "indicator_encoder": 54,
        "decoder_iact": 76,
        "decoder_prop": 76,
        "prev_conv1x1": 2,
        "conv1x1": 2,
    }
    assert found["encoder_6ch.conv0_6ch.weight"] == (64, 6, 7, 7)
    assert found["encoder_3ch.res5.0.downsample.0.weight"] == (2048, 1024, 1, 1)
    assert found["indicator_encoder.block2.conv_up.weight"] == (2048, 128, 1, 1)
    assert found["decoder_prop.aspp_decoder.global_avg_pool.1.weight"] == (256, 2048, 1, 1)
    assert found["decoder_iact.lastconv.8.weight"] == (1, 256, 1, 1)
    assert found["conv1x1.weight"] == (2048, 4096, 1, 1)


@pytest.fixture(scope="module")
def units():
    with np.load(atnet_case.HERE / "atnet_units.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["corr0", "corr1"])
def test_likeness_of_displaced_pixels(units, name):
    target, neighbour = (torch.from_numpy(units[f"{name}_in{k}"]) for k in (1, 2))
    for b, wanted in enumerate(torch.from_numpy(units[f"{name}_out"])):
        got = likeness(target[b : b + 1], neighbour[b : b + 1])
        # Over rows, for each displacement and column.
        close(got, torch.softmax(wanted, 1), 1e-6)


def test_a_mask_moves_by_whole_pixels(units):
    for mask, weights, wanted in zip(
        units["ltm_mask"], units["ltm_sim"], units["ltm_out"], strict=True
    ):
        got = carry(torch.from_numpy(mask[0]), torch.from_numpy(weights))
        close(got[0], wanted, 2e-5)


def test_local_transfer(units):
    before, target = (torch.from_numpy(units[f"local_r2_{k}"]) for k in ("prev", "targ"))
    small = torch.nn.functional.interpolate(
        torch.from_numpy(units["local_mask"]), size=(8, 12), mode="bilinear", align_corners=True
    )
    for b, wanted in enumerate(units["local_out"]):
        weights = likeness(target[b : b + 1], before[b : b + 1])
        close(carry(small[b, 0], weights)[0], wanted, 5e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("block", [5, 1000])
def test_global_transfer(units, count, block):
    keys, values, query = (
        torch.from_numpy(units[f"global_{name}"]).flatten(-2)
        for name in ("keys", "values", "query")
    )
    for b, wanted in enumerate(units[f"global_out{count}"]):
        terms = [spread(keys[n, b], query[b], [values[n, b]] * 2, block)[1] for n in range(count)]
        close(sum(terms).view(wanted.shape) / count, wanted, 1e-5)


def test_decisions(units):
    for planes, wanted in zip(units["combine_prob"], units["combine_mask_80"], strict=True):
        np.testing.assert_array_equal(labels_from_probs(distribution(planes), (1, 2, 3)), wanted[0])


def test_padding(units):
    for size, wanted in zip(units["pad_sizes"], units["pad_info"], strict=True):
        np.testing.assert_array_equal(np.ravel(margins(tuple(size.tolist()))), wanted)
    padded = pad(units["pad_img"].transpose(2, 0, 1)).transpose(1, 2, 0)
    np.testing.assert_array_equal(padded, units["pad_img_out"])


def test_orders(units):
    for case in json.loads(str(units["prop_cases"])):
        now = case["now"]
        back, fore = schedule.span(now, case["annotated"], case["num_frames"], 0.99)
        assert [now, *back, now, *fore] == case["prop_list"], case


def test_guides(units):
    for number, case in enumerate(json.loads(str(units["scribble_cases"]))):
        size = (case["h"], case["w"])
        strokes = strokes_from_davis({"scribbles": [case["strokes"]]}, size, 1)
        labels = units[f"scr{number}_prev"].astype(np.uint16)
        mask, positive, negative = guide(strokes, case["obj"], labels, True, size)
        np.testing.assert_array_equal(mask, labels == case["obj"])
        if any(0 in point for one in case["strokes"] for point in one["path"]):
            # There the authors' index runs off to the opposite border.
            assert not positive[-5:].any()
            assert units[f"scr{number}_pos"][-1].any()
            continue
        close(positive, units[f"scr{number}_pos"], 1e-6)
        close(negative, units[f"scr{number}_neg"], 1e-6)


@pytest.fixture(scope="module")
def golden():
    with np.load(atnet_case.HERE / "atnet_round1.npz") as file:
        return dict(file)


def slices(maps):
    step = max(maps.shape[1] // 16, 1)
    rows, columns = max(maps.shape[2] // 8, 1), max(maps.shape[3] // 8, 1)
    return maps[:, ::step, ::rows, ::columns][:, :16, :8]


def test_parts_of_the_network(golden, network):
    """The annotated frame, and the frame that is visited first."""
    images = [Image(frame).tensor(CPU) for frame in golden["frames"][[2, 1]]]
    hints = torch.from_numpy(golden["r1_anet_scribble_input"])
    with inference():
        logits, value = network.mark(torch.cat((images[0], hints), 1))
        annotated, visited = (network.encode(image) for image in images)
        (moved,) = spread(annotated.query.flatten(2)[0], visited.query.flatten(2)[0], [value], 50)
        merged = visited.share + moved.view_as(visited.share)
        small = torch.nn.functional.interpolate(
            logits.sigmoid(), scale_factor=1 / 4, mode="bilinear", align_corners=True
        )
        local = carry(small[0, 0], likeness(visited.near, annotated.near))
        deep = network.decoder_prop.aspp_decoder(merged)
        found = network.predict(visited, moved.view_as(visited.share), local)
    close(logits[0], golden["r1_anet_logit"], 5e-4)
    close(slices(visited.query), golden["tap/encoder_3ch#0.0|slice"], 1e-4)
    close(slices(merged), golden["tap/conv1x1#0|slice"], 5e-3)
    close(local, golden["tap/local_transfer#0|full"], 1e-4)
    close(slices(deep), golden["tap/decoder_prop.aspp_decoder#0|slice"], 1e-3)
    close(found[0, :, ::4, ::4], golden["r1_tnet0_logit_s4"], 5e-4)


def test_a_round_through_the_public_api(checkpoint):
    atnet_case.replay(atnet_case.HERE / "atnet_round1.npz", checkpoint)


@pytest.fixture
def transcription(monkeypatch):
    """The method written down step by step, for the benchmarks."""
    folder = Path(__file__).parents[2] / "benchmarks"
    if not folder.is_dir():
        pytest.skip("the benchmarks are not part of an installed source package")
    monkeypatch.syspath_prepend(folder)
    return importlib.import_module("transcriptions.atnet").Flow


@pytest.mark.parametrize("accumulate", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_rounds_as_they_are_written_down(transcription, checkpoint, quick, golden, accumulate):
    """Three rounds, the last on a frame that has strokes, with two objects and an odd size."""
    frames = np.ascontiguousarray(golden["frames"][:4, 20:51, 30:93])
    flow = transcription(torch.load(checkpoint, weights_only=True), frames, 2)
    given = {}
    engine = AtnetEngine(lambda: quick, CPU)
    options = {"device": "cpu", "engine": engine, "accumulate": accumulate}
    with Session(frames, method="atnet", **options) as session:
        session.add_object()
        session.add_object()
        for number, frame in enumerate((3, 0, 3)):
            drawn = [
                make_stroke(
                    frame, one, np.array([[5, 8], [9, 22]]) * (1 + one, 1 + one) + 2 * number
                )
                for one in (1, 2, 0)
            ]
            given[frame] = given.get(frame, []) * accumulate + drawn
            with torch.inference_mode():
                flow.interact(frame, given[frame])
                flow.propagate()
            session.add_strokes(drawn)
            for update in session.propagate(frame):
                wanted = flow.probs[update.index][:, flow.top :, flow.left :][:, :31, :63]
                close(atnet_case.probabilities(session, update.index), wanted, 1e-4)
            assert (np.asarray(session.masks) != flow.masks).sum() <= atnet_case.PIXELS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["round1", "multi", "gui"])
def test_rounds_on_other_clips(checkpoint, name):
    file = atnet_case.BESIDE / f"golden_public_{name}.npz"
    if not file.exists():
        pytest.skip("the goldens on other clips are not part of the project")
    atnet_case.replay(file, checkpoint)
