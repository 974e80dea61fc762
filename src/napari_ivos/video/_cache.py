"""Frames that were used lately, within a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from napari_ivos.errors import VideoError
from napari_ivos.types import Frame


def check_bytes(cache_bytes: object) -> None:
    """Whether it is a number of bytes.

    Raises
    ------
    VideoError
        It is none, or less than 0.
    """
    if not isinstance(cache_bytes, int | float) or not cache_bytes >= 0:
        raise VideoError(
            f"cache_bytes={cache_bytes!r} is no number of bytes.", "Give 0 to keep nothing."
        )


class FrameCache:
    """Least-recently-used frames, never more bytes than the limit; thread-safe.

    Parameters
    ----------
    limit : int
        Bytes that may be held. A frame larger than that is not kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._held = 0
        self._lock = Lock()

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    def __contains__(self, index: int) -> bool:
        return index in self._frames

    def get(self, index: int) -> Frame | None:
        """Frame `index`, or None; counts as a use."""
        with self._lock:
            frame = self._frames.get(index)
            if frame is not None:
                self._frames.move_to_end(index)
            return frame

    def put(self, index: int, frame: Frame) -> None:
        """Keep a frame; the ones unused for longest make room first."""
        with self._lock:
            self._held -= self._size(self._frames.pop(index, None))
            if frame.nbytes > self.limit:
                return
            while self._held + frame.nbytes > self.limit:
                self._held -= self._size(self._frames.popitem(last=False)[1])
            self._frames[index] = frame
            self._held += frame.nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._frames.clear()
            self._held = 0

    @staticmethod
    def _size(frame: Frame | None) -> int:
        return 0 if frame is None else frame.nbytes
