"""An object that is lost on the way: found again by its looks, unless others look the same."""

import numpy as np
import pytest
import torch

from napari_ivos.methods.flow.looks import learn
from napari_ivos.methods.flow.lost import Search
from napari_ivos.methods.flow.refiner import Heat
from napari_ivos.methods.lite.model import EMBEDDED, load_network
from napari_ivos.methods.lite.refiner import NetworkRefiner
from napari_ivos.sample_data._texture import clouds
from napari_ivos.session import Session
from napari_ivos.training.assembled import draw_thing

SIZE = (120, 200)


def ground():
    """Grass, as it were: (120, 200, 3) float32."""
    noise = clouds(np.random.default_rng(5), SIZE, 20)
    return np.array([90, 120, 70], np.float32) + 12 * noise[..., None]


def scene(*centres):
    """A thing of several colours in some places on a ground: picture and mask of the first."""
    image, first = ground(), None
    for centre in centres:
        rng = np.random.default_rng(3)
        colour, mask = draw_thing(rng, np.full((*SIZE, 3), 200, np.float32), centre, 40)
        image = np.where(mask[..., None], colour, image)
        first = mask if first is None else first
    none = np.zeros(SIZE, dtype=bool)
    return np.clip(image, 0, 255).astype(np.uint8), none if first is None else first


def j(one, other):
    return (one & other).sum() / (one | other).sum()


class Told:
    """Is told what it sees: on the annotated frame, then on all others; counts the questions."""

    def __init__(self, annotated, later):
        self.heats = [Heat(one, (0, SIZE[0], 0, SIZE[1])) for one in (annotated, later)]
        self.asked = 0

    def seek(self, frame, looks, about):
        self.asked += 1
        return self.heats[min(self.asked - 1, 1)]


def search(annotated, later):
    """A search for a thing at (40, 50), for what is seen there and at (165, 55)."""
    maps = np.zeros((2, 12, 20), np.float32)
    maps[:, 5, 4], maps[:, 5, 16] = zip(annotated, later, strict=True)
    image, mask = scene((40, 50))
    refiner = Told(*maps)
    return Search(refiner, image, mask.astype(np.float32), [learn(image, mask * 1.0)]), refiner


NOTHING = np.zeros(SIZE, np.float32)


def test_the_strongest_place_of_a_part_is_told_in_pixels_of_the_frame():
    values = np.zeros((4, 5), np.float32)
    values[1, 3] = 2
    values[3, 0] = 1
    heat = Heat(values, (20, 60, 100, 150))
    everywhere = np.ones((80, 160), bool)
    assert heat.strongest(everywhere) == (2, 35, 135)
    left = everywhere.copy()
    left[:, 120:] = False
    assert heat.strongest(left) == (1, 55, 105)


def test_an_object_is_put_where_it_is_found():
    placed = search((1, 0.1), (0.1, 0.9))[0].find(scene()[0], NOTHING, (50, 40))
    rows, columns = np.nonzero(placed > 0.5)
    assert abs(columns.mean() - 165) < 6
    assert abs(rows.mean() - 55) < 6
    assert placed.sum() == pytest.approx(scene((40, 50))[1].sum(), rel=0.05)


def test_one_of_many_is_not_looked_for():
    look_out, refiner = search((1, 0.9), (0.1, 0.9))
    for _ in range(3):
        assert look_out.find(scene()[0], NOTHING, (50, 40)) is None
    assert refiner.asked == 1


def test_what_is_followed_is_not_given_up_for_something_as_good():
    look_out, _ = search((1, 0.1), (0.8, 0.9))
    followed = scene((40, 50))[1].astype(np.float32)
    assert look_out.find(scene()[0], followed, (50, 40)) is None
    assert look_out.find(scene()[0], NOTHING, (50, 40)) is not None


def test_nothing_is_found_where_nothing_is_like_the_object():
    assert search((1, 0.1), (0, 0.2))[0].find(scene()[0], NOTHING, (50, 40)) is None


def test_the_features_alone_find_a_thing_in_another_place():
    refiner = NetworkRefiner(load_network(EMBEDDED), torch.device("cpu"))
    image, mask = scene((40, 50))
    looks = learn(image, mask.astype(np.float32), picture=True)
    elsewhere, there = scene((150, 70))
    heat = refiner.seek(elsewhere, looks, (50, 40))
    value, y, x = heat.strongest(np.ones(SIZE, bool))
    assert there[int(y), int(x)]
    assert value > 3 * heat.strongest(~scene((150, 70))[1] & (np.arange(200) < 100))[0]


def test_large_frames_are_searched_in_part():
    refiner = NetworkRefiner(load_network(EMBEDDED), torch.device("cpu"))
    image, mask = scene((40, 50))
    looks = learn(image, mask.astype(np.float32), picture=True)
    large = np.zeros((1500, 3000, 3), np.uint8)
    heat = refiner.seek(large, looks, (1400, 20))
    top, bottom, left, right = heat.box
    assert bottom == 1500
    assert left == 0
    assert top > 1000
    assert right < 1000


def follow(method, frames, mask):
    session = Session(np.stack(frames), method=method)
    session.add_object()
    session.add_mask(0, mask.astype(np.uint16))
    list(session.propagate(0))
    masks = np.asarray(session.masks) == 1
    session.close()
    return masks


def test_a_thing_that_was_away_is_followed_again():
    away = scene()[0]
    frames, truth = zip(
        *[
            scene((40, 50)),
            scene((44, 50)),
            (away, 0),
            (away, 0),
            scene((150, 70)),
            scene((146, 70)),
        ],
        strict=True,
    )
    found = follow("lite", frames, truth[0])
    assert not found[2:4].any()
    assert j(found[4], truth[4]) > 0.6
    assert j(found[5], truth[5]) > 0.6
    # Flow alone has nothing to find it by.
    assert not follow("flow", frames, truth[0])[4:].any()


def test_another_like_it_is_not_taken_for_it():
    frames, truth = zip(
        *[scene((40, 50), (150, 70)), scene((44, 50), (150, 70))] + 2 * [scene((150, 70))],
        strict=True,
    )
    found = follow("lite", frames, truth[0])
    assert j(found[1], truth[1]) > 0.6
    assert not (found[2:] & truth[2]).any()
