"""The parts of `flow` that have a right answer."""

import cv2
import numpy as np
import pytest

from napari_ivos.methods.flow.appearance import Bins, is_grey, look
from napari_ivos.methods.flow.geodesic import geodesic
from napari_ivos.methods.flow.looks import contrast, learn, likeness
from napari_ivos.methods.flow.parallax import moves_with
from napari_ivos.methods.flow.refine import edge_weights, guided_filter, regularise
from napari_ivos.methods.flow.snap import drop_fragments, snap
from napari_ivos.methods.flow.transport import (
    consistency,
    dense_flow,
    rectified,
    uncovered,
    warp,
)
from napari_ivos.methods.flow.window import box_of, window_round


def noise(size=(80, 100), seed=0):
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur((rng.random(size) * 255).astype(np.uint8), (0, 0), 2)


def test_geodesic_distance_in_a_flat_picture_is_a_path_along_the_grid():
    seeds = np.zeros((1, 20, 30), dtype=bool)
    seeds[0, 10, 5] = True
    distance = geodesic(seeds, np.zeros((20, 30, 1), np.float32), 10.0)[0]
    dy, dx = np.abs(np.mgrid[-10:10, -5:25])
    expected = np.maximum(dy, dx) + (2**0.5 - 1) * np.minimum(dy, dx)
    np.testing.assert_allclose(distance, expected, rtol=1e-5)


def test_geodesic_distance_goes_round_a_wall():
    picture = np.zeros((20, 20, 1), np.float32)
    picture[:15, 10] = 1
    seeds = np.zeros((1, 20, 20), dtype=bool)
    seeds[0, 2, 2] = True
    distance = geodesic(seeds, picture, 100.0, sweeps=3)[0]
    assert 30 < distance[2, 18] < 60, "round the open end, not through"


def test_geodesic_distance_without_seeds_is_far():
    assert geodesic(np.zeros((1, 4, 4), bool), np.zeros((4, 4, 1), np.float32), 1.0).min() == 1e6


def test_regularise_removes_specks_and_stops_at_edges():
    picture = np.zeros((40, 40, 1), np.float32)
    picture[:, 20:] = 50
    evidence = np.where(np.arange(40) < 17, 1.0, -0.05) * np.ones((40, 1))
    evidence[10, 30] = 3
    region = regularise(evidence.astype(np.float32), edge_weights(picture), 1.5) > 0.5
    assert region[:, :20].all()
    assert not region[:, 20:].any()


def test_the_guided_filter_follows_the_guide():
    guide = np.zeros((30, 30), np.float32)
    guide[:, 15:] = 1
    values = np.zeros((30, 30), np.float32)
    values[:, 13:] = 1
    out = guided_filter(guide, values, 4, 1e-3)
    assert (out[:, 17:] > 0.9).all()
    assert (out[:, 13] < 0.6).all()


def test_snap_moves_a_boundary_to_the_edge():
    image = np.full((80, 80, 3), 60, np.uint8)
    cv2.circle(image, (40, 40), 20, (200, 120, 40), -1)
    disk = image[..., 0] > 100
    image = np.clip(image + np.random.default_rng(0).normal(0, 5, image.shape), 0, 255)
    rough = np.zeros((80, 80), np.uint8)
    cv2.circle(rough, (42, 40), 18, 1, -1)
    nothing = np.zeros((80, 80), bool)
    found = snap(image.astype(np.uint8), rough > 0, nothing, nothing)
    assert (found != disk).sum() < 0.3 * ((rough > 0) != disk).sum()


def test_what_a_correction_cuts_off_is_dropped():
    before = np.zeros((20, 60), bool)
    before[5:15, 5:55] = True
    region = before.copy()
    region[:, 30:40] = False
    region[0:2, 0:2] = True
    out = drop_fragments(region, before, np.zeros_like(before))
    assert out[10, 10]
    assert not out[10, 50]
    assert out[0, 0], "nothing was cut there"
    marked = np.zeros_like(before)
    marked[10, 50] = True
    assert drop_fragments(region, before, marked)[10, 50]


@pytest.mark.parametrize("shape", [(80, 100), (17, 19)])
def test_flow_finds_a_shift(shape):
    picture = noise((120, 140))
    source = picture[20 : 20 + shape[0], 20 : 20 + shape[1]]
    target = picture[20 : 20 + shape[0], 18 : 18 + shape[1]]
    flow = dense_flow(source, target)
    assert flow.shape == (*shape, 2)
    inner = flow[4:-4, 4:-4].reshape(-1, 2)
    np.testing.assert_allclose(np.median(inner, axis=0), [2, 0], atol=0.3)


def test_warp_fetches_and_consistency_notices():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    flow = np.zeros((3, 4, 2), np.float32)
    flow[..., 0] = 1
    np.testing.assert_array_equal(warp(values, flow)[:, :3], values[:, 1:])
    np.testing.assert_allclose(consistency(flow, -flow), 1, atol=1e-6)
    assert consistency(flow, flow).max() < 0.1


