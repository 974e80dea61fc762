"""Strokes from what a drawing program holds: painted labels, and shapes.

Knows the data of napari's Labels and Shapes layers, not napari.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import StrokeError
from napari_ivos.masks import MAX_ID
from napari_ivos.scribbles.raster import rasterise
from napari_ivos.scribbles.skeleton import skeleton_path
from napari_ivos.scribbles.stroke import Stroke, make_stroke
from napari_ivos.types import AnyArray, Mask, ObjectId

BACKGROUND_LABEL = MAX_ID + 1
"""What paints a background stroke in a stroke layer, where 0 means "nothing painted"."""

_MAX_PIECES = 64
"""A painted region is covered by at most so many strokes; a brush stroke takes one to three."""


def strokes_from_labels(
    labels: AnyArray, frame: int, *, background: int = BACKGROUND_LABEL
) -> list[Stroke]:
    """Strokes that cover what is painted on one frame.

    Parameters
    ----------
    labels : (H, W) integer
        0: nothing painted; `background`: a background stroke; else the object's id.
    frame : int
    background : int

    Returns
    -------
    list of Stroke
        Each connected region becomes a stroke along its skeleton, as wide as the region is; a
        region with branches becomes several.
    """
    strokes: list[Stroke] = []
    for value in np.unique(labels).tolist():
        if value == 0:
            continue
        object_id = 0 if value == background else int(value)
        painted = labels == value
        for top, left, region in _regions(painted):
            strokes.extend(_cover(region, frame, object_id, (top, left)))
    return strokes


def _regions(mask: Mask) -> Iterable[tuple[int, int, Mask]]:
    """Connected regions, each cut out with its corner (top, left)."""
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    for number in range(1, count):
        left, top, width, height = boxes[number, :4].tolist()
        yield top, left, numbers[top : top + height, left : left + width] == number


def _cover(region: Mask, frame: int, object_id: ObjectId, corner: tuple[int, int]) -> list[Stroke]:
    strokes: list[Stroke] = []
    left = [(0, 0, region)]
    while left and len(strokes) < _MAX_PIECES:
        top, start, piece = left.pop()
        path = skeleton_path(piece)
        depth = cv2.distanceTransform(
            np.pad(piece.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )[1:-1, 1:-1]
        widths = depth[path[:, 0].astype(int), path[:, 1].astype(int)]
        # The distance runs to the next pixel's centre, the brush's edge half a pixel less far.
        radius = max(float(np.median(widths)) - 0.5, 0.5)
        offset = np.array([top + corner[0], start + corner[1]])
        strokes.append(make_stroke(frame, object_id, path + offset, radius))
        # What lies within a pixel of the brush's edge is rounding, not a branch.
        covered = rasterise(make_stroke(0, 0, path, radius + 1.5), piece.shape)
        rest = piece & ~covered
        if rest.any():
            left.extend((top + t, start + s, part) for t, s, part in _regions(rest))
    return strokes


def strokes_from_shapes(
    data: Sequence[NDArray[np.float64]],
    shape_types: Sequence[str],
    *,
    object_id: ObjectId,
    radius: float | None = None,
    frame: int | None = None,
) -> list[Stroke]:
    """Strokes from the shapes of a Shapes layer.

    Parameters
    ----------
    data : sequence of (N, 2) or (N, D) float
        Vertices (…, frame, y, x), as napari's ``Shapes.data``.
    shape_types : sequence of str
        "path" and "line" become lines; "polygon", "rectangle" and "ellipse" become filled areas.
    object_id : int
        0 for the background.
    radius : float, optional
        Half the lines' width in pixels.
    frame : int, optional
        The frame of shapes with two coordinates only; else it is read from the third coordinate
        from the right.

    Returns
    -------
    list of Stroke

    Raises
    ------
    StrokeError
        A shape type that is none of these, or no frame is known.
    """
    strokes = []
    for vertices, kind in zip(data, shape_types, strict=True):
        points = np.asarray(vertices, dtype=np.float64)
        if points.shape[1] > 2:
            at = round(float(np.median(points[:, -3])))
        elif frame is not None:
            at = frame
        else:
            raise StrokeError("A two-dimensional shape does not say which frame it marks.")
        path, filled = _outline(points[:, -2:], kind)
        width = None if filled else radius
        strokes.append(make_stroke(at, object_id, path, width, filled=filled))
    return strokes


def _outline(points: NDArray[np.float64], kind: str) -> tuple[NDArray[np.float64], bool]:
    if kind in ("path", "line"):
        return points, False
    if kind in ("polygon", "rectangle"):
        return points, True
    if kind == "ellipse":
        # napari keeps an ellipse as the four corners of the box around it.
        centre = points.mean(axis=0)
        first, second = (points[1] - points[0]) / 2, (points[3] - points[0]) / 2
        angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)[:, None]
        return centre + np.cos(angle) * first + np.sin(angle) * second, True
    raise StrokeError(
        f"A shape of the type '{kind}' cannot be used as a stroke.",
        "Draw paths, lines, polygons, rectangles or ellipses.",
    )
