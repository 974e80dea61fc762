"""Where a propagation goes and how its result meets the round before: pure functions.

After GIS-RAmap (CVPR 2021) and ATNet (ECCV 2020): a round is carried from its annotated frame both
ways, up to the nearest other annotated frames, and blended with the result of the rounds before by
the distance to them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_ivos.types import ProbMap


def neighbours(frame: int, annotated: Iterable[int]) -> tuple[int | None, int | None]:
    """Nearest other annotated frames before and after `frame`; None where there is none."""
    others = set(annotated) - {frame}
    before = max((other for other in others if other < frame), default=None)
    after = min((other for other in others if other > frame), default=None)
    return before, after


def span(
    frame: int, annotated: Iterable[int], length: int, proportion: float = 1.0
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Frames that a propagation from `frame` visits.

    Parameters
    ----------
    frame : int
        The annotated frame it starts from.
    annotated : iterable of int
        All annotated frames; `frame` itself among them does not matter.
    length : int
        Number of frames in the video.
    proportion : float
        Share of the distance to a bounding annotated frame that is covered. The authors use 0.99:
        up to 50 frames nothing is lost, from 51 to 150 one frame.

    Returns
    -------
    backward, forward : tuple of int
        In visiting order; the bounding annotated frames and `frame` are not in them.
    """
    before, after = neighbours(frame, annotated)
    first, last = 0, length - 1
    if before is not None:
        reach = int((frame - before - 1) * proportion + 0.5)
        first = frame - reach
    if after is not None:
        reach = int((after - frame - 1) * proportion + 0.5)
        last = frame + reach
    return tuple(range(frame - 1, first - 1, -1)), tuple(range(frame + 1, last + 1))


def blend_weight(index: int, frame: int, annotated: Iterable[int]) -> float:
    """Share of the new result at frame `index` of a round annotated at `frame`.

    Returns
    -------
    float in [0.5, 1]
        1 when there is no other annotated frame on that side; else 0.5 + 0.5·|g − c| / |f − c|,
        with g = `index`, f = `frame` and c the nearest annotated frame on that side.
    """
    before, after = neighbours(frame, annotated)
    other = before if index < frame else after
    if other is None or index == frame:
        return 1.0
    return 0.5 + 0.5 * abs(index - other) / abs(frame - other)


def blend(new: ProbMap, old: ProbMap | None, weight: float) -> ProbMap:
    """``weight·new + (1 − weight)·old``; `new` where there is no `old`."""
    if old is None or weight >= 1.0:
        return new
    share = np.float32(weight)
    return share * new + (np.float32(1) - share) * old
