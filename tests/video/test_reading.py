"""What a Video is: a lazy array, bounded in memory, safe from several threads."""

import gc
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from movie_maker import number_of

from napari_ivos.errors import VideoError
from napari_ivos.video import Video, open_video
from napari_ivos.video._media import MediaSource

FRAMES = np.random.default_rng(0).integers(0, 256, (12, 10, 14, 3), dtype=np.uint8)
FRAME_BYTES = 10 * 14 * 3


class Counting:
    """Array-like that notes what is read, and how many read at once."""

    def __init__(self, data=FRAMES):
        self.data, self.shape, self.dtype = data, data.shape, data.dtype
        self.keys = []
        self.inside = self.most_inside = 0

    def __getitem__(self, key):
        self.keys.append(key[0])
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        taken = self.data[key]
        self.inside -= 1
        return taken


def test_it_looks_like_an_array():
    video = open_video(FRAMES)
    assert (video.shape, video.ndim, video.size, video.dtype) == (
        FRAMES.shape, 4, FRAMES.size, np.uint8
    )  # fmt: skip
    assert len(video) == 12
    assert "12 frames of 10 × 14" in repr(video)
    assert sum(1 for _ in video) == 12


KEYS = [
    3, -1, np.int64(4), np.array(5), np.uint8(2), slice(2, 5), slice(None), slice(None, None, -3),
    slice(20, 30), [1, 4, 1], np.array([0, -2]), FRAMES[:, 0, 0, 0] > 99, (3,), (),
    (3, slice(None), slice(None), slice(None)), (slice(1, 4), slice(2, 5), 3), (2, 4, 5, 1),
    (Ellipsis, 0), (Ellipsis,), (Ellipsis, 3, 4, 5, 1), (4, Ellipsis, 1), ([2, 3], slice(3)),
    (slice(0, 0), 2), Ellipsis,
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_is_numpys(key):
    taken = open_video(FRAMES)[key]
    np.testing.assert_array_equal(taken, FRAMES[key])
    assert np.shape(taken) == np.shape(FRAMES[key])
    assert taken.dtype == np.uint8


@pytest.mark.parametrize(
    "key",
    [
        12, -13, [0, 12], (12, 0), "first", 1.0, np.ones(3, bool), [[0, 1]], (0, 10), None,
        ([0, 1], [2, 3]),
    ],
)  # fmt: skip
def test_indices_out_of_place(key):
    with pytest.raises(IndexError):
        open_video(FRAMES)[key]


def test_becoming_an_array():
    video = open_video(FRAMES)
    np.testing.assert_array_equal(np.asarray(video), FRAMES)
    assert np.asarray(video, dtype=np.float32).dtype == np.float32
    np.array(video)[...] = 0
    np.testing.assert_array_equal(video[0], FRAMES[0])
    with pytest.raises(ValueError, match="copy"):
        np.asarray(video, copy=False)


def test_frames_cannot_be_written_to_nor_change_what_was_given():
    data = FRAMES.copy()
    video = open_video(data)
    with pytest.raises(ValueError, match="read-only"):
        video[0][0, 0] = 1
    assert data.flags.writeable
    assert video[0].flags.c_contiguous


def test_only_what_is_asked_for_is_read_and_only_once():
    data = Counting()
    video = open_video(data)
    assert data.keys == []
    video[3], video[3], video[-9], video[3:5]
    assert data.keys == [3, 4]


def test_only_the_wanted_channel_is_read():
    class Channels(Counting):
        def __getitem__(self, key):
            self.keys.append(key[:2])
            return self.data[key]

    data = Channels(np.moveaxis(FRAMES, 3, 1))
    open_video(data, axes="TCYX", channels=2)[5]
    assert data.keys == [(5, 2)]


@pytest.mark.parametrize("frames", [0, 1, 3, 12])
def test_the_cache_never_holds_more_than_its_bytes(frames, monkeypatch):
    limit = frames * FRAME_BYTES + 7
    data = Counting()
    video = open_video(data, cache_bytes=limit)
    for place in random.Random(0).choices(range(12), k=200):
        np.testing.assert_array_equal(video[place], FRAMES[place])
        kept = sum(frame.nbytes for frame in video._cache._frames.values())
        assert kept == video._cache.held <= limit
    assert video._cache.held == min(frames, 12) * FRAME_BYTES
    assert all(frame.flags.owndata for frame in video._cache._frames.values())


def test_the_longest_unused_frame_goes_first():
    data = Counting()
    video = open_video(data, cache_bytes=2 * FRAME_BYTES)
    for place in (0, 1, 0, 2, 0, 1):
        video[place]
    assert data.keys == [0, 1, 2, 1]


def test_movie_frames_in_the_cache_own_their_memory(movie):
    video = open_video(movie("h264"), cache_bytes=10 * 48 * 64 * 3)
    for place in (30, 5, 39):
        video[place]
        assert video._cache.held <= video.cache_bytes
    assert all(frame.flags.owndata for frame in video._cache._frames.values())


def test_a_negative_cache_is_refused():
    with pytest.raises(VideoError, match="-1 is no number of bytes"):
        open_video(FRAMES, cache_bytes=-1)


@pytest.mark.parametrize("cache_bytes", [0, 6 * 48 * 64 * 3, 2**24])
def test_threads_read_the_right_frames(movie, cache_bytes):
    video = open_video(movie("mov"), cache_bytes=cache_bytes)
    start = threading.Barrier(4)

    def read(seed):
        start.wait()
        order = random.Random(seed).choices(range(40), k=25)
        return [number_of(video[place]) for place in order] == order

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(4)))


