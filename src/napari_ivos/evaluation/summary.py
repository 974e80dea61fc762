"""The numbers of a whole evaluation: quality over time, as the DAVIS framework summarises it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.metrics import Metric
from napari_ivos.evaluation.rows import Row

THRESHOLD = 60
"""Seconds after which methods are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """Mean quality and time of each round."""

    quality: NDArray[np.float64]
    """(R,): mean over all objects of all samples, of their means over the frames."""
    seconds: NDArray[np.float64]
    """(R,): mean time of the round over the samples."""
    objects: float
    """Mean number of objects of a sequence."""


def mean_rounds(rows: Iterable[Row], metric: Metric, rounds: int | None = None) -> Rounds:
    """Average a report per round.

    Parameters
    ----------
    rows : iterable of Row
    metric : {"J", "F", "J_AND_F"}
    rounds : int, optional
        How many there can be; a sample that ended earlier keeps its last value, at no further cost.
        By default as many as there are in the report.

    Returns
    -------
    Rounds

    Raises
    ------
    IvosError
        The report is empty.
    """
    column = {"J": "jaccard", "F": "contour", "J_AND_F": "j_and_f"}[metric]
    quality: _Cells = defaultdict(lambda: defaultdict(list))
    seconds: _Cells = defaultdict(lambda: defaultdict(list))
    objects = defaultdict(set)
    for row in rows:
        sample = (row.sequence, row.scribble_idx)
        quality[(*sample, row.object_id)][row.interaction].append(getattr(row, column))
        seconds[sample][row.interaction].append(row.timing)
        objects[row.sequence].add(row.object_id)
    if not quality:
        raise IvosError("The report holds no rows, so there is nothing to summarise.")
    last = rounds or max(max(item) for item in quality.values())
    return Rounds(
        np.mean([_held(item, last) for item in quality.values()], axis=0),
        np.mean(
            [[_mean(item, n) for n in range(1, last + 1)] for item in seconds.values()], axis=0
        ),
        float(np.mean([len(ids) for ids in objects.values()])),
    )


_Cells: TypeAlias = "defaultdict[tuple[object, ...], defaultdict[int, list[float]]]"


def _mean(item: Mapping[int, list[float]], number: int) -> float:
    return float(np.mean(item[number])) if number in item else 0.0


def _held(item: Mapping[int, list[float]], last: int) -> list[float]:
    line: list[float] = []
    for number in range(1, last + 1):
        line.append(_mean(item, number) if number in item or not line else line[-1])
    return line


def summarise(
    rows: Sequence[Row],
    metric: Metric,
    rounds: int | None = None,
    time_limit: float | None = None,
) -> dict[str, Any]:
    """Summary in the DAVIS framework's form.

    Parameters
    ----------
    rows : sequence of Row
    metric : {"J", "F", "J_AND_F"}
    rounds : int, optional
        How many there could be.
    time_limit : float, optional
        Seconds that there were for each object.

    Returns
    -------
    dict
        ``{"auc", "metric_at_threshold": {"threshold": 60, metric: …}, "curve": {"time": […],
        metric: […]}}``. The curve starts at (0, 0) and runs to the end of the time there was: the
        limit times the mean number of objects, or else the number of rounds times the longest
        round. The area under it (AUC) is a share of that time.

    Raises
    ------
    IvosError
        The report is empty.
    """
    mean = mean_rounds(rows, metric, rounds)
    if time_limit is None:
        end = len(mean.quality) * max(row.timing for row in rows)
    else:
        end = time_limit * mean.objects
    time = np.concatenate([[0.0], np.cumsum(mean.seconds), [end]])
    quality = np.concatenate([[0.0], mean.quality, mean.quality[-1:]])
    # Where the limit was overrun the framework divides by the longest time as well.
    area = float(np.trapezoid(quality, time) / time.max()) if time.max() > 0 else 0.0
    return {
        "auc": area,
        "metric_at_threshold": {
            "threshold": THRESHOLD,
            metric: float(np.interp(THRESHOLD, time, quality)),
        },
        "curve": {"time": time.tolist(), metric: quality.tolist()},
    }
