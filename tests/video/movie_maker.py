"""Movies whose frames carry their own number, as blocks of black and white."""

from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np

HEIGHT, WIDTH, BITS = 48, 64, 8


def numbered_picture(number, height=HEIGHT, width=WIDTH):
    """RGB picture: the upper half shows the number in binary, the lower half a level of grey."""
    picture = np.full((height, width, 3), 96, np.uint8)
    block = width // BITS
    for bit in range(BITS):
        picture[: height // 2, bit * block : (bit + 1) * block] = 255 * (number >> bit & 1)
    return picture


def number_of(frame):
    """The number that a picture shows."""
    height, width = frame.shape[:2]
    block = width // BITS
    return sum(
        int(frame[height // 4, bit * block + block // 2].mean() > 127) << bit for bit in range(BITS)
    )


def write_movie(
    path,
    codec="libx264",
    numbers=range(40),
    times=None,
    pixels="yuv420p",
    gop=250,
    options=None,
    turn=None,
    size=(HEIGHT, WIDTH),
    container_options=None,
):
    """Encode numbered pictures; `times` are frame times in 1/25 s."""
    with av.open(os.fspath(path), "w", options=container_options or {}) as container:
        # Key frames where they are asked for, not where the picture changes.
        steady = {"sc_threshold": "0"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=25, options=steady | (options or {}))
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        if turn is not None:
            stream.set_display_rotation(turn)
        for place, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(numbered_picture(number, *size), format="rgb24")
            frame.pts = place if times is None else times[place]
            frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def remux(source, path, shift=0, container_options=None):
    """Copy a movie's packets into another file, `shift` frames earlier."""
    with (
        av.open(os.fspath(source)) as old,
        av.open(os.fspath(path), "w", options=container_options or {}) as new,
    ):
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        offset = int(shift / 25 / stream.time_base)
        for packet in old.demux(stream):
            if packet.dts is None:
                continue
            packet.pts -= offset
            packet.dts -= offset
            packet.stream = copy
            new.mux(packet)
    return path
