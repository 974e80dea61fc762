"""The video with the masks over it, to show to others."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from napari_ivos.errors import ExportError
from napari_ivos.export._format import ExportJob, Format
from napari_ivos.export._overlay import STYLES, overlay
from napari_ivos.masks import PALETTES, object_colours
from napari_ivos.types import Frame, ObjectId

_RATE = 10.0
_SLOWEST, _FASTEST = 1.0, 1000.0
# The first that the build of FFmpeg at hand has.
_CODECS = ("libx264", "libopenh264", "mpeg4")


def _check(
    _ids: Sequence[ObjectId],
    *,
    style: str = "colour",
    frame_rate: float | None = None,
    palette: str = "davis",
) -> None:
    for what, name, known in (("style", style, STYLES), ("palette", palette, PALETTES)):
        if name not in known:
            raise ExportError(
                f"There is no {what} '{name}'.", f"Choose one of: {', '.join(known)}."
            )
    number = isinstance(frame_rate, int | float | Fraction)
    if frame_rate is not None and not (number and 0.01 <= frame_rate <= _FASTEST):
        raise ExportError(
            f"A frame rate of {frame_rate} is not possible.", "Give frames per second."
        )


def _write(
    target: Path,
    job: ExportJob,
    *,
    style: str = "colour",
    frame_rate: float | None = None,
    palette: str = "davis",
) -> None:
    import av

    assert job.video is not None
    own = job.video.frame_rate or 0
    # Nobody watches a time lapse at its own pace, and no player shows a million frames a second.
    own = own if _SLOWEST <= own <= _FASTEST else _RATE
    rate = Fraction(frame_rate or own).limit_denominator(1000)
    codec = next(name for name in _CODECS if name in av.codecs_available)
    with av.open(str(target), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = (side + side % 2 for side in job.shape[1:])
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":
            stream.options = {"crf": "18"}
        for index, labels in enumerate(job.frames()):
            shown = overlay(job.video[index], labels, style, object_colours(palette))
            picture = _even(shown)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def _even(picture: Frame) -> Frame:
    """Players want even sides: an odd one is continued by a row or column."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


FORMAT = Format((".mp4",), "a video with overlay", "mp4", _write, _check, needs_video=True)
