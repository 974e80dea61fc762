"""Movie files through PyAV, with exact access to every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray
from napari_ivos.video._channels import Channels, choose_channels, pick
from napari_ivos.video._media_index import (
    MediaIndex,
    build_index,
    decoded,
    open_stream,
    stamped,
)
from napari_ivos.video._source import as_video_error

MEDIA_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".wmv", ".flv"}
    | {".ts", ".mts", ".m2ts", ".3gp", ".ogv", ".h264", ".y4m"}
)
_NEAR = 8
"""Frames ahead that are decoded rather than looked for by seeking, key frame or not."""


class MediaSource:
    """Frames of a movie file.

    A frame is found by its own time stamp: from the key frame at or before it, frames are decoded
    until that stamp comes. What the container says about frame count and rate is not trusted.
    Quarter turns that the file asks for (phones held upright) are made; the picture's aspect is
    left as it is stored. Colours are 8 bits, also where the file has more.

    Parameters
    ----------
    path : Path
    name : str
        The video's name.
    channels : int, sequence of int, or None
        Of red, green and blue; see `choose_channels`.
    index : MediaIndex, optional
        From an earlier opening of the same file.

    Raises
    ------
    VideoError
        The file is no video, is damaged, or is cut off.
    """

    dtype: np.dtype[Any] = np.dtype(np.uint8)
    per_channel = False
    scale: tuple[float, float] | None = None
    unit: str | None = None

    def __init__(
        self,
        path: Path,
        name: str,
        channels: Channels | None = None,
        index: MediaIndex | None = None,
    ) -> None:
        self.path: Path | None = path
        self.name, self._file, self._channels = name, path, channels
        self._chosen = choose_channels(channels, 3, False, name)
        with as_video_error(
            f"{path.name} cannot be read as a video.",
            "The file is damaged, cut off, or another kind of file under a video's name.",
        ):
            self._index = build_index(path) if index is None else index
            self._container, self._stream = open_stream(path)
            rate = self._stream.average_rate
        self._last: int | None = None
        self._frames: Iterator[tuple[int | None, Any]] = iter(())
        self._start_decoding()
        self.length = len(self._index.stamps)
        height, width = self._index.size
        self.size = (width, height) if self._index.quarter_turns % 2 else (height, width)
        self.frame_rate = float(rate) if rate else None

    def read(self, index: int, also: Callable[[int], bool]) -> Iterator[tuple[int, AnyArray]]:
        """Read one frame; see `FrameSource`."""
        wanted = self._index.stamps[index]
        for go in self._ways_to(index):
            go()
            earlier = False
            for stamp, frame in self._frames:
                if stamp is None:
                    continue
                if stamp > wanted:
                    break
                earlier = True
                place = self._index.places.get(stamp)
                if place is None:
                    continue
                self._last = place
                if place == index or also(place):
                    yield place, self._picture(frame)
                if place == index:
                    return
            self._last = None
            if earlier:
                # Decoding went past it from before it: going further back would not help.
                break
        raise VideoError(
            f"Frame {index} of {self._file.name} cannot be decoded.",
            "The file is damaged there; the other frames can be used.",
        )

    def reopen(self) -> MediaSource:
        """Independent reader with a decoder of its own."""
        return MediaSource(self._file, self.name, self._channels, self._index)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _ways_to(self, index: int) -> Iterator[Callable[[], None]]:
        """Ways to come to a frame, the cheapest first; later ones if one came out behind it."""
        stamp = self._index.stamps[index]
        keys = self._index.keys_before(stamp)
        if self._last is not None and self._last < index:
            ahead = self._index.stamps[self._last] >= keys[0] or index - self._last <= _NEAR
            if ahead or self._index.counted:
                yield lambda: None
        if not self._index.counted:
            for key in keys[:3]:
                yield lambda key=key: self._seek(key)  # type: ignore[misc]
        yield self._begin

    def _seek(self, stamp: int) -> None:
        import av

        try:
            self._container.seek(stamp, stream=self._stream, backward=True, any_frame=False)
        except av.error.FFmpegError:
            # Some formats cannot seek: read them from the beginning.
            self._begin()
        else:
            self._start_decoding()

    def _begin(self) -> None:
        """Open the file again, which stands at its beginning with a fresh decoder."""
        self._container.close()
        self._container, self._stream = open_stream(self._file)
        self._start_decoding()

    def _start_decoding(self) -> None:
        self._last = None
        self._frames = stamped(decoded(self._container, self._stream), self._index.counted)

    def _picture(self, frame: Any) -> NDArray[np.uint8]:
        height, width = self._index.size
        # A frame of another size than the first (some broadcasts change it) is fitted to it.
        picture = frame.to_ndarray(format="rgb24", height=height, width=width)
        # The copy lets go of PyAV's buffer, which may be larger than the picture.
        return np.array(pick(np.rot90(picture, self._index.quarter_turns), self._chosen))
