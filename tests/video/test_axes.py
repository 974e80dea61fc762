"""Axes: what is said counts, then what the file says, then what the shape makes plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_ivos.errors import VideoError
from napari_ivos.video import open_video

SIZES = {"T": 5, "Z": 6, "C": 2, "S": 3, "Y": 8, "X": 9}


def coordinates(axes, dtype=np.uint8, **sizes):
    """Array whose values are 40·frame + 8·channel + column for the frame axis that is in it."""
    sizes = SIZES | sizes
    values = np.zeros([sizes[letter] for letter in axes], dtype)
    factors = {"T": 40, "Z": 40, "C": 8, "S": 8, "X": 1}
    for place, letter in enumerate(axes):
        steps = np.arange(sizes[letter]) * factors.get(letter, 0)
        values += steps.astype(dtype).reshape([-1 if at == place else 1 for at in range(len(axes))])
    return values


@st.composite
def stacks(draw):
    """Axes in any order: rows, columns, perhaps frames, perhaps channels, and axes of size 1."""
    frames = draw(st.sampled_from(["", "T", "Z"]))
    channels = draw(st.sampled_from(["", "C", "S"]))
    single = draw(st.sets(st.sampled_from("TZCS")))
    letters = set("YX" + frames + channels) | single
    axes = "".join(draw(st.permutations(sorted(letters))))
    sizes = dict.fromkeys(single - {frames, channels}, 1)
    return axes, frames, channels, sizes


@given(stacks(), st.sampled_from([np.uint8, ">u2"]))
def test_said_axes_in_any_order_give_the_same_frames(stack, dtype):
    axes, frames, channels, sizes = stack
    data = coordinates(axes, dtype, **sizes)
    video = open_video(data, axes=axes.lower())
    assert video.shape == (SIZES.get(frames, 1), 8, 9, 3)
    place = len(video) - 1
    expected = np.broadcast_to(np.arange(9)[None, :, None] + 40 * place, (8, 9, 3)).copy()
    count = SIZES.get(channels, 1)
    expected += 8 * np.array([0, min(1, count - 1), min(2, count - 1)])
    if count == 2:
        expected[..., 2] = 0
    np.testing.assert_array_equal(video[place], expected)


@pytest.mark.parametrize(
    ("shape", "dtype", "length", "colour"),
    [
        ((20, 30), np.uint8, 1, False),
        ((20, 30, 3), np.uint8, 1, True),
        ((20, 30, 4), np.uint16, 1, True),
        ((20, 30, 1), np.float32, 1, False),
        ((7, 20, 30), np.uint8, 7, False),
        ((3, 20, 30), np.uint8, 3, False),
        ((7, 20, 30, 3), np.uint8, 7, True),
        ((7, 20, 30, 1), np.uint8, 7, False),
        ((1, 7, 1, 20, 30), np.uint16, 7, False),
        ((1, 1, 20, 30), np.uint8, 1, False),
        ((7, 4, 3), np.uint8, 7, None),
    ],
)
def test_a_bare_array_is_read_by_its_shape(shape, dtype, length, colour):
    data = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    video = open_video(data)
    size = (4, 3) if colour is None else (20, 30)
    assert video.shape == (length, *size, 3)
    frame = video[0]
    assert bool(np.ptp(frame, axis=2).any()) is bool(colour)


def test_four_axes_that_nothing_is_known_about_are_asked_for():
    with pytest.raises(VideoError, match="nothing says which axis") as caught:
        open_video(np.zeros((5, 2, 20, 30), np.uint8))
    assert 'axes="TCYX"' in caught.value.hint


def test_four_axes_that_end_in_three_samples_are_colour_in_any_type():
    ramp = np.linspace(0, 1, 5 * 20 * 30 * 3, dtype=np.float32).reshape(5, 20, 30, 3)
    video = open_video(ramp)
    assert video.shape == (5, 20, 30, 3)
    assert video[4].mean() > video[0].mean()


def test_a_guess_that_is_hinted_works():
    assert len(open_video(np.zeros((5, 2, 20, 30), np.uint8), axes="TCYX")) == 5
    with pytest.raises(VideoError) as caught:
        open_video(np.zeros((2, 2, 2, 2, 20, 30), np.uint8))
    assert "axes=" not in caught.value.hint


def test_time_and_depth_together_are_refused_with_a_way_out():
    data = coordinates("TZYX")
    with pytest.raises(VideoError, match="5 times and 6 depths") as caught:
        open_video(data, axes="TZYX")
    assert 'axes="TCYX", channels=0' in caught.value.hint
    video = open_video(data % 40, axes="TCYX", channels=4)
    assert len(video) == 5
    assert "--axes TCYX --channels 0" in caught.value.hint
    with pytest.raises(VideoError, match=r"5 times and 6 depths.*file of its own.*data\[:, 0\]"):
        open_video(coordinates("TZCYX"), axes="TZCYX")
    with pytest.raises(VideoError, match=r"data\[:, :, 0\]"):
        open_video(coordinates("TCZYX"), axes="TCZYX")


def test_channels_and_colour_together_are_refused():
    with pytest.raises(VideoError, match=r"2 channels \(C\) and 3 colour samples \(S\)"):
        open_video(coordinates("CYXS"), axes="CYXS")


@pytest.mark.parametrize(
    ("axes", "clause"),
    [
        ("TYQ", "letter Q is not known"),
        ("TXX", "stands twice"),
        ("TY", "2 letters for 3 axes"),
        ("", "0 letters for 3 axes"),
        ("TZY", "Y and X are needed"),
    ],
)
def test_axes_that_do_not_fit_are_explained(axes, clause):
    with pytest.raises(VideoError, match=clause) as caught:
        open_video(np.zeros((5, 20, 30), np.uint8), axes=axes)
    assert "T time" in caught.value.hint


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (None, (0, 8, 16)),
        (3, (24, 24, 24)),
        ([3], (24, 24, 24)),
        ((4, 1), (32, 8, 0)),
        ((4, 1, 1), (32, 8, 8)),
        (np.int64(2), (16, 16, 16)),
        (np.array([2, 0]), (16, 0, 0)),
    ],
)
@pytest.mark.parametrize("axes", ["TCYX", "TYXC", "CYX", "CTXY", "TYXS"])
def test_channels_become_red_green_blue(axes, channels, expected):
    if axes == "TYXS" and channels is None:
        expected = (0, 8, 16)
    video = open_video(coordinates(axes, C=5, S=5), axes=axes, channels=channels)
    np.testing.assert_array_equal(video[0][3, 0], expected)


def test_alpha_is_left_out_and_two_samples_are_grey_and_alpha():
    colour = open_video(coordinates("TYXS", S=4), axes="TYXS")
    np.testing.assert_array_equal(colour[0][0, 0], (0, 8, 16))
    grey = open_video(coordinates("TYXS", S=2), axes="TYXS")
    np.testing.assert_array_equal(grey[0][0, 1], (1, 1, 1))


def test_one_channel_may_be_named():
    data = coordinates("TYX")
    np.testing.assert_array_equal(open_video(data, channels=0)[2], open_video(data)[2])


@pytest.mark.parametrize("channels", [2, -1, (0, 7)])
def test_a_channel_that_is_not_there_is_named(channels):
    with pytest.raises(VideoError, match=r"has no channel (2|-1|7)\.") as caught:
        open_video(coordinates("TCYX"), axes="TCYX", channels=channels)
    assert "0 to 1" in caught.value.hint


@pytest.mark.parametrize("channels", [(), (0, 1, 0, 1), "red", 1.5, (0.5,)])
def test_a_wish_that_is_no_list_of_channels_is_refused(channels):
    with pytest.raises(VideoError, match="is not one channel"):
        open_video(coordinates("TCYX"), axes="TCYX", channels=channels)
