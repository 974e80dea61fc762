"""`lite`: its weights, its network, and what it makes of pictures whose masks are known."""

import numpy as np
import pytest
import torch

from napari_ivos.errors import CheckpointError
from napari_ivos.methods.flow.looks import learn
from napari_ivos.methods.flow.refiner import Annotated, Moved
from napari_ivos.methods.flow.window import Window
from napari_ivos.methods.lite.decide import annotated_start
from napari_ivos.methods.lite.encoder import Encoder
from napari_ivos.methods.lite.inputs import (
    ANNOTATED_PLANES,
    SIDE,
    SMALL_SIDE,
    annotated_planes,
    focus,
    raw_annotated,
)
from napari_ivos.methods.lite.model import EMBEDDED, load_network, write_weights
from napari_ivos.methods.lite.network import Lite, reference
from napari_ivos.methods.lite.refiner import NetworkRefiner
from napari_ivos.session import Session
from napari_ivos.training.pretrained import encoder_state

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    return load_network(EMBEDDED)


def disc(size=(80, 100), centre=(40, 50), radius=15, noise=0):
    """A bright disc on a dark ground, and its mask."""
    y, x = np.mgrid[: size[0], : size[1]]
    mask = np.hypot(y - centre[0], x - centre[1]) < radius
    rng = np.random.default_rng(noise)
    image = rng.integers(30, 60, (*size, 3)).astype(np.uint8)
    image[mask] += 120
    return image, mask


def test_the_embedded_weights_are_small_and_whole():
    assert EMBEDDED.stat().st_size <= 10 * 2**20
    network = load_network(EMBEDDED)
    assert sum(weight.numel() for weight in network.parameters()) <= 4_000_000
    assert all(torch.isfinite(weight).all() for weight in network.parameters())


def test_weights_of_something_else_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    write_weights({"weight": torch.zeros(3)}, path, {})
    with pytest.raises(CheckpointError, match="does not fit lite"):
        load_network(path)
    path.write_bytes(b"\x00" * 100)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_network(path)


