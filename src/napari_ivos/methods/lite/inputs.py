"""What the network sees: windows of `flow` brought to one size, as planes of comparable range."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.looks import PICTURE_SIDE
from napari_ivos.methods.flow.refiner import Annotated, Moved
from napari_ivos.methods.flow.window import Window, box_of
from napari_ivos.types import AnyArray, Mask

SIDE = PICTURE_SIDE
"""Windows are brought to this many pixels, high and wide."""
SMALL_SIDE = 96
"""Windows that are small themselves: enlarged further they show nothing more, and where there are
many objects they are small."""

ANNOTATED_PLANES = 8
RAW_PLANES = 5
MOVED_PLANES = 18
MARGIN = 0.5
_LEAST_MARGIN = 6
_REACH = 20.0  # pixels of a window of SIDE
_EVIDENCE = 4.0
_CUES = 4.0
_SMALL = 64  # pixels of the frame; tried out on made nuclei, docs/methods/lite.md


def side_of(window: Window, part: AnyArray) -> int:
    """Pixels, high and wide, at which the network sees a part (h, w[, C]) of a window."""
    enlarged = window.height / (window.bottom - window.top)
    return SMALL_SIDE if max(part.shape[:2]) <= _SMALL * enlarged else SIDE


def to_side(plane: AnyArray, side: int = SIDE) -> NDArray[np.float32]:
    """Bring a plane (h, w) to the network's size, averaged when made smaller."""
    how = cv2.INTER_AREA if plane.shape[0] > side else cv2.INTER_LINEAR
    values = np.ascontiguousarray(plane, dtype=np.float32)
    return np.asarray(cv2.resize(values, (side, side), interpolation=how), dtype=np.float32)


def picture(image: AnyArray, side: int = SIDE) -> NDArray[np.uint8]:
    """Bring an image (h, w, C) uint8 to the network's size."""
    how = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=how), dtype=np.uint8)


def focus(support: Mask, margin: float = MARGIN) -> tuple[slice, slice]:
    """Rows and columns of a window that the network looks at: objects are all of one size to it.

    Parameters
    ----------
    support : (h, w) bool
        What was marked or found so far.
    margin : float
        What to add on each side, as a share of the larger side.
    """
    box = box_of(support)
    height, width = support.shape
    if box is None:
        return slice(0, height), slice(0, width)
    top, bottom, left, right = box
    more = int(max(_LEAST_MARGIN, margin * max(bottom - top, right - left)))
    rows = slice(max(top - more, 0), min(bottom + more, height))
    return rows, slice(max(left - more, 0), min(right + more, width))


def raw_annotated(view: Annotated, side: int = SIDE) -> NDArray[np.float32]:
    """What is kept of an annotated frame: inside, outside, evidence, region, prior; (5, S, S).

    Evidence is a share of ±4 log-odds; a prior that there is not is −1.
    """
    marks = [np.asarray(to_side(m, side) > 0, np.float32) for m in (view.inside, view.outside)]
    evidence = np.clip(to_side(view.evidence, side) / _EVIDENCE, -1, 1)
    prior = np.full_like(evidence, -1) if view.prior is None else to_side(view.prior, side)
    return np.stack([*marks, evidence, to_side(view.region, side), prior]).astype(np.float32)


def annotated_planes(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Planes of an annotated frame, (8, S, S) float32, from what `raw_annotated` keeps."""
    inside, outside, evidence, region, prior = raw
    known = prior >= 0
    return np.stack(
        [
            inside,
            outside,
            _near(inside),
            _near(outside),
            evidence,
            region,
            np.where(known, 2 * prior - 1, 0),
            known,
        ]
    ).astype(np.float32)


def moved_planes(view: Moved, side: int = SIDE) -> NDArray[np.float32]:
    """Planes of a frame on the way, (18, S, S) float32: evidence, region, then flow's cues."""
    planes = [to_side(view.evidence, side) / _EVIDENCE, to_side(view.region, side)]
    planes += [to_side(cue, side) / _CUES for cue in view.cues]
    return np.clip(np.stack(planes), -1.25, 1.25).astype(np.float32)


def _near(marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 at a stroke, falling with the distance from it; 0 without a stroke."""
    if not marks.any():
        return np.zeros_like(marks)
    distance = cv2.distanceTransform((marks == 0).astype(np.uint8), cv2.DIST_L2, 5)
    reach = np.float32(_REACH * marks.shape[0] / SIDE)
    return np.asarray(np.exp(-distance / reach), dtype=np.float32)
