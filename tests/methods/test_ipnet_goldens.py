"""IPNet gives what the authors' program gives, on made-up weights; see docs/methods/ipnet.md."""

import json

import numpy as np
import pytest
import torch

from methods.golden import ipnet_case
from methods.golden.ipnet_case import close
from napari_ivos.methods._torch import inference
from napari_ivos.methods.ipnet.engine import IpnetEngine
from napari_ivos.methods.ipnet.model import Model
from napari_ivos.methods.ipnet.rounds import share_of_new
from napari_ivos.methods.ipnet.strokes import hints, stroke_map
from napari_ivos.methods.ipnet.window import Window, around, cut, put_back
from napari_ivos.scribbles import strokes_from_davis

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint(ipnet_checkpoint):
    return ipnet_checkpoint


@pytest.fixture(scope="module")
def networks(ipnet_networks):
    return ipnet_networks


@pytest.fixture(scope="module")
def units():
    with np.load(ipnet_case.HERE / "ipnet_units.npz") as file:
        return dict(file)


def test_windows(units):
    for number, case in enumerate(json.loads(str(units["box_cases"]))):
        maps = np.zeros((3, case["h"], case["w"]), np.float32)
        if isinstance(case["mask"], dict):
            top, bottom, left, right = case["mask"]["rect"]
            maps[0, top : bottom + 1, left : right + 1] = case["mask"]["value"]
        else:
            for y, x, value in case["mask"]:
                maps[0, y, x] = value
        for plane, kind in zip(maps[1:], ("pos", "neg"), strict=True):
            for y, x in case[kind]:
                plane[y, x] = 1
        close(around(maps), units[f"box{number}_I"], 1e-3)
        close(around(maps[:2]), units[f"box{number}_P"], 1e-3)


@pytest.mark.parametrize("number", range(3))
def test_the_way_to_the_window_and_back(units, number):
    window = Window(*units[f"warp{number}_box"].tolist())
    image = units[f"warp{number}_img"]
    seen = cut(image.transpose(1, 2, 0), window).transpose(2, 0, 1)
    close(seen[:, ::8, ::8], units[f"warp{number}_roi_s8"], 1e-6)
    back = [put_back(plane, window, image.shape[1:]) for plane in seen]
    close(back, units[f"warp{number}_back"], 1e-5)


def test_strokes(units):
    for number, case in enumerate(json.loads(str(units["scribble_cases"]))):
        shape = case["h"], case["w"]
        strokes = strokes_from_davis({"scribbles": [case["strokes"]]}, shape, 1)
        name = f"scr{number}_"
        np.testing.assert_array_equal(stroke_map(strokes, shape), units[f"{name}raw"])
        # The authors' program passes over other objects; here they are negative.
        some = [stroke for stroke in strokes if stroke.object_id < 2]
        positive, negative = hints(stroke_map(some, shape), 1)
        np.testing.assert_array_equal(positive, units[f"{name}pos"])
        np.testing.assert_array_equal(negative, units[f"{name}neg"])


def test_shares_of_the_rounds(units):
    cases = json.loads(str(units["weight_cases"]))
    for case in (case for case in cases if case["at_least"] < 0):
        places = range(case["num_frames"])
        shares = [share_of_new(n, case["target"], case["prev_targets"]) for n in places]
        close(shares, case["weight"], 1e-12)


def test_references_are_aggregated(units, networks):
    _, propagation = networks
    current, previous = (
        torch.from_numpy(units[f"sefa_{name}"]) for name in ("current", "previous")
    )
    with inference():
        close(propagation.SEFA(current, previous), units["sefa_out"], 1e-5)


@pytest.fixture(scope="module")
def round1():
    with np.load(ipnet_case.HERE / "ipnet_round1.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def calls(networks, round1):
    """What parts of the networks gave in one round, given exactly what the authors' were given."""
    model, seen = Model(networks, torch.float32, CPU), {}
    for letter, network in zip("IP", networks, strict=True):
        for name, part in (("Encoder", network.Encoder), ("logits", network.Decoder.pred2)):
            listed = seen.setdefault(f"{letter}.{name}", [])
            part.register_forward_hook(lambda *call, listed=listed: listed.append(call[-1]))
    (given,) = json.loads(str(round1["scribbles"]))
    frame, frames = given["frame"], round1["frames"]
    shape, last = frames.shape[1:3], len(frames) - 1
    davis = ipnet_case.scribbles(frame, given["strokes"], len(frames))
    strokes = strokes_from_davis(davis, shape, len(frames))
    before = empty = np.zeros(shape, np.float32)
    with inference():
        for count in range(1, len(strokes) + 1):
            maps = (before, *hints(stroke_map(strokes[:count], shape), 1))
            _, (reference,) = model.interact(frames[frame], [maps])
            before = round1[f"r1_stroke{count}_E"]
        halves = model.halves([reference])
        ways = ((range(frame + 1, last + 1), -1), (range(frame - 1, -1, -1), 1))
        for index, step in ((index, step) for way, step in ways for index in way):
            near = round1["r1_E"][index + step] > 0.5
            model.propagate(frames[index], [(empty, near)], halves)
    return seen, reference


def test_features_of_each_frame(calls, round1):
    seen, reference = calls
    for letter in "IP":
        assert len(seen[f"{letter}.Encoder"]) == round1[f"calls/{letter}.Encoder"]
        for number, maps in enumerate(seen[f"{letter}.Encoder"]):
            for level, values in enumerate(reversed(maps)):
                wanted = round1.get(f"tap/{letter}.Encoder#{number}.{level}|slice")
                if wanted is not None:
                    _, channels, height, width = values.shape
                    steps = slice(None, None, channels // 16), slice(None, None, height // 8)
                    some = values[0][steps[0], steps[1], :: width // 8]
                    close(some, wanted.reshape(some.shape), 1e-4 * np.abs(wanted).max())
    ipnet_case.close_feature(reference, round1["r1_ref_slice"])


def test_logits_of_each_frame(calls, round1):
    seen, _ = calls
    whole = [key for key in round1 if key.endswith("p2|full")]
    assert len(whole) == 4
    for key in whole:
        letter, number = key[4], int(key.split("#")[1].split(".")[0])
        wanted = round1[key][0, 1] - round1[key][0, 0]
        close(seen[f"{letter}.logits"][number][0, 0], wanted, 2e-4)


def test_round_through_the_public_api(checkpoint):
    ipnet_case.replay(ipnet_case.HERE / "ipnet_round1.npz", checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "prefix"), [("round1", ""), ("roi", ""), ("rounds3", "blend/")])
def test_rounds_on_other_clips(checkpoint, name, prefix):
    ipnet_case.replay(beside(name), checkpoint, prefix)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rounds3", "roi"])
def test_rounds_that_overwrite_annotated_frames(networks, name):
    engine = IpnetEngine(lambda: networks, CPU, "released")
    ipnet_case.replay_released(beside(name), engine)


def beside(name):
    file = ipnet_case.BESIDE / f"golden_public_{name}.npz"
    if not file.exists():
        pytest.skip("the goldens on other clips are not part of the project")
    return file
