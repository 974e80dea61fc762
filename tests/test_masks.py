import numpy as np
import pytest

from napari_ivos.masks import (
    davis_palette,
    extend_probs,
    labels_from_probs,
    object_colour,
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
