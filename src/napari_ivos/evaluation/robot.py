"""The robot of the DAVIS interactive protocol: it draws on what is wrong, as people tend to.

After the description of the protocol (Caelles et al., "The 2018 DAVIS Challenge on Video Object
Segmentation", section 4.1): opening of the error region, its skeleton as a graph, the longest path
of each tree, smoothed by a Bezier curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ivos.scribbles import Stroke, make_stroke
from napari_ivos.types import AnyArray, Mask, ObjectId


@dataclass(frozen=True, slots=True)
class Robot:
    """A simulated annotator; the same errors give the same strokes."""

    kernel: float = 0.2
    """Width of the opening, as a share of the error region's size (square root of its area)."""
    largest_radius: float = 16.0
    """Of the opening, in pixels."""
    nodes: int = 4
    """Skeletons of fewer pixels give no stroke. The GIS and ATNet evaluations take 2."""
    points: int = 1000
    """Of a stroke's curve."""
    seed: int = 0
    """The skeleton's ties are broken at random."""

    def strokes(
        self, truth: AnyArray, predicted: AnyArray, objects: Sequence[ObjectId], frame: int
    ) -> list[Stroke]:
        """Strokes on one frame.

        Parameters
        ----------
        truth, predicted : (H, W) integer
            Label maps; ids that are not in `objects` count as background.
        objects : sequence of int
        frame : int
            Its index, for the strokes.

        Returns
        -------
        list of Stroke
            On the background first, then object by object; a stroke on each part of what an object
            lacks that has a skeleton of some length. Empty when there is nothing to mend.
        """
        right, shown = _known(truth, objects), _known(predicted, objects)
        return [
            make_stroke(frame, number, path)
            for number in (0, *objects)
            for path in self.paths((right == number) & (shown != number))
        ]

    def paths(self, wrong: Mask) -> list[NDArray[np.float64]]:
        """Curves along the middle of a region.

        Parameters
        ----------
        wrong : (H, W) bool

        Returns
        -------
        list of (N, 2) float64
            Points (y, x) in pixels.
        """
        from skimage.morphology import medial_axis

        region = self._opened(wrong)
        if not region.any():
            return []
        # A region that touches the frame's border ends there. The seed is set anew each time, or
        # a stroke on one object would move those on the others.
        skeleton = medial_axis(np.pad(region, 1), rng=self.seed)[1:-1, 1:-1]
        return [
            bezier(path, self.points) for path in longest_paths(np.argwhere(skeleton), self.nodes)
        ]

    def _opened(self, wrong: Mask) -> Mask:
        """The region without its thin parts; a thin region gets a smaller disk."""
        from skimage.filters import rank
        from skimage.morphology import disk

        radius = min(self.kernel * math.sqrt(np.count_nonzero(wrong)) / 2, self.largest_radius)
        region = wrong.astype(np.uint8)
        while radius > 1:
            # Rank filters leave out what lies beyond the frame, so regions may touch its border.
            opened = rank.maximum(rank.minimum(region, disk(radius)), disk(radius))
            if opened.any():
                return np.asarray(opened, dtype=bool)
            radius *= 0.9
        return wrong


def _known(labels: AnyArray, objects: Sequence[ObjectId]) -> AnyArray:
    return np.where(np.isin(labels, list(objects)), labels, 0)


def longest_paths(pixels: NDArray[np.intp], nodes: int = 1) -> list[NDArray[np.intp]]:
    """Longest path through each connected part of a skeleton.

    Parameters
    ----------
    pixels : (N, 2) int
        Pixels (y, x) of the skeleton; those that touch, corners too, are connected.
    nodes : int
        Parts with fewer pixels are left out.

    Returns
    -------
    list of (M, 2) int
        Each from end to end. A cycle is cut at one of its longest steps.
    """
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

    if len(pixels) == 0:
        return []
    tree = minimum_spanning_tree(_neighbours(pixels))
    tree = tree + tree.T
    count, part = connected_components(tree, directed=False)
    sizes = np.bincount(part, minlength=count)
    starts = np.unique(part, return_index=True)[1]
    return [
        pixels[_longest(tree, int(start))]
        for start, size in zip(starts, sizes, strict=True)
        if size >= nodes
    ]


def _neighbours(pixels: NDArray[np.intp]) -> AnyArray:
    from scipy.sparse import coo_array

    top, left = pixels.min(axis=0)
    height, width = pixels.max(axis=0) - (top, left) + 3
    index = np.full((height, width), -1)
    y, x = pixels[:, 0] - top + 1, pixels[:, 1] - left + 1
    index[y, x] = np.arange(len(pixels))
    pairs, lengths = [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = index[y + dy, x + dx]
        touching = np.flatnonzero(other >= 0)
        pairs.append(np.stack([touching, other[touching]]))
        lengths.append(np.full(len(touching), math.hypot(dy, dx)))
    values, (rows, columns) = np.concatenate(lengths), np.concatenate(pairs, axis=1)
    graph: AnyArray = coo_array((values, (rows, columns)), shape=(len(pixels), len(pixels))).tocsr()
    return graph


def _longest(tree: AnyArray, start: int) -> list[int]:
    from scipy.sparse.csgraph import dijkstra

    # The point farthest from any point is an end of a longest path of a tree.
    first = _farthest(dijkstra(tree, directed=False, indices=start))
    distance, previous = dijkstra(tree, directed=False, indices=first, return_predecessors=True)
    step = _farthest(distance)
    path = [step]
    while step != first:
        step = int(previous[step])
        path.append(step)
    return path


def _farthest(distance: NDArray[np.float64]) -> int:
    return int(np.argmax(np.where(np.isfinite(distance), distance, -1)))


def bezier(path: AnyArray, points: int) -> NDArray[np.float64]:
    """Bezier curve whose control points are all the points of a path.

    Parameters
    ----------
    path : (N, 2) array
    points : int
        How many to give.

    Returns
    -------
    (points, 2) float64
        From the first control point to the last.
    """
    from scipy.stats import binom

    at = np.linspace(0, 1, points)[:, None]
    # The Bernstein polynomials are the binomial distribution, which stays exact for long paths.
    weights = binom.pmf(np.arange(len(path)), len(path) - 1, at)
    return np.asarray(weights @ np.asarray(path, dtype=np.float64))
