"""Which of the rounds a frame attends to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_NEAREST = 2


def nearest_rounds(frames: Sequence[int], query: int) -> tuple[int, ...]:
    """Rounds that a frame attends to: the first, and the two of the later ones nearest to it.

    Parameters
    ----------
    frames : sequence of int
        Annotated frame of each round, in the order of the rounds.
    query : int
        The frame that attends.

    Returns
    -------
    tuple of int
        Indices into `frames`; all of them while there are fewer than four. Of equally near rounds
        the earlier one comes first.
    """
    if len(frames) < _NEAREST + 2:
        return tuple(range(len(frames)))
    distance = np.abs(np.array(frames[1:]) - query)
    nearest = np.argsort(distance, kind="stable")[:_NEAREST] + 1
    return (0, *nearest.tolist())
