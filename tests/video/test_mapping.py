"""Intensities: 8 bits stay, everything else is mapped once for the whole stack."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_ivos.errors import VideoError
from napari_ivos.video import IntensityMapping, open_video

MOVIE = np.random.default_rng(5).integers(0, 256, (20, 24, 32), dtype=np.uint8)
MOVIE[:, 0, 0], MOVIE[:, 0, 1] = 255, 1


def grey(frames):
    return np.repeat(frames[..., None], 3, axis=3)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (MOVIE, "identity"),
        (MOVIE.astype(np.uint16), "identity"),
        (MOVIE.astype(np.int32), "identity"),
        (MOVIE.astype(np.uint64), "identity"),
        (MOVIE.astype(np.uint16) * 257, "exact"),
        (MOVIE.astype(np.uint16) * 256, "exact"),
        (MOVIE.astype(np.int64) * 257, "exact"),
        (MOVIE.astype(">u2") * 257, "exact"),
    ],
)
def test_an_8_bit_movie_is_the_same_in_any_type(data, kind):
    video = open_video(data)
    np.testing.assert_array_equal(np.asarray(video), grey(MOVIE))
    assert video.mapping.kind == kind


@given(hnp.arrays(np.uint8, (3, 6, 7)))
def test_any_8_bit_movie_survives_16_bits(frames):
    plain = np.asarray(open_video(frames))
    np.testing.assert_array_equal(np.asarray(open_video(frames.astype(np.uint16) * 257)), plain)
    np.testing.assert_array_equal(np.asarray(open_video(frames.astype(np.uint16) * 256)), plain)


def test_8_bit_channels_are_kept_as_they_are():
    data = MOVIE[:18].reshape(6, 3, 24, 32) // 9
    video = open_video(data, axes="TCYX")
    np.testing.assert_array_equal(video[4], np.moveaxis(data[4], 0, 2))


def test_yes_and_no_are_white_and_black():
    frames = np.asarray(open_video(MOVIE > 100))
    np.testing.assert_array_equal(frames, grey(np.where(MOVIE > 100, 255, 0)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_other_intensities_are_stretched_between_percentiles(dtype):
    data = (np.random.default_rng(1).normal(1000, 200, (10, 40, 50))).astype(dtype)
    video = open_video(data)
    low, high = np.percentile(data, (0.1, 99.9))
    expected = np.clip(np.rint((data.astype(float) - low) * 255 / (high - low)), 0, 255)
    np.testing.assert_array_equal(np.asarray(video), grey(expected))
    assert video.mapping == IntensityMapping("percentile", (low,), (high,))


def test_one_mapping_for_all_frames():
    data = np.stack([np.linspace(0, 1, 600).reshape(20, 30) * 100 * (t + 1) for t in range(9)])
    frames = np.asarray(open_video(data))
    assert frames[0].max() < frames[8].max() / 8
    np.testing.assert_array_equal(frames[0], open_video(data)[0])


def test_channels_are_stretched_apart_and_colours_together():
    weak, strong = np.meshgrid(np.linspace(0, 300, 60), np.linspace(0, 30_000, 50))
    both = np.stack([weak, strong], axis=2)[None].astype(np.uint16)
    apart = open_video(both, axes="TYXC")[0]
    assert apart[..., 0].max() == apart[..., 1].max() == 255
    together = open_video(np.concatenate([both, both[..., :1]], axis=3), axes="TYXS")[0]
    assert together[..., 0].max() < 5
    assert together[..., 1].max() == 255


@pytest.mark.parametrize("value", [0, 300, -3.5, 1e-30])
def test_a_constant_stack_is_black(value):
    dtype = np.float64 if isinstance(value, float) else np.uint16
    assert not np.asarray(open_video(np.full((3, 8, 9), value, dtype))).any()


def test_a_few_bright_spots_on_even_ground_are_seen():
    data = np.full((4, 100, 100), 500, np.uint16)
    data[:, 50, 50] = 700
    frame = open_video(data)[1]
    assert (frame[50, 50, 0], frame[0, 0, 0]) == (255, 0)


def test_not_a_number_is_black_and_infinities_are_the_ends():
    data = np.random.default_rng(2).normal(size=(3, 30, 30)).astype(np.float32)
    data[1, 0, :3] = np.nan, np.inf, -np.inf
    frame = open_video(data)[1]
    np.testing.assert_array_equal(frame[0, :3, 0], (0, 255, 0))
    assert np.ptp(frame[1:]) > 100


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_but_not_a_number_is_an_error(value):
    video = open_video(np.full((3, 8, 9), value))
    with pytest.raises(VideoError, match="hold only nan or infinity"):
        video[0]


def test_a_channel_of_not_a_number_beside_a_good_one_is_black():
    data = np.random.default_rng(2).normal(size=(3, 2, 30, 30))
    data[:, 1] = np.nan
    frame = open_video(data, axes="TCYX")[0]
    assert frame[..., 0].any()
    assert not frame[..., 1].any()


def test_values_outside_of_the_sample_are_clipped():
    data = np.zeros((33, 8, 9), np.uint16)
    data[:, 0, 0] = 255
    data[1] = 4000
    video = open_video(data)
    assert video.mapping.kind == "identity"
    assert (video[1] == 255).all()


@given(st.integers(1, 60))
def test_at_most_16_frames_are_looked_at(length):
    class Counting:
        shape, dtype, looked = (length, 8, 9), np.dtype(np.uint16), 0

        def __getitem__(self, key):
            self.looked += 1
            return np.full((8, 9), key[0])

    data = Counting()
    assert open_video(data).mapping.kind == "identity"
    assert data.looked == min(length, 16)


def test_small_differences_upon_a_large_offset_survive():
    data = 1e9 + np.arange(600.0).reshape(1, 20, 30)
    assert len(np.unique(np.asarray(open_video(data)))) > 250


def test_a_mapping_cannot_be_changed():
    with pytest.raises(AttributeError):
        open_video(MOVIE).mapping.kind = "percentile"
