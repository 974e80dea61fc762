"""What a source of raw frames is, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from napari_ivos.errors import IvosError, VideoError
from napari_ivos.types import AnyArray

MAX_SIDE = 65_535
"""Largest height and width of a frame, pixels."""

MAX_FRAME_BYTES = 2**31
"""Largest size of one frame, bytes; a header that claims more is taken for damaged."""


class FrameSource(Protocol):
    """Raw frames of one video, in whatever intensities the file holds.

    A source is not thread-safe: its `Video` reads it under a lock.
    """

    name: str
    path: Path | None
    length: int
    size: tuple[int, int]
    """Height and width, pixels."""
    dtype: np.dtype[Any]
    """Of the raw frames."""
    per_channel: bool
    """Whether the channels were measured apart (microscopy) or are samples of one colour."""
    scale: tuple[float, float] | None
    """Pixel size (y, x) in the file's own unit."""
    unit: str | None
    """That unit by its sign, such as "µm", where it is known."""
    frame_rate: float | None
    """Frames per second."""

    def read(self, index: int, also: Callable[[int], bool]) -> Iterator[tuple[int, AnyArray]]:
        """Read one frame.

        Parameters
        ----------
        index : int
            0 to length − 1.
        also : callable
            Says which other frames are welcome if they come up on the way.

        Yields
        ------
        (int, (H, W, C) array)
            Frame number and raw frame with C = 1, 2 or 3 chosen channels; `index` comes last.
        """

    def reopen(self) -> FrameSource:
        """Independent reader of the same frames."""

    def close(self) -> None:
        """Let go of files; a closed source is not read again."""


def check_size(name: str, size: tuple[int, int], channels: int, itemsize: int) -> None:
    """Refuse frames that no computer should make room for, before room is made.

    Parameters
    ----------
    name : str
        What to call the source in the message.
    size : (height, width)
    channels, itemsize : int
        Values per pixel, and bytes per value.

    Raises
    ------
    VideoError
        A side is 0 or above `MAX_SIDE`, or a frame has more than `MAX_FRAME_BYTES`.
    """
    height, width = size
    if height < 1 or width < 1:
        raise VideoError(
            f"The frames of {name} are {height} × {width} pixels: there is nothing in them.",
            "Check how the file was written.",
        )
    # Three bytes: what a frame takes as RGB, however little the file has per pixel.
    needed = height * width * max(channels * itemsize, 3)
    if max(size) > MAX_SIDE or needed > MAX_FRAME_BYTES:
        raise VideoError(
            f"{name} claims frames of {height} × {width} pixels, which is more than can be opened.",
            f"The limits are {MAX_SIDE} pixels a side and 2 GiB a frame; the file may be damaged.",
        )


@contextmanager
def as_video_error(message: str, hint: str) -> Iterator[None]:
    """Turn whatever a file library raises into one clear sentence.

    Parsers of damaged files raise nearly anything (struct.error, KeyError, ZeroDivisionError, …),
    so everything is caught; the original stays attached as the cause.

    Raises
    ------
    VideoError
        With `message` and `hint`.
    """
    try:
        yield
    except IvosError:
        raise
    except PermissionError as error:
        raise VideoError(message, "You may not read it; change its permissions.") from error
    except Exception as error:
        raise VideoError(message, hint) from error
