"""When each frame of a movie file is shown: found by reading its packets, not its header.

Headers lie: edit lists cut frames away, cut-off files keep their old count, and a rate says
nothing about a video of variable frame rate. Every frame has its own time stamp instead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from napari_ivos.errors import VideoError
from napari_ivos.video._source import check_size

_PROBED = 8
"""Frames decoded at opening, to see whether packets and frames correspond."""


@dataclass(frozen=True)
class MediaIndex:
    """Time stamps of a movie's frames, in the stream's own unit.

    Attributes
    ----------
    stamps : tuple of int
        Ascending, one per frame.
    keys : tuple of int
        Ascending stamps at which decoding may begin; not empty.
    size : (height, width)
        Of the first frame as it is stored, pixels.
    quarter_turns : int
        Counter-clockwise turns by 90 degrees that the file asks for, 0 to 3.
    counted : bool
        Whether the file has no stamps, and frames are counted from the beginning instead.
    """

    stamps: tuple[int, ...]
    keys: tuple[int, ...]
    size: tuple[int, int]
    quarter_turns: int = 0
    counted: bool = False

    @cached_property
    def places(self) -> dict[int, int]:
        """Frame number of each stamp."""
        return {stamp: place for place, stamp in enumerate(self.stamps)}

    def keys_before(self, stamp: int) -> tuple[int, ...]:
        """Stamps from which decoding reaches `stamp`, the last one first."""
        return self.keys[: max(bisect_right(self.keys, stamp), 1)][::-1]


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a movie file for a while: container and stream of PyAV; see `open_stream`."""
    container, stream = open_stream(path)
    try:
        yield container, stream
    finally:
        container.close()


def open_stream(path: Path) -> tuple[Any, Any]:
    """Open a movie file and find its first moving picture; a song's cover is none.

    Raises
    ------
    VideoError
        There is none, or it claims an absurd size.
    """
    import av
    from av.stream import Disposition

    container = av.open(str(path))
    for stream in container.streams.video:
        if not Disposition.attached_pic & stream.disposition:
            context = stream.codec_context
            try:
                check_size(path.name, (context.height, context.width), 3, 1)
            except VideoError:
                container.close()
                raise
            # All cores: the default decodes on one.
            stream.thread_type = "AUTO"
            return container, stream
    kinds = {stream.type for stream in container.streams}
    container.close()
    if not kinds & {"audio", "subtitle"}:
        raise VideoError(
            f"Nothing can be found in {path.name}.",
            "The file is cut off or damaged; copy it again.",
        )
    raise VideoError(
        f"{path.name} has no moving picture in it.",
        "It holds sound or text only; choose another file.",
    )


def decoded(container: Any, stream: Any, failures: list[int] | None = None) -> Iterator[Any]:
    """Frames from where the container stands; packets that cannot be decoded are passed over.

    Parameters
    ----------
    container, stream
        Of PyAV.
    failures : list, optional
        Takes the stamps of such packets.
    """
    import av

    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            if failures is not None:
                failures.append(packet.pts)
            continue
        yield from frames


def stamped(frames: Iterator[Any], counted: bool) -> Iterator[tuple[int | None, Any]]:
    """Frames with their stamps, or with their numbers if the file has no stamps."""
    for number, frame in enumerate(frames):
        yield (number if counted else frame.pts), frame


def build_index(path: Path) -> MediaIndex:
    """Find the frames of a movie file.

    Raises
    ------
    VideoError
        The file has no video, is cut off, or nothing in it can be decoded.
    """
    with opened(path) as (container, stream):
        packets = _packet_stamps(container, stream, path)
    failures: list[int] = []
    with opened(path) as (container, stream):
        probe = list(islice(decoded(container, stream, failures), _PROBED))
    first = [frame.pts for frame in probe]
    if packets is None or not (failures or first == packets[0][: len(first)]):
        stamps, keys, counted = _frame_stamps(path)
    else:
        stamps, keys = packets
        counted = False
    if not probe or not stamps:
        raise VideoError(
            f"No frame of {path.name} can be decoded.", "The file is damaged or cut off."
        )
    turns = round(probe[0].rotation / 90) % 4
    size = (probe[0].height, probe[0].width)
    return MediaIndex(tuple(stamps), tuple(keys), size, turns, counted)


def _packet_stamps(container: Any, stream: Any, path: Path) -> tuple[list[int], list[int]] | None:
    """Stamps of frames and of key frames by packets; None where packets do not have one each."""
    stamps: list[int] = []
    keys: list[int] = []
    missing = False
    cut = _ends_beyond(stream, path.stat().st_size)
    for packet in container.demux(stream):
        if packet.is_corrupt and stream.frames > len(stamps) + 1:
            # The file ends in the middle of this packet.
            cut = True
            break
        if packet.pts is None:
            # The last packet is PyAV's own, and empty.
            missing = missing or packet.size > 0
        elif not packet.is_discard:
            stamps.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
    if cut:
        raise VideoError(
            f"{path.name} is cut off: {len(stamps)} of its {stream.frames} frames can be read.",
            "Copy the file again, or save what is left of it: ffmpeg -i FILE -c copy NEW.mp4.",
        )
    if missing or not keys or len(set(stamps)) < len(stamps):
        return None
    return sorted(stamps), sorted(keys)


def _ends_beyond(stream: Any, size: int) -> bool:
    """Whether the container's own table lists frames that end behind the end of the file."""
    entries = getattr(stream, "index_entries", ())  # Older PyAV does not show it.
    return any(entry.pos + entry.size > size for entry in entries)


def _frame_stamps(path: Path) -> tuple[list[int], list[int], bool]:
    """Stamps of frames and of key frames by decoding all, and whether they are mere numbers."""
    with opened(path) as (container, stream):
        found = [(frame.pts, frame.key_frame) for frame in decoded(container, stream)]
    stamps = [stamp for stamp, _ in found]
    if None in stamps or sorted(set(stamps)) != stamps:
        return list(range(len(found))), [0], True
    return stamps, [stamp for stamp, is_key in found if is_key] or stamps[:1], False
