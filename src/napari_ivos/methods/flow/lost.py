"""An object that was lost on the way is looked for, and followed from where it is found again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from napari_ivos.methods.flow.looks import Looks
from napari_ivos.methods.flow.refiner import Refiner
from napari_ivos.methods.flow.window import Plane, box_of
from napari_ivos.types import Frame

# What else on the annotated frame may be so much like the object, as a share of itself,
# before looks are no guide: it is one of many.
_DISTINCT = 0.6
# A place must be this much like the object, as a share of what it was on the annotated frame.
_FOUND = 0.3
# Where something is still followed, another place must be so many times more like the object.
_STRONGER = 2.0
# Something followed that is more like the object than this is not questioned.
UNLIKE = 0.0


class Search:
    """Looks for one object by what it looked like on the annotated frame.

    Parameters
    ----------
    refiner : Refiner
    frame : (H, W, 3) uint8
        The annotated frame.
    start : (H, W) float32
        The object's probability there.
    looks : sequence of Looks
        With pictures; the last is what is looked for.
    """

    def __init__(
        self, refiner: Refiner, frame: Frame, start: Plane, looks: Sequence[Looks]
    ) -> None:
        self._refiner, self._frame, self._start, self._looks = refiner, frame, start, looks
        self._least: float | None = None

    def find(self, frame: Frame, followed: Plane, about: tuple[float, float]) -> Plane | None:
        """Where the object may be instead of where it was followed to.

        Parameters
        ----------
        frame : (H, W, 3) uint8
        followed : (H, W) float32
            What is followed; may be empty.
        about : (y, x)
            Where it was seen last.

        Returns
        -------
        (H, W) float32 or None
            The object as it was on the annotated frame, in another place; None when there is no
            such place, or other things look the same.
        """
        if self._least is None:
            self._least = self._needed()
        if not np.isfinite(self._least):
            return None
        heat = self._refiner.seek(frame, self._looks[-1], about)
        here = _widened(followed > 0.5)
        value, y, x = heat.strongest(~here)
        if value < max(self._least, _STRONGER * heat.strongest(here)[0]):
            return None
        middle = _middle(self._start)
        matrix = np.array([[1, 0, x - middle[1]], [0, 1, y - middle[0]]])
        return np.asarray(cv2.warpAffine(self._start, matrix, self._start.shape[::-1]))

    def _needed(self) -> float:
        """The least heat of a place where the object may be; infinite if it is one of many."""
        inside = self._start > 0.5
        if not inside.any():
            return np.inf
        heat = self._refiner.seek(self._frame, self._looks[-1], _middle(self._start))
        own, others = heat.strongest(inside)[0], heat.strongest(~_widened(inside))[0]
        return np.inf if others > _DISTINCT * own or own <= 0 else _FOUND * own


def _middle(plane: Plane) -> tuple[float, float]:
    """Centre of mass, (y, x)."""
    moments = cv2.moments(plane)
    return moments["m01"] / moments["m00"], moments["m10"] / moments["m00"]


def _widened(mask: np.ndarray) -> np.ndarray:
    """A mask with half its size round it."""
    box = box_of(mask)
    if box is None:
        return mask
    reach = max(8, max(box[1] - box[0], box[3] - box[2]) // 2)
    out = mask.copy()
    out[
        max(box[0] - reach, 0) : box[1] + reach,
        max(box[2] - reach, 0) : box[3] + reach,
    ] = True
    return out
