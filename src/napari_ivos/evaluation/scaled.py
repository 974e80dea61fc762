"""A video at another size: large frames are evaluated at the size that a method was made for."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_ivos.types import AnyArray, Frame, LabelMap
from napari_ivos.video import Video, open_video


class ScaledFrames:
    """Frames of a video, scaled one at a time when they are read.

    Parameters
    ----------
    video : Video
    size : (H, W)
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, video: Video, size: tuple[int, int]) -> None:
        self.shape = (len(video), *size, 3)
        self._video = video

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> AnyArray:
        """One frame, (H, W, 3) uint8, or a part of it."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, slice):
            frames = [self._frame(number) for number in range(*first.indices(len(self)))]
            picked: AnyArray = np.stack(frames)
            return picked[(slice(None), *rest)]
        one: AnyArray = self._frame(int(first))
        return np.asarray(one[tuple(rest)])

    def _frame(self, number: int) -> Frame:
        import cv2

        _, height, width, _ = self.shape
        # Cubic, as in the authors' YouTube-iVOS evaluation.
        scaled = cv2.resize(self._video[number], (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(scaled, dtype=np.uint8)


def scale_video(video: Video, short_side: int | None) -> Video:
    """The video with its shorter side at `short_side` pixels, or itself where that is so already.

    Parameters
    ----------
    video : Video
    short_side : int or None
        None: leave it.

    Returns
    -------
    Video
    """
    _, height, width, _ = video.shape
    if short_side is None or short_side == min(height, width):
        return video
    factor = short_side / min(height, width)
    size = tuple(
        short_side if side == min(height, width) else int(side * factor) for side in (height, width)
    )
    return open_video(ScaledFrames(video, (size[0], size[1])), axes="TYXS")


def scale_labels(labels: LabelMap, size: tuple[int, int]) -> LabelMap:
    """A label map at another size, by the nearest pixel; itself where it has that size.

    Parameters
    ----------
    labels : (H, W) uint16
    size : (H, W)

    Returns
    -------
    (H, W) uint16
    """
    if labels.shape == size:
        return labels
    import cv2

    scaled = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(scaled, dtype=np.uint16)
