import functools

import pytest
from movie_maker import remux, write_movie


@pytest.fixture(scope="session")
def movie(tmp_path_factory):
    """Make a movie of 40 numbered frames, once per kind: ``movie("h264")`` gives its path."""
    folder = tmp_path_factory.mktemp("movies")

    def make(name, **kwargs):
        return write_movie(folder / name, **kwargs)

    uneven = [place * 6 + place * place % 5 for place in range(40)]
    reference = {"bf": "3"}
    open_gop = {"x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0"}
    kinds = {
        "h264": lambda: make("long_gop.mp4", options=reference),
        "mov": lambda: make("short_gop.mov", gop=7),
        "open gop": lambda: make("open_gop.mkv", options=open_gop),
        "mpeg4": lambda: make("mpeg4.avi", codec="mpeg4", gop=12),
        "mjpeg": lambda: make("mjpeg.avi", codec="mjpeg", pixels="yuvj420p"),
        "vp9": lambda: make("vp9.webm", codec="libvpx-vp9", options={"cpu-used": "8"}),
        "gif": lambda: make("loop.gif", codec="gif", pixels="rgb8"),
        "uneven": lambda: make("uneven.mp4", times=uneven, options=reference),
        "ts": lambda: make("stream.ts", gop=10),
        "bare": lambda: make("bare.h264", gop=10),
        "turned": lambda: make("turned.mp4", turn=90),
        "faststart": lambda: remux(
            kind("mov"), folder / "front.mp4", container_options={"movflags": "faststart"}
        ),
        "edit list": lambda: remux(
            kind("h264"),
            folder / "edited.mp4",
            shift=10,
            container_options={"avoid_negative_ts": "disabled", "use_editlist": "1"},
        ),
    }

    @functools.cache
    def kind(name):
        return kinds[name]()

    return kind
