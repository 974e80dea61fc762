"""Which frame to correct next, from the reliability of each (GIS-RAmap, CVPR 2021, section 3.4)."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import IvosError


def recommend(reliability: NDArray[np.float64] | Sequence[float], k: int = 1) -> list[int]:
    """Frames to correct next, least reliable first.

    ``k=1`` is the paper's RS1, ``k=4`` its RS4: a chosen frame excludes those within about a
    twentieth of the video's length around it, so that the candidates differ.

    Parameters
    ----------
    reliability : (T,) float
        0–1 per frame; nan where it is not known. Unknown frames are never recommended.
    k : int
        How many frames at most, from 1 on. Fewer come back when no further frame is left.

    Returns
    -------
    list of int
        Frame indices; ties go to the earlier frame.

    Raises
    ------
    IvosError
        `k` is not a whole number above 0.
    """
    try:
        wanted = 0 if isinstance(k, bool) else operator.index(k)
    except TypeError:
        wanted = 0
    if wanted < 1:
        raise IvosError(f"{k!r} is not a number of frames to recommend.", "Give 1 or more.")
    scores = np.asarray(reliability, dtype=np.float64)
    length = len(scores)
    free = ~np.isnan(scores)
    chosen: list[int] = []
    for frame in np.argsort(scores, kind="stable").tolist():
        if len(chosen) == k:
            break
        if not free[frame]:
            continue
        chosen.append(frame)
        # int() truncates towards zero and the upper end is left out, as in the authors' program.
        start = max(int(frame - length / 20 + 0.5), 0)
        free[start : max(int(frame + length / 20 + 0.5), 0)] = False
    return chosen
