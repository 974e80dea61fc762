"""GIS gives what the authors' program gives, on made-up weights; see docs/methods/gis.md."""

import json

import numpy as np
import pytest
import torch

from methods.golden import gis_case
from napari_ivos.masks import soft_aggregate
from napari_ivos.methods import _schedule as schedule
from napari_ivos.methods._frames import Image, margins
from napari_ivos.methods._guide import guide
from napari_ivos.methods._torch import inference
from napari_ivos.methods.gis.attention import Reference, at_annotated, transfer
from napari_ivos.methods.gis.model import load_network, reliability
from napari_ivos.scribbles import strokes_from_davis

CPU = torch.device("cpu")
BLOCK = 50


@pytest.fixture(scope="module")
def checkpoint(made_up_weights):
    return made_up_weights("gis")


@pytest.fixture(
    scope="module", params=["processor", pytest.param("elsewhere", marks=pytest.mark.slow)]
)
def network(checkpoint, quick_network, request):
    return quick_network("gis") if request.param == "processor" else load_network(checkpoint)


@pytest.fixture(scope="module")
def golden():
    with np.load(gis_case.HERE / "gis_net.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def images(golden):
    return [Image(frame).tensor(CPU) for frame in golden["frames"]]


def close(got, wanted, atol):
    np.testing.assert_allclose(np.asarray(got), wanted, rtol=0, atol=atol)


def stats(planes):
    """Mean, standard deviation, least and greatest of each channel."""
    flat = planes.double().flatten(-2)
    values = (flat.mean(-1), flat.std(-1, correction=0), flat.amin(-1), flat.amax(-1))
    return torch.stack(values, -1)


def test_frames_are_normalised_and_padded(golden, images):
    for image, wanted in zip(images, golden["padded_normalised"], strict=True):
        close(image[0], wanted, 1e-6)


def test_encoders(golden, images, network):
    hints = torch.from_numpy(golden["guide"][0, 0].astype(np.float32))[None]
    with inference():
        plain = network.encoder_3ch(images[0])
        guided = network.encoder_6ch(torch.cat((images[0], hints), 1))
    found = {"enc3_r2": plain[0], "enc3_r4": plain[2]}
    found |= {f"enc6_r{2 + level}": values for level, values in enumerate(guided)}
    for name, values in found.items():
        step = values.shape[1] // 16
        close(values[0, ::step], golden[f"{name}_slice"], 1e-4)
        close(stats(values[0]), golden[f"{name}_stats"], 1e-4)


@pytest.fixture(scope="module")
def marked(golden, images, network):
    """Logits and indicators of three objects on three annotated frames."""
    hints = torch.from_numpy(golden["guide"].astype(np.float32))
    with inference():
        return [
            [network.mark(torch.cat((image, one[None]), 1)) for one in objects]
            for image, objects in zip(images[:3], hints, strict=True)
        ]


def test_objects_on_annotated_frames(golden, marked):
    for number, objects in enumerate(marked):
        logits = torch.cat([logits for logits, _ in objects])[..., ::2, ::2]
        close(logits, golden[f"a{number}_sal_logits"], 2e-4)
        looks = torch.stack([look.view(256, 12, 16) for _, look in objects])
        close(looks[:, ::32], golden[f"a{number}_indicator_slice"], 1e-4)
        close(stats(looks), golden[f"a{number}_indicator_stats"], 1e-4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_visited_frame(golden, images, network, marked, count):
    name = f"n{count}_"
    with inference():
        frames = [network.encode(image) for image in images]
        query = frames[3]
        references = [
            Reference(
                frames[k].similar,
                torch.cat([network.attended(frames[k].similar), *(look for _, look in marked[k])]),
            )
            for k in range(count)
        ]
        itself = Reference(query.similar, network.attended(query.similar))
        attended = at_annotated(itself.similar, itself.values[None], BLOCK).objects[0]
        known = [[True] * 3] * count
        moved = transfer(query.similar, attended, references, known, BLOCK)
        shared = network.shared(query, frames[1])
        masks = torch.nn.functional.interpolate(
            torch.from_numpy(golden["neighbour_prob"]),
            scale_factor=1 / 8,
            mode="bilinear",
            align_corners=True,
        )
        looks = moved.objects.view(3, 256, 12, 16)
        logits = torch.stack(
            [network.predict(shared, masks[k : k + 1], looks[k : k + 1]) for k in range(3)]
        )
        score = reliability([one[1, ::8, ::8] for one in logits], moved.score)
        changes = torch.cat([network.diff_module(shared, masks[k : k + 1]) for k in range(3)])
        merged = torch.cat(
            [
                network.feature_compounder(shared, looks[k : k + 1], changes[k : k + 1])
                for k in range(3)
            ]
        )
    close(moved.score.view(12, 16), golden[f"{name}scoremap"], 2e-4)
    close(looks[:, ::32], golden[f"{name}transfer_slice"], 2e-4)
    close(stats(looks), golden[f"{name}transfer_stats"], 2e-4)
    step = 1 if count == 3 else 4
    close(logits[..., ::step, ::step], golden[f"{name}logits"], 2e-4)
    assert abs(score - golden[f"{name}score"]) < gis_case.SCORE
    if count == 3:
        close(changes[:, ::16], golden["diff_slice"], 2e-4)
        close(merged[:, ::32, ::2, ::2], golden["compound_slice"], 2e-4)


def test_round_through_the_public_api(checkpoint):
    gis_case.replay(gis_case.HERE / "gis_round1.npz", checkpoint, gis_case.check_event)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["round1", "twoobj", "fiveround"])
def test_rounds_on_real_clips(checkpoint, name):
    file = gis_case.BESIDE / f"golden_public_{name}.npz"
    if not file.exists():
        pytest.skip("the goldens on real clips are not part of the project")
    gis_case.replay(file, checkpoint, gis_case.check_event)


@pytest.fixture(scope="module")
def functions():
    with np.load(gis_case.HERE / "gis_functions.npz") as file:
        return dict(file)


def test_padding(functions):
    for size, wanted in zip(functions["pad_sizes"], functions["pad_info"], strict=True):
        np.testing.assert_array_equal(margins(tuple(size.tolist())), wanted)


def test_orders(functions):
    for case in json.loads(str(functions["prop_json"])):
        now = case["now"]
        back, fore = schedule.span(now, case["annotated"], case["num_frames"], case["proportion"])
        assert [now, *back, now, *fore] == case["order"], case


def test_guides(functions):
    shown = functions["scr_prev"].astype(np.uint16)
    sets = json.loads(str(functions["scr_json"]))
    cases = json.loads(str(functions["scr_cases_json"]))
    for (name, one, gated), wanted in zip(cases, functions["scr_images"], strict=True):
        strokes = strokes_from_davis({"scribbles": [sets[name]]}, shown.shape, 1)
        labels = shown if gated else np.zeros_like(shown)
        got = guide(strokes, one, labels, True, shown.shape)
        close(got[1:], wanted, 1e-6)
        np.testing.assert_array_equal(got[0], labels == one)


def test_soft_aggregation(functions):
    close(soft_aggregate(functions["agg_in"]), functions["agg_prob"], 1e-6)