def test_weights_survive_being_written(tmp_path):
    torch.manual_seed(0)
    fresh = Lite().eval()
    write_weights(fresh.state_dict(), tmp_path / "lite.safetensors", {"about": "a test"})
    again = load_network(tmp_path / "lite.safetensors")
    image = 255 * torch.rand(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        for one, other in zip(fresh.encoder(image), again.encoder(image), strict=True):
            assert torch.allclose(one, other, atol=0.05 * float(one.abs().max()))


def test_normalisation_is_folded_into_the_encoder(tmp_path):
    torch.manual_seed(0)
    wanted = Encoder()
    state = {}
    for name, value in wanted.state_dict().items():
        parts = name.split(".")
        if parts[0] == "stem":
            convolution, norm = "_conv_stem", "_bn0"
        else:
            names = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
            convolution = f"_blocks.{parts[1]}._{parts[2]}_conv"
            norm = f"_blocks.{parts[1]}.{names[parts[2]]}"
        if parts[-1] == "weight":
            # Twice the weight, halved again by a variance of 4.
            state[f"{convolution}.weight"] = 2 * value
            state[f"{norm}.running_var"] = torch.full((len(value),), 4 - 1e-3)
            state[f"{norm}.weight"] = torch.ones(len(value))
            state[f"{norm}.running_mean"] = torch.full((len(value),), 6.0)
        else:
            state[f"{norm}.bias"] = value + 3
    torch.save(state, tmp_path / "published.pth")
    got = encoder_state(tmp_path / "published.pth")
    assert got.keys() == wanted.state_dict().keys()
    for name, value in wanted.state_dict().items():
        assert torch.allclose(got[name], value, atol=1e-5), name


def test_a_decoder_that_changes_nothing_says_what_flow_said():
    network = Lite().eval()
    torch.nn.init.zeros_(network.annotated.out.weight)
    torch.nn.init.zeros_(network.annotated.out.bias)
    planes = torch.rand(1, ANNOTATED_PLANES, SIDE, SIDE)
    with torch.inference_mode():
        features = network.features(255 * torch.rand(1, 3, SIDE, SIDE))
        known = reference(features, planes[:, :1], planes[:, 1:2])
        first = annotated_start(planes)
        decision = network.annotated(features, known, planes, first)
    assert torch.allclose(decision.odds, first)


def test_places_like_those_of_the_object_are_read_as_the_object(network):
    """The reference is the picture itself: what is marked there must be found again."""
    image, mask = disc()
    whole = torch.from_numpy(np.tile(image[:64, :96], (3, 2, 1))[:SIDE, :SIDE].copy())
    features = network.features(whole.permute(2, 0, 1)[None].float())
    inside = torch.zeros(1, 1, SIDE, SIDE)
    inside[..., :64, :96] = torch.from_numpy(mask[:64, :96]).float()
    known = reference(features, inside, 1 - inside)
    with torch.inference_mode():
        matched = network.moved._match(features, known)
    own = matched[0, 32].numpy()
    small = inside[0, 0].reshape(SIDE // 8, 8, SIDE // 8, 8).mean(dim=(1, 3)).numpy()
    assert own[small > 0.9].mean() > own[small == 0].mean()


@pytest.mark.parametrize("size", [8, 40])
def test_the_network_looks_at_objects_of_all_sizes_from_the_same_distance(size):
    support = np.zeros((200, 200), dtype=bool)
    support[100 : 100 + size, 90 : 90 + size] = True
    rows, columns = focus(support)
    share = size / (rows.stop - rows.start)
    assert 0.35 < share < 0.55
    assert support[rows, columns].sum() == support.sum()


def test_nothing_marked_means_the_whole_window():
    assert focus(np.zeros((30, 40), bool)) == (slice(0, 30), slice(0, 40))


def test_a_prior_that_there_is_not_is_told_from_an_empty_one():
    image, mask = disc()
    window = Window(0, 80, 0, 100, 80, 100)
    evidence = np.where(mask, 3, -3).astype(np.float32)
    none = np.zeros_like(mask)
    views = [
        Annotated(window, image, mask, none, evidence, mask, prior)
        for prior in (None, np.zeros(mask.shape, np.float32))
    ]
    without, empty = (annotated_planes(raw_annotated(view)) for view in views)
    assert not without[7].any()
    assert empty[7].all()
    assert (empty[6] == -1).all()


def test_a_picture_is_encoded_once_however_often_it_is_compared_with(network, monkeypatch):
    image, mask = disc()
    looks = learn(image, mask.astype(np.float32), picture=True)
    refiner = NetworkRefiner(network, CPU)
    count = []
    features = Lite.features
    monkeypatch.setattr(Lite, "features", lambda self, x: (count.append(1), features(self, x))[1])
    cues, plane = np.zeros((16, *mask.shape), np.float32), mask.astype(np.float32)
    window = Window(0, 80, 0, 100, 80, 100)
    once, twice = (
        Moved(window, image, cues, plane, plane, 0.9, [looks] * times) for times in (1, 2)
    )
    refiner._known(once, SIDE)
    refiner._known(twice, SIDE)
    assert len(count) == 1


def test_pictures_of_many_objects_are_kept_and_as_many_as_fit(network, monkeypatch):
    """Else a frame with a hundred cells would make all of them anew, at each step."""
    refiner = NetworkRefiner(network, CPU)
    pictures = [np.full((SIDE, SIDE, 4), 40 + number, np.uint8) for number in range(100)]
    for picture in pictures:
        refiner._one_reference(picture, SMALL_SIDE)
    made = []
    features = Lite.features
    monkeypatch.setattr(Lite, "features", lambda self, x: (made.append(1), features(self, x))[1])
    for picture in pictures:
        refiner._one_reference(picture, SMALL_SIDE)
    assert not made
    monkeypatch.setattr("napari_ivos.methods.lite.refiner._KEPT_BYTES", 300_000)
    refiner._one_reference(np.zeros((SIDE, SIDE, 4), np.uint8), SMALL_SIDE)
    assert 1 <= len(refiner._references) <= 4
    refiner._one_reference(pictures[0], SMALL_SIDE)
    assert len(made) == 2


def test_small_windows_are_not_enlarged_more_than_they_have_to_show(network, monkeypatch):
    """So that many small objects cost a quarter of what as many large ones do."""
    seen = []
    features = Lite.features
    monkeypatch.setattr(
        Lite, "features", lambda self, x: (seen.append(tuple(x.shape)), features(self, x))[1]
    )
    views = []
    for size in ((40, 60), (60, 40), (80, 60)):
        image, mask = disc(size, centre=(20, 20), radius=10)
        plane = mask.astype(np.float32)
        looks = [learn(image, plane, picture=True)]
        cues = np.zeros((16, *size), np.float32)
        # Whatever size they are worked at, it is the pixels of the frame that count.
        working = Window(5, 5 + size[0], 7, 7 + size[1], *size)
        views.append(Moved(working, image, cues, 4 * plane - 2, plane, 0.9, looks))
    opinions = NetworkRefiner(network, CPU).moved(views)
    assert [one.plane.shape for one in opinions] == [(40, 60), (60, 40), (80, 60)]
    assert (2, 3, SMALL_SIDE, SMALL_SIDE) in seen
    assert (1, 3, SIDE, SIDE) in seen
    # The pictures that they are compared with are brought to the same sizes.
    assert sorted(shape[-1] for shape in seen) == [SMALL_SIDE] * 3 + [SIDE] * 2


def test_objects_looked_at_together_are_judged_as_each_alone(network):
    """More of them than fit into one batch, and compared with one annotated frame or with two."""
    rng = np.random.default_rng(0)
    views = []
    for number in range(12):
        size = int(rng.integers(40, 90)), int(rng.integers(40, 90))
        image, mask = disc(size, centre=(20, 22), radius=10 + number % 4, noise=number)
        plane = mask.astype(np.float32)
        looks = [learn(image, plane, picture=True)] * (1 + number % 2)
        cues = rng.normal(size=(16, *size)).astype(np.float32)
        views.append(
            Moved(Window(0, size[0], 0, size[1], *size), image, cues, plane, plane, 0.7, looks)
        )
    refiner = NetworkRefiner(network, CPU)
    together = refiner.moved(views)
    assert len(together) == len(views)
    for view, one in zip(views, together, strict=True):
        (alone,) = refiner.moved([view])
        assert one.plane.shape == view.image.shape[:2]
        np.testing.assert_allclose(one.plane, alone.plane, atol=1e-4)
        assert one.expected == pytest.approx(alone.expected, abs=1e-4)
        assert one.alike == pytest.approx(alone.alike, abs=1e-4)


@pytest.mark.parametrize(("radius", "side"), [(10, SMALL_SIDE), (25, SIDE)])
def test_a_small_object_is_not_enlarged_on_an_annotated_frame_either(
    network, monkeypatch, radius, side
):
    image, mask = disc(radius=radius)
    seen = []
    features = Lite.features
    monkeypatch.setattr(
        Lite, "features", lambda self, x: (seen.append(tuple(x.shape)), features(self, x))[1]
    )
    inside = np.zeros_like(mask)
    inside[40, 45:56] = True
    evidence = np.where(mask, 3, -3).astype(np.float32)
    window = Window(0, 80, 0, 100, 80, 100)
    view = Annotated(window, image, inside, np.zeros_like(mask), evidence, mask, None)
    found = NetworkRefiner(network, CPU).annotated(view) > 0.5
    assert seen == [(1, 3, side, side)]
    assert (found & mask).sum() / (found | mask).sum() > 0.8


def test_the_less_consistent_flow_is_the_more_the_network_says(network):
    image, mask = disc()
    looks = [learn(image, mask.astype(np.float32), picture=True)]
    # Flow has brought the region beside the disc.
    wrong = np.roll(mask, 10, axis=1).astype(np.float32)
    cues, window = np.zeros((16, *mask.shape), np.float32), Window(0, 80, 0, 100, 80, 100)
    views = [
        Moved(window, image, cues, 4 * wrong - 2, wrong, sure, looks) for sure in (0.95, 0.6, 0.2)
    ]
    changed = [np.abs(one.plane - wrong).sum() for one in NetworkRefiner(network, CPU).moved(views)]
    assert changed[0] < changed[1] < changed[2]


def test_a_moving_disc_is_followed_and_its_reliability_is_a_share():
    frames, truth = zip(
        *[disc(centre=(40, 30 + 3 * time), noise=time) for time in range(8)], strict=True
    )
    session = Session(np.stack(frames), method="lite")
    session.add_object()
    session.add_stroke(0, 1, [(34, 25), (46, 35)], radius=1)
    session.interact(0)
    list(session.propagate())
    for time in range(8):
        found, right = session.masks[time] == 1, truth[time]
        assert (found & right).sum() / (found | right).sum() > 0.8, time
    reliability = session.reliability[1:]
    assert ((reliability >= 0) & (reliability <= 1)).all()
    session.close()


def test_equal_results_are_trusted_less_the_farther_they_are():
    image, mask = disc()
    session = Session(np.stack([image] * 6), method="lite")
    session.add_object()
    session.add_mask(2, mask.astype(np.uint16))
    list(session.propagate(2))
    reliability = session.reliability
    session.close()
    assert reliability[3] > reliability[4] > reliability[5]
    assert reliability[1] > reliability[0]
