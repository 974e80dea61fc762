"""The parts that IPNet is made of, without its weights."""

import numpy as np
import pytest
import torch

from napari_ivos.methods._shelf import Shelf
from napari_ivos.methods.ipnet.rounds import meet, merge
from napari_ivos.methods.ipnet.small import ProductConv
from napari_ivos.methods.ipnet.strokes import hints, stroke_map
from napari_ivos.methods.ipnet.window import SIDE, Window, around, cut, put_back
from napari_ivos.scribbles import make_stroke

SIZE = (48, 56)


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
    positive, negative = hints(stroke_map(strokes, SIZE), 1)
    assert positive.sum() == 13
    assert negative[15, 15]
    assert not (positive & negative).any()


def test_products_are_what_a_convolution_gives():
    conv = torch.nn.Conv2d(6, 5, 3, padding=1).requires_grad_(False)
    x = torch.randn(2, 6, 4, 7, generator=torch.Generator().manual_seed(0))
    wanted = conv(x)
    got = ProductConv(conv.to(memory_format=torch.channels_last))(x)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


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