def test_what_a_moving_thing_leaves_behind_is_uncovered():
    back = np.zeros((40, 60, 2), np.float32)
    back[10:30, 20:40, 0] = 8
    bare = uncovered(back)
    assert (bare[12:28, 22:26] == 1).all()
    assert not bare[12:28, 30:46].any()
    assert not bare[:8].any()


def test_looks_tell_an_object_from_its_surroundings():
    frame = np.full((60, 60, 3), (40, 90, 40), np.uint8)
    frame[20:40, 20:40] = (180, 40, 40)
    region = np.zeros((60, 60), np.float32)
    region[20:40, 20:40] = 1
    known = learn(frame, region)
    assert learn(frame, np.zeros_like(region)) is None
    shifted = np.roll(region, 20, axis=1)
    assert likeness(frame, region, known) > likeness(frame, shifted, known) + 1
    good, bad, nothing = contrast(frame, [region, shifted, np.zeros_like(region)], [known])
    assert good > bad > nothing


def test_channels_of_grey_and_of_colour():
    light = noise()
    grey = np.repeat(light[..., None], 3, axis=2)
    assert is_grey(look(grey))
    colour = grey.copy()
    colour[..., 0] = 255 - colour[..., 0]
    assert not is_grey(look(colour))


def test_every_value_has_a_bin():
    values = np.random.default_rng(0).normal(size=(20, 20, 3)).astype(np.float32)
    bins = Bins.fit(values, (4, 5, 6))
    index = bins.index(values * 10)
    assert index.min() >= 0
    assert index.max() < 120
    histogram = bins.histogram(index, np.ones((20, 20), np.float32))
    np.testing.assert_allclose(histogram.sum(), 400)


@pytest.mark.parametrize("shape", [(1000, 900), (30, 40), (1, 1)])
def test_a_window_gives_back_what_it_took(shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    plane = (rows + 2.0 * columns).astype(np.float32)
    window = window_round((0, shape[0], 0, shape[1]), 5, shape)
    assert window.height * window.width <= 120_000
    out = np.zeros_like(plane)
    window.give(window.take(plane), out)
    np.testing.assert_allclose(out, plane, atol=6)


def test_the_same_place_is_read_from_pictures_of_different_size():
    rows, columns = np.mgrid[:100, :120]
    plane = (rows + 2.0 * columns).astype(np.float32)
    half = cv2.resize(plane, (60, 50), interpolation=cv2.INTER_AREA)
    window = window_round((30, 60, 40, 80), 4, (100, 120))
    from_half = window.take_from(half, (100, 120))
    np.testing.assert_allclose(from_half, window.take(plane), atol=0.01)


def test_a_point_survives_being_made_smaller():
    mask = np.zeros((1500, 1500), bool)
    mask[700, 801] = True
    window = window_round((0, 1500, 0, 1500), 0, mask.shape)
    assert window.height < 750
    assert window.take_seeds(mask).sum() == 1


def test_a_box_holds_all_that_is_set():
    mask = np.zeros((10, 12), bool)
    assert box_of(mask) is None
    mask[2, 3] = mask[7, 9] = True
    assert box_of(mask) == (2, 8, 3, 10)


def test_what_has_drifted_is_matched_with_the_annotated_frame_again():
    first = noise((80, 120))
    here = np.roll(first, 5, axis=1)
    x, y = np.meshgrid(np.arange(120, dtype=np.float32), np.arange(80, dtype=np.float32))
    drifted = np.dstack([x - 3, y + 1])
    origin, miss = rectified(drifted, first, here)
    inner = np.s_[15:-15, 20:-15]
    np.testing.assert_allclose(origin[inner][..., 0], (x - 5)[inner], atol=0.5)
    np.testing.assert_allclose(origin[inner][..., 1], y[inner], atol=0.5)
    assert miss[inner].mean() < 3 < np.abs(first.astype(int) - here)[inner].mean()


def test_a_right_origin_stays_as_it_is():
    first = noise((60, 80))
    x, y = np.meshgrid(np.arange(80, dtype=np.float32), np.arange(60, dtype=np.float32))
    origin, miss = rectified(np.dstack([x, y]), first, first)
    np.testing.assert_array_equal(origin, np.dstack([x, y]))
    assert miss.max() == 0


def test_motion_tells_an_object_from_what_is_behind_it():
    y, x = np.mgrid[:60, :90].astype(np.float32)
    flow = np.dstack([0.02 * x, 0.02 * y])  # the camera comes nearer
    thing = (np.abs(y - 30) < 12) & (np.abs(x - 40) < 15)
    flow[thing] = (4, -1)
    region = thing.astype(np.float32)
    region[25:35, 60:75] = 1  # a part of the ground was taken for the object
    ratio = moves_with(flow.astype(np.float32), region)
    assert (ratio[thing] > 2).all()
    assert (ratio[~thing] < -2).all()


def test_motion_says_nothing_when_all_moves_alike_or_the_object_is_tiny():
    flow = np.full((40, 50, 2), 1.5, np.float32)
    region = np.zeros((40, 50), np.float32)
    region[10:25, 10:30] = 1
    np.testing.assert_allclose(moves_with(flow, region), 0, atol=1e-3)
    region[:] = 0
    region[3:5, 3:5] = 1
    assert not moves_with(flow, region).any()
