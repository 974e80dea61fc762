"""The middle line of a region: how a painted area or an error becomes a stroke."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import Mask


def skeleton_path(mask: Mask) -> NDArray[np.float64]:
    """Longest path through the skeleton of a region.

    Parameters
    ----------
    mask : (H, W) bool
        One connected region, not empty.

    Returns
    -------
    (N, 2) float64
        Points (y, x) at pixel centres, neighbours next to each other; N ≥ 1.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra
    from skimage.morphology import skeletonize

    # Skeletons are thinned up to the picture's border only where there is a border to thin to.
    points = np.argwhere(skeletonize(np.pad(mask, 1))) - 1
    if len(points) == 0:
        points = np.argwhere(mask)[:1]
    if len(points) == 1:
        return points.astype(np.float64)
    index = np.full((mask.shape[0] + 2, mask.shape[1] + 2), -1)
    index[points[:, 0] + 1, points[:, 1] + 1] = np.arange(len(points))
    starts, ends, lengths = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = index[points[:, 0] + 1 + dy, points[:, 1] + 1 + dx]
        touching = np.flatnonzero(other >= 0)
        starts.append(touching)
        ends.append(other[touching])
        lengths.append(np.full(len(touching), np.hypot(dy, dx)))
    graph = coo_array(
        (np.concatenate(lengths), (np.concatenate(starts), np.concatenate(ends))),
        shape=(len(points), len(points)),
    ).tocsr()
    # The point farthest from any point is an end of a longest path of a tree.
    first = _farthest(dijkstra(graph, directed=False, indices=0))
    distance, previous = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    step = _farthest(distance)
    path = [step]
    while step != first:
        step = int(previous[step])
        path.append(step)
    return points[path].astype(np.float64)


def _farthest(distance: NDArray[np.float64]) -> int:
    return int(np.argmax(np.where(np.isfinite(distance), distance, -1)))