def test_sources_are_read_by_one_thread_at_a_time_and_frames_once():
    data = Counting(FRAMES.astype(np.float32))
    video = open_video(data, axes="TYXS")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(video.__getitem__, [0, 1, 2, 3] * 6))
    assert data.most_inside == 1
    # 12 frames for the mapping, which is decided once, and the four that were asked for.
    assert sorted(data.keys) == sorted([*range(12), 0, 1, 2, 3])


def test_a_kept_frame_does_not_wait_for_a_thread_that_reads():
    entered, leave = threading.Event(), threading.Event()

    class Slow(Counting):
        def __getitem__(self, key):
            if key[0] == 7:
                entered.set()
                assert leave.wait(20)
            return self.data[key]

    video = open_video(Slow())
    video[3]
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(video.__getitem__, 7)
        assert entered.wait(20)
        np.testing.assert_array_equal(video[3], FRAMES[3])
        assert not reading.done()
        leave.set()
        np.testing.assert_array_equal(reading.result(), FRAMES[7])


def test_a_reopened_video_shares_nothing_but_the_mapping():
    data = Counting(FRAMES.astype(np.float32))
    video = open_video(data, axes="TYXS", cache_bytes=5000)
    mapping = video.mapping
    looked = len(data.keys)
    other = video.reopen(cache_bytes=100)
    assert (other.mapping, len(data.keys)) == (mapping, looked)
    assert (other.cache_bytes, video.reopen().cache_bytes) == (100, 5000)
    assert other._lock is not video._lock
    video.close()
    assert other[0].shape == (10, 14, 3)


def test_a_copy_reads_on_when_the_video_is_closed():
    with open_video(FRAMES) as video:
        copied = deepcopy(video)
    with copied:
        np.testing.assert_array_equal(copied[3], FRAMES[3])


def test_a_closed_video_says_so():
    with open_video(FRAMES) as video:
        video[0]
    with pytest.raises(VideoError, match="is closed"):
        video[0]


def test_a_video_that_is_forgotten_lets_go_of_its_file(movie, monkeypatch):
    closed = []
    close = MediaSource.close
    monkeypatch.setattr(MediaSource, "close", lambda source: closed.append(close(source)))
    video = open_video(movie("mov"))
    video[3]
    assert len(closed) == 0
    del video
    gc.collect()
    assert len(closed) == 1


def test_a_failing_array_names_the_frame():
    class Failing(Counting):
        def __getitem__(self, key):
            raise OSError("disk gone")

    with pytest.raises(VideoError, match="Frame 2 of array cannot be read") as caught:
        open_video(Failing())[2]
    assert isinstance(caught.value.__cause__, OSError)


def layer(data, rgb=False, multiscale=False, scale=(1, 1, 1)):
    return SimpleNamespace(data=data, rgb=rgb, multiscale=multiscale, name="cells", scale=scale)


def test_an_image_layer_is_read_at_its_finest_scale():
    video = open_video(layer([FRAMES, FRAMES[:, ::2, ::2]], True, True, (2, 0.5, 0.25)))
    np.testing.assert_array_equal(np.asarray(video), FRAMES)
    assert (video.name, video.scale, video.source) == ("cells", (0.5, 0.25), None)


def test_a_layers_colour_is_told_by_the_layer():
    narrow = FRAMES[..., 0, :]
    assert open_video(layer(narrow)).shape == (12, 10, 3, 3)
    assert open_video(layer(narrow, rgb=True)).shape == (1, 12, 10, 3)


def test_a_layer_that_shows_a_video_gives_that_video():
    video = open_video(FRAMES)
    assert open_video(layer(video, rgb=True)) is video


def test_a_video_is_returned_as_it_is_but_not_changed():
    video = open_video(FRAMES)
    assert open_video(video) is video
    with pytest.raises(VideoError, match="open already"):
        open_video(video, channels=1)


def test_napari_shows_a_video_lazily():
    components = pytest.importorskip("napari.components")
    data = Counting()
    viewer = components.ViewerModel()
    shown = viewer.add_image(
        open_video(data), rgb=True, contrast_limits=(0, 255), multiscale=False, name="movie"
    )
    assert isinstance(shown.data, Video)
    assert shown.ndim == 3
    viewer.dims.set_point(0, 5)
    np.testing.assert_array_equal(shown.get_value((5, 4, 7), world=True), FRAMES[5, 4, 7])
    assert 5 in data.keys
    assert len(data.keys) <= 4, "only frames that were shown are read"
