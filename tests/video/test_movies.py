"""Movie files: every frame is the one that its number says, in whatever order it is asked for."""

import random
import warnings

import av
import numpy as np
import pytest
from movie_maker import HEIGHT, WIDTH, number_of, numbered_picture, write_movie

from napari_ivos.errors import VideoError
from napari_ivos.video import open_video

KINDS = [
    "h264", "mov", "open gop", "mpeg4", "mjpeg", "vp9", "gif", "uneven", "ts", "bare", "faststart"
]  # fmt: skip


def shuffled(length, count=40):
    return random.Random(3).choices(range(length), k=count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cache_bytes", [0, 2**20], ids=["uncached", "cached"])
def test_every_frame_is_the_right_one_in_any_order(movie, kind, cache_bytes):
    with open_video(movie(kind), cache_bytes=cache_bytes) as video:
        assert video.shape == (40, HEIGHT, WIDTH, 3)
        assert [number_of(frame) for frame in video] == list(range(40))
        back = range(39, -1, -1) if cache_bytes else range(39, 29, -1)
        assert [number_of(video[place]) for place in back] == list(back)
        order = shuffled(40)
        assert [number_of(video[place]) for place in order] == order


@pytest.mark.parametrize("kind", ["h264", "open gop", "bare"])
def test_a_frame_is_the_same_whichever_way_it_was_come_to(movie, kind):
    with open_video(movie(kind)) as straight, open_video(movie(kind), cache_bytes=0) as jumping:
        for place in shuffled(40, 12):
            np.testing.assert_array_equal(jumping[place], np.asarray(straight)[place])


def test_colours_come_out_as_red_green_blue(tmp_path):
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[...] = 200, 40, 10
    with av.open(str(tmp_path / "red.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "bgr0"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    np.testing.assert_array_equal(open_video(tmp_path / "red.mkv")[0], picture)
    green = open_video(tmp_path / "red.mkv", channels=1)[0]
    np.testing.assert_array_equal(green, np.full_like(picture, 40))


def test_frames_that_an_edit_list_hides_are_not_counted(movie):
    with av.open(str(movie("edit list"))) as container:
        packets = list(container.demux(container.streams.video[0]))
    assert sum(packet.size > 0 for packet in packets) == 40, "the file holds what it hides"
    with open_video(movie("edit list"), cache_bytes=0) as video:
        assert len(video) == 30
        order = [*range(30), *shuffled(30)]
        assert [number_of(video[place]) - 10 for place in order] == order


def test_frame_rate_and_name_and_path_are_told(movie):
    with open_video(str(movie("h264"))) as video:
        assert (video.frame_rate, video.name, video.source) == (25, "long_gop", movie("h264"))


def test_a_turned_movie_stands_upright(movie):
    with open_video(movie("turned")) as video:
        assert video.shape == (40, WIDTH, HEIGHT, 3)
        assert [number_of(np.rot90(frame, -1)) for frame in video] == list(range(40))


def test_a_change_of_size_midway_is_fitted_to_the_first_frame(tmp_path):
    small = write_movie(tmp_path / "small.h264", numbers=range(5))
    large = write_movie(tmp_path / "large.h264", numbers=range(5, 9), size=(96, 128))
    (tmp_path / "both.h264").write_bytes(small.read_bytes() + large.read_bytes())
    with open_video(tmp_path / "both.h264") as video:
        assert video.shape == (9, HEIGHT, WIDTH, 3)
        assert [number_of(frame) for frame in video] == list(range(9))


def test_stepping_back_decodes_a_stretch_once(movie, monkeypatch):
    video = open_video(movie("h264"))
    seeks = []
    original = video._source._seek
    monkeypatch.setattr(
        video._source, "_seek", lambda stamp: (seeks.append(stamp), original(stamp))
    )
    for place in range(39, -1, -1):
        assert number_of(video[place]) == place
    assert len(seeks) == 1


def test_reading_on_does_not_seek(movie, monkeypatch):
    video = open_video(movie("mov"), cache_bytes=0)
    video[0]
    monkeypatch.setattr(video._source, "_seek", lambda stamp: pytest.fail("went back"))
    assert [number_of(video[place]) for place in (1, 2, 5, 12)] == [1, 2, 5, 12]


def test_reopened_movies_read_apart(movie):
    video = open_video(movie("h264"), cache_bytes=0)
    other = video.reopen()
    assert [(number_of(video[a]), number_of(other[39 - a])) for a in range(40)] == [
        (a, 39 - a) for a in range(40)
    ]
    video.close()
    assert number_of(other[3]) == 3


def test_a_movie_cut_off_says_how_many_frames_are_left(movie, tmp_path):
    content = movie("faststart").read_bytes()
    short = tmp_path / "short.mp4"
    short.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(VideoError, match=r"short.mp4 is cut off: \d+ of its 40 frames") as caught:
        open_video(short)
    assert caught.value.hint


def test_of_a_stream_that_breaks_off_what_is_there_can_be_read(movie, tmp_path):
    content = movie("open gop").read_bytes()
    (tmp_path / "live.mkv").write_bytes(content[: len(content) * 3 // 4])
    with open_video(tmp_path / "live.mkv") as video:
        shown = [number_of(frame) for frame in video]
    assert shown[:20] == list(range(20))
    assert len(shown) < 40


def test_a_movie_without_its_table_of_contents_is_refused(movie, tmp_path):
    content = movie("h264").read_bytes()
    (tmp_path / "no_table.mp4").write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(VideoError, match=r"no_table.mp4 cannot be read as a video"):
        open_video(tmp_path / "no_table.mp4")


def test_a_damaged_frame_is_named_and_the_others_stay(tmp_path):
    source = write_movie(tmp_path / "whole.mp4", gop=1)
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        packet = [p for p in container.demux(container.streams.video[0]) if p.size][17]
    content[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    (tmp_path / "hole.mp4").write_bytes(content)
    with open_video(tmp_path / "hole.mp4") as video:
        assert len(video) == 40
        for _ in range(2):
            with pytest.raises(VideoError, match=r"Frame 17 of hole.mp4 cannot be decoded"):
                video[17]
        assert [number_of(video[place]) for place in (16, 18, 39, 0)] == [16, 18, 39, 0]


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), np.float32), format="fltp", layout="mono"
        )
        sound.sample_rate = 48_000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match=r"song.mp4 has no moving picture"):
        open_video(tmp_path / "song.mp4")


@pytest.mark.parametrize("name", ["notes.mp4", "notes.avi", "notes.gif", "notes.mkv"])
def test_text_under_a_movies_name_is_refused(tmp_path, name):
    (tmp_path / name).write_text("Monday: fed the fish.\n" * 40)
    with pytest.raises(VideoError, match=f"{name} cannot be read as a video"):
        open_video(tmp_path / name)


def test_an_absurd_size_is_refused_before_anything_is_decoded(movie, monkeypatch):
    monkeypatch.setattr("napari_ivos.video._source.MAX_FRAME_BYTES", HEIGHT * WIDTH * 3 - 1)
    monkeypatch.setattr(
        "napari_ivos.video._media_index.decoded", lambda *_: pytest.fail("was decoded")
    )
    with pytest.raises(VideoError, match=r"long_gop.mp4 claims frames of 48 × 64 pixels"):
        open_video(movie("h264"))


def test_a_header_of_absurd_size_is_refused(tmp_path):
    path = tmp_path / "huge.y4m"
    path.write_bytes(b"YUV4MPEG2 W32000 H32000 F25:1 Ip A1:1 Cmono\nFRAME\n" + bytes(999))
    with pytest.raises(VideoError, match=r"huge\.y4m"):
        open_video(path)


def test_axes_are_refused(movie):
    with pytest.raises(VideoError, match="axes= is for stacks and arrays"):
        open_video(movie("h264"), axes="TYX")


def test_a_movie_file_is_closed(movie):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        video = open_video(movie("h264"))
        video.close()
        video.close()
    with pytest.raises(VideoError, match="is closed"):
        video[0]


def test_the_pictures_are_what_was_drawn(movie):
    difference = open_video(movie("h264"))[5].astype(int) - numbered_picture(5)
    assert np.abs(difference).mean() < 8
