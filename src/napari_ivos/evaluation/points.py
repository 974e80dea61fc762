"""Round 1 by points instead of strokes, as in the YouTube-iVOS evaluation of GIS-RAmap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import StrokeError
from napari_ivos.evaluation.truth import Truth
from napari_ivos.scribbles import make_stroke, to_davis

_MAX_BYTES = 2**28
_FORMAT = 'Expected {"VIDEO": {"fr": "00060.png", "points": [[[rows], [columns]], one an object]}}.'


def read_points(file: Path, sequence: str, truth: Truth) -> tuple[dict[str, Any], int]:
    """Points of one video from a file of the YouTube-iVOS evaluation (``point_info_NN.json``).

    Parameters
    ----------
    file : Path
        ``{VIDEO: {"fr": name of the frame's label map, "points": per object [rows], [columns]}}``,
        in pixels of the original frames.
    sequence : str
    truth : Truth

    Returns
    -------
    dict
        DAVIS scribbles; each point is a stroke of its own.
    int
        The frame.

    Raises
    ------
    StrokeError
        The file cannot be read, or does not fit the video.
    """
    content = _read(file)
    entry = content.get(sequence) if isinstance(content, dict) else None
    if not isinstance(entry, dict):
        raise StrokeError(f"The file {file.name} has no points for the sequence {sequence}.")
    try:
        frame = truth.index(Path(str(entry["fr"])).stem)
        tables = [np.array(table, dtype=np.float64) for table in entry["points"]]
    except (KeyError, TypeError, ValueError) as error:
        raise StrokeError(f"The points of {sequence} are not of the format.", _FORMAT) from error
    if frame is None or len(tables) > len(truth.objects):
        raise StrokeError(f"The points of {sequence} do not fit its label maps.")
    for table in tables:
        if table.ndim != 2 or len(table) != 2 or not _inside(table.T, truth.size):
            raise StrokeError(f"The points of {sequence} do not lie in its frames.", _FORMAT)
    objects = truth.objects[: len(tables)]
    points = [(number, table.T) for number, table in zip(objects, tables, strict=True)]
    return _scribbles(points, frame, sequence, truth), frame


def _inside(points: NDArray[np.float64], size: tuple[int, int]) -> bool:
    return bool(((points >= 0) & (points < size)).all())


def _read(file: Path) -> Any:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise StrokeError(f"The file of points {file} is larger than 256 MiB.")
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StrokeError(f"Cannot read the file of points {file}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise StrokeError(f"The file of points {file} is not valid JSON.", _FORMAT) from error


def random_points(
    count: int, frame: int, sequence: str, truth: Truth, seed: Sequence[int]
) -> dict[str, Any]:
    """Points at random within each object, for data that nobody has points of.

    Parameters
    ----------
    count : int
        Per object; fewer where it has fewer pixels.
    frame : int
    sequence : str
    truth : Truth
    seed : sequence of int

    Returns
    -------
    dict
        DAVIS scribbles; each point is a stroke of its own.
    """
    rng = np.random.default_rng([*seed])
    labels = truth[frame]
    points = []
    for number in truth.visible(frame):
        pixels = np.argwhere(labels == number)
        chosen = rng.choice(len(pixels), min(count, len(pixels)), replace=False)
        points.append((number, pixels[np.sort(chosen)].astype(np.float64)))
    return _scribbles(points, frame, sequence, truth)


def _scribbles(
    points: Iterable[tuple[int, NDArray[np.float64]]], frame: int, sequence: str, truth: Truth
) -> dict[str, Any]:
    strokes = [make_stroke(frame, number, [point]) for number, table in points for point in table]
    return to_davis(strokes, truth.size, truth.length, sequence)
