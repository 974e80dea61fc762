"""Which video a project is about, in a way that survives moving either of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ProjectVideoError
from napari_ivos.types import Frame
from napari_ivos.video import Channels, Video, open_video

_SAMPLES = 5
_BLOCKS = 16
_TOLERANCE = 2
"""Grey levels by which block means may differ: decoders of movies round in their own ways."""


def describe(video: Video, folder: Path) -> dict[str, Any]:
    """What to write about a video.

    Parameters
    ----------
    video : Video
    folder : Path
        The project's, absolute.

    Raises
    ------
    VideoError
        A frame cannot be read.
    """
    found: dict[str, Any] = {
        "name": video.name,
        "shape": list(video.shape),
        "samples": {str(i): _means(video[i]).tobytes().hex() for i in _sampled(len(video))},
    }
    return found | place_of(video, folder)


def place_of(video: Video, folder: Path) -> dict[str, Any]:
    """Where a video lies and how it is opened; nothing for frames in memory."""
    if video.source is None:
        return {}
    return {
        "path": _relative(video.source, folder),
        "absolute": str(video.source),
        "axes": video.axes,
        "channels": _numbers(video.channels),
    }


def find_video(known: dict[str, Any], folder: Path) -> Video:
    """Open the video of a project where it lay when last seen, from the folder or absolutely.

    Raises
    ------
    ProjectVideoError
        It was an array, or is no longer there.
    VideoError
        It cannot be read.
    """
    places = [folder / str(known["path"])] if known.get("path") else []
    places += [Path(str(known["absolute"]))] if known.get("absolute") else []
    if not places:
        raise ProjectVideoError(
            f"The project '{folder}' was made from an array in memory, which is gone.",
            "Give the same frames again: Session.open(path, video=array), or --video FILE.",
        )
    for place in places:
        if place.exists():
            axes, channels = known.get("axes"), known.get("channels")
            wish = tuple(channels) if isinstance(channels, list) else channels
            return open_video(Path(os.path.normpath(place)), axes=axes, channels=wish)
    raise ProjectVideoError(
        f"The video of the project '{folder}' is not at '{places[-1]}' any more.",
        "Say where it is now: Session.open(path, video=...), or --video on the command line.",
    )


def check_video(known: dict[str, Any], video: Video, folder: Path) -> None:
    """Whether this is the video that a project was made from.

    Raises
    ------
    ProjectVideoError
        It has another shape or shows something else.
    """
    length, height, width, _ = known["shape"]
    if list(video.shape) != known["shape"]:
        has = f"{len(video)} frames of {video.shape[1]} × {video.shape[2]}"
        raise ProjectVideoError(
            f"The video '{video.name}' has {has} pixels, but the project '{folder}' was made "
            f"from one of {length} frames of {height} × {width}.",
            "Give the video that it was made from, with the same axes.",
        )
    for key, means in known["samples"].items():
        index = int(key)
        before = np.frombuffer(bytes.fromhex(means), dtype=np.uint8).astype(np.int16)
        now = _means(video[index]).ravel().astype(np.int16)
        if before.shape != now.shape or np.abs(before - now).max() > _TOLERANCE:
            raise ProjectVideoError(
                f"The video '{video.name}' shows something else in frame {index} than the video "
                f"that the project '{folder}' was made from.",
                "Give the video that it was made from, with the same channels.",
            )


def is_same(video: Video, other: Video) -> bool:
    """Whether two videos show the same, as far as a project can tell."""
    try:
        check_video(describe(video, Path()), other, Path())
    except ProjectVideoError:
        return False
    return True


def check_known(known: Any) -> dict[str, Any]:
    """What a project's file says of its video, if it makes sense.

    Raises
    ------
    ValueError, TypeError, KeyError
        It does not.
    """
    shape, samples = known["shape"], known["samples"]
    good = len(shape) == 4 and all(type(n) is int and n > 0 for n in shape)
    if not good or not 1 <= len(samples) <= _SAMPLES:
        raise ValueError("no video is like this")
    for key, means in samples.items():
        bytes.fromhex(means)
        if not 0 <= int(key) < shape[0]:
            raise ValueError("there is no such frame")
    result: dict[str, Any] = known
    return result


def _numbers(channels: Channels | None) -> int | list[int] | None:
    if channels is None or isinstance(channels, SupportsIndex):
        return None if channels is None else int(channels)
    return [int(channel) for channel in channels]


def _relative(source: Path, folder: Path) -> str | None:
    try:
        return Path(os.path.relpath(source, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return None


def _sampled(length: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, length - 1, _SAMPLES).tolist()})


def _means(frame: Frame) -> NDArray[np.uint8]:
    """Mean colour of 16 × 16 blocks; fewer where the frame is smaller than that."""
    rows, columns = (
        np.unique(np.linspace(0, side, _BLOCKS + 1).astype(int)[:-1]) for side in frame.shape[:2]
    )
    sums = np.add.reduceat(frame.astype(np.int64), rows, axis=0)
    sums = np.add.reduceat(sums, columns, axis=1)
    heights = np.diff([*rows, frame.shape[0]])
    widths = np.diff([*columns, frame.shape[1]])
    means = sums / (heights[:, None] * widths)[:, :, None]
    rounded: NDArray[np.uint8] = np.rint(means).astype(np.uint8)
    return rounded
