"""How good a followed object is expected to be: what the network says, and what it does not see."""

from __future__ import annotations

import numpy as np

from napari_ivos.methods.flow.refiner import Opinion
from napari_ivos.methods.flow.window import Plane

# Log-odds of J: an offset, then for expected J (as log-odds), for how like the annotated
# object the found one is, for how unsure its pixels are in the end, and for how far away the
# nearest annotated frame is. Chosen on fourteen videos of DAVIS-2016 train, four rounds each: the
# frames of a video are ranked with 0.56 (Spearman) by all of it, with 0.35 by expected J alone.
_OFFSET, _EXPECTED, _ALIKE, _UNSURE, _AWAY = 1.7, 0.4, 0.8, 10.0, 0.7
# Frames after which distance hardly matters any more.
_FAR = 10.0
# Of an object of which nothing is left: it may have gone, or be lost, and only a person can tell.
_GONE = 0.3
_MOST = 0.999


def expected_overlap(opinion: Opinion | None, plane: Plane, away: int) -> float:
    """J with the truth that a followed object is expected to have on a frame.

    Parameters
    ----------
    opinion : Opinion or None
        The refiner's; None when nothing was left to look at.
    plane : (H, W) float32 in [0, 1]
        Its probability in the end, rounds before included: where they disagree it is in between.
    away : int
        Frames to the nearest annotated one.

    Returns
    -------
    float in [0, 1]
    """
    if opinion is None:
        return _GONE
    expected = min(max(opinion.expected, 1 - _MOST), _MOST)
    mass = max(float(plane.sum()), 1.0)
    unsure = (float(plane.sum()) - float(np.vdot(plane, plane))) / mass
    odds = _OFFSET + _EXPECTED * np.log(expected / (1 - expected)) + _ALIKE * opinion.alike
    odds -= _UNSURE * unsure + _AWAY * (1 - np.exp(-away / _FAR))
    return float(1 / (1 + np.exp(-odds)))
