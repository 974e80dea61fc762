import itertools

import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_ivos.masks import (
    davis_palette,
    extend_probs,
    labels_from_probs,
    object_colour,
    object_colours,
    probs_from_labels,
    soft_aggregate,
)


def test_labels_and_probabilities_are_inverse():
    labels = np.array([[0, 3], [700, 9]], np.uint16)
    probs = probs_from_labels(labels, (3, 700))
    assert probs.dtype == np.float32
    np.testing.assert_array_equal(probs.sum(0), np.ones((2, 2)))
    np.testing.assert_array_equal(labels_from_probs(probs, (3, 700)), [[0, 3], [700, 0]])


def test_ties_go_to_the_background_then_to_the_lower_channel():
    probs = np.array([[[0.5, 0.2]], [[0.5, 0.4]], [[0.0, 0.4]]], np.float32)
    np.testing.assert_array_equal(labels_from_probs(probs, (5, 6)), [[0, 5]])


def test_soft_aggregation_by_hand():
    p = np.array([0.8, 0.5], np.float32).reshape(2, 1, 1)
    odds = np.array([0.1 / 0.9, 0.8 / 0.2, 1.0])  # background: 0.2 · 0.5
    merged = soft_aggregate(p)
    np.testing.assert_allclose(merged[:, 0, 0], odds / odds.sum(), rtol=1e-5)


def test_soft_aggregation_at_the_extremes_is_that_of_float32():
    p = np.array([[[1.0, 0.0]], [[1.0, 0.0]]], np.float32)
    merged = soft_aggregate(p)
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged[:, 0, 0], [0, 0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(merged[:, 0, 1], [1, 0, 0], atol=1e-6)
    one = soft_aggregate(np.full((1, 1, 1), 1e-4, np.float32))
    assert np.isfinite(one).all()


def test_probabilities_for_other_objects():
    probs = np.array([0.2, 0.3, 0.5], np.float32).reshape(3, 1, 1)
    assert extend_probs(probs, (1, 4), (1, 4)) is probs
    moved = extend_probs(probs, (1, 4), (2, 4))
    np.testing.assert_allclose(moved[:, 0, 0], [0.5, 0, 0.5])


@pytest.mark.parametrize(
    ("index", "colour"),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (2, (0, 128, 0)),
        (15, (192, 128, 128)),
        (255, (224, 224, 192)),
    ],
)
def test_palette_is_that_of_davis(index, colour):
    assert tuple(davis_palette()[index].tolist()) == colour


def test_ids_above_255_have_colours_and_none_is_black():
    colours = {object_colour(object_id) for object_id in range(1, 256)}
    assert len(colours) == 255
    assert (0, 0, 0) not in colours
    assert object_colour(256) == object_colour(1)


# What people without one kind of cone see: Machado, Oliveira and Fernandes (2009), table 1.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def least_difference(colours, matrix):
    """Of any two colours, in the units of CIELAB, to somebody who sees with this matrix."""
    share = colours / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(light @ np.array(matrix).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055))
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2))


@pytest.mark.parametrize("kind", BLINDNESS)
def test_one_palette_is_for_any_colour_vision(kind):
    colours = object_colours("okabe-ito")
    assert colours.shape == (255, 3)
    assert len(np.unique(colours, axis=0)) == 21
    assert least_difference(colours[:7], BLINDNESS[kind]) > 15


def test_the_other_palette_is_that_of_davis():
    assert np.array_equal(object_colours(), davis_palette()[1:])
    assert least_difference(object_colours()[:7], BLINDNESS["protanopia"]) < 15
