"""What a participant sees: the video to draw on, and the truth beside it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_ivos.evaluation.truth import Truth
from napari_ivos.gui._colours import colormap
from napari_ivos.gui._layers import own, unwrapped
from napari_ivos.session import MaskView
from napari_ivos.types import LabelMap
from napari_ivos.video import Video

if TYPE_CHECKING:
    import napari
    from napari.layers import Image

# As in the authors' program, where the truth covers more than the participant's own masks.
_TRUTH_OPACITY = 0.6
_GAP = 0.02


class StudyLayers:
    """The image layer of a sequence, and the truth beside it.

    Parameters
    ----------
    viewer : napari.Viewer
    name : str
        The sequence's.
    video : Video
    truth : Truth
    room : (height, width)
        Of the canvas: the truth is put to the right or below, whichever shows both larger.
    palette : str
        In which colours objects are shown.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        name: str,
        video: Video,
        truth: Truth,
        room: tuple[int, int],
        palette: str,
    ) -> None:
        self._viewer, self._video, self._truth = viewer, video, truth
        self._frames = frozenset(truth.frames)
        self._ids = np.array([0, *truth.objects])
        axes = {"axis_labels": ("frame", "y", "x")}
        given = {"rgb": True, "contrast_limits": (0, 255), "multiscale": False} | axes
        _, height, width, _ = video.shape
        beside = place_beside((height, width), room)
        made = viewer.add_image(video, name=name, metadata=own("video"), **given)
        self.image: Image = unwrapped(made)
        still = viewer.add_image(
            video, name="truth: video", metadata=own("truth"), translate=(0, *beside), **given
        )
        labels = viewer.add_labels(
            MaskView(video.shape[:3], self.right),
            name="truth",
            opacity=_TRUTH_OPACITY,
            colormap=colormap(palette=palette),
            metadata=own("truth"),
            translate=(0, *beside),
            **axes,
        )
        labels.editable = False
        self._layers: tuple[Any, ...] = (self.image, still, labels)

    def right(self, frame: int) -> LabelMap:
        """(H, W) uint16: the truth about a frame, objects numbered from 1 on; empty: not known."""
        if frame not in self._frames:
            return np.zeros(self._truth.size, dtype=np.uint16)
        return np.searchsorted(self._ids, self._truth[frame]).astype(np.uint16)

    def remove(self) -> None:
        """Take the layers away and close the video."""
        for layer in reversed(self._layers):
            # Somebody may have removed it before.
            with suppress(ValueError):
                self._viewer.layers.remove(layer)
        self._video.close()


def place_beside(size: tuple[int, int], room: tuple[int, int]) -> tuple[float, float]:
    """Where a second picture is put, so that both are as large as possible.

    Parameters
    ----------
    size : (H, W)
        Of each picture.
    room : (height, width)
        For both.

    Returns
    -------
    (y, x)
        Of the second one's upper left pixel: to the right of the first, or below it.
    """
    height, width = size
    right = min(room[0] / height, room[1] / (2 * width))
    below = min(room[0] / (2 * height), room[1] / width)
    gap = _GAP * max(size)
    return (0.0, width + gap) if right >= below else (height + gap, 0.0)
