"""Distances that count the edges crossed on the way."""

from __future__ import annotations

import numpy as np

from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray

_FAR = np.float32(1e6)


def geodesic(seeds: AnyArray, channels: AnyArray, gain: float, sweeps: int = 2) -> AnyArray:
    """Length of the cheapest path from seeds, where a step costs its length plus the change.

    Raster scans, each row at once, so that nothing holds the interpreter for long.

    Parameters
    ----------
    seeds : (N, h, w) bool
        N sets of seeds.
    channels : (h, w, C) float32
    gain : float
        Cost of a change of 1 in the channels, in pixels.
    sweeps : int
        Passes down and up; two are enough but for mazes.

    Returns
    -------
    (N, h, w) float32
        1e6 where there are no seeds at all.
    """
    distance = np.where(seeds, np.float32(0), _FAR).astype(np.float32)
    down = _cost(channels[1:], channels[:-1], 1.0, gain)
    falling = _cost(channels[1:, 1:], channels[:-1, :-1], 2**0.5, gain)
    rising = _cost(channels[1:, :-1], channels[:-1, 1:], 2**0.5, gain)
    along = np.zeros(channels.shape[:2], dtype=np.float32)
    along[:, 1:] = np.cumsum(_cost(channels[:, 1:], channels[:, :-1], 1.0, gain), axis=1)
    last = distance.shape[1] - 1
    for _ in range(sweeps):
        _spread(distance[:, 0], along[0])
        for y in range(1, last + 1):
            here, above = distance[:, y], distance[:, y - 1]
            np.minimum(here, above + down[y - 1], out=here)
            np.minimum(here[:, 1:], above[:, :-1] + falling[y - 1], out=here[:, 1:])
            np.minimum(here[:, :-1], above[:, 1:] + rising[y - 1], out=here[:, :-1])
            _spread(here, along[y])
        for y in range(last - 1, -1, -1):
            here, below = distance[:, y], distance[:, y + 1]
            np.minimum(here, below + down[y], out=here)
            np.minimum(here[:, :-1], below[:, 1:] + falling[y], out=here[:, :-1])
            np.minimum(here[:, 1:], below[:, :-1] + rising[y], out=here[:, 1:])
            _spread(here, along[y])
    return np.clip(distance, 0, _FAR)


def _cost(one: AnyArray, other: AnyArray, step: float, gain: float) -> Plane:
    change = np.linalg.norm(one - other, axis=2)
    return np.asarray(step + gain * change, dtype=np.float32)


def _spread(row: AnyArray, along: Plane) -> None:
    # Within a row the cost from a to b is |along[b] − along[a]|: two running minima do it.
    right = np.minimum.accumulate(row - along, axis=1) + along
    left = np.minimum.accumulate((row + along)[:, ::-1], axis=1)[:, ::-1] - along
    np.minimum(right, left, out=right)
    np.minimum(row, right, out=row)
