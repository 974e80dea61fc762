"""The scribble file of the DAVIS interactive challenge, both ways.

Points are (x, y) as shares of the frame's width and height; here they become (y·H, x·W) pixels.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from napari_ivos.errors import StrokeError
from napari_ivos.masks import MAX_ID
from napari_ivos.scribbles.stroke import Stroke, make_stroke

DavisScribbles: TypeAlias = Mapping[str, Any]
"""``{"sequence": str, "scribbles": [[{"path": [[x, y], …], "object_id": int, …}, …], …]}``."""

_MAX_BYTES = 256 * 2**20
_FORMAT_HINT = (
    'Expected {"sequence": name, "scribbles": [one list a frame of '
    '{"path": [[x, y], …], "object_id": n}]}.'
)


def read_davis(path: str | os.PathLike[str]) -> DavisScribbles:
    """Read a scribble file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict
        Its content; `strokes_from_davis` checks it.

    Raises
    ------
    StrokeError
        The file is missing, too large, or no JSON object.
    """
    try:
        file = Path(path).expanduser()
    except (TypeError, RuntimeError) as error:
        what = f"A {type(path).__name__} is" if isinstance(error, TypeError) else f"'{path}' names"
        raise StrokeError(f"{what} no scribble file.", _FORMAT_HINT) from error
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise StrokeError(f"The scribble file '{file}' is larger than 256 MiB.")
        # As bytes: json knows UTF-8 and UTF-16 apart, with the mark that Windows puts in front.
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise StrokeError(f"Cannot read the scribble file '{file}': {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise StrokeError(f"The scribble file '{file}' is not valid JSON.", _FORMAT_HINT) from error
    if not isinstance(content, dict):
        raise StrokeError(f"The scribble file '{file}' holds no scribbles.", _FORMAT_HINT)
    return content


def strokes_from_davis(davis: DavisScribbles, shape: tuple[int, int], length: int) -> list[Stroke]:
    """Strokes of a scribble dictionary, in its order.

    Parameters
    ----------
    davis : dict
        In the DAVIS format. Further keys are ignored, but for those that `to_davis` adds.
    shape : (H, W)
        Size of the video's frames.
    length : int
        Number of frames of the video.

    Returns
    -------
    list of Stroke

    Raises
    ------
    StrokeError
        The structure is not that of DAVIS, a value is out of range, or a stroke lies beyond the
        video's end.
    """
    frames = davis.get("scribbles")
    if not isinstance(frames, Sequence) or isinstance(frames, str):
        raise StrokeError("The scribbles have no list 'scribbles'.", _FORMAT_HINT)
    strokes: list[Stroke] = []
    for index, scribbles in enumerate(frames):
        if not isinstance(scribbles, Sequence) or isinstance(scribbles, str):
            raise StrokeError(f"The scribbles of frame {index} are not a list.", _FORMAT_HINT)
        if len(scribbles) > 0 and index >= length:
            raise StrokeError(
                f"The scribbles mark frame {index}, but the video ends at frame {length - 1}.",
                "Was the file drawn on another video?",
            )
        strokes.extend(_stroke(scribble, index, shape) for scribble in scribbles)
    return strokes


def _stroke(scribble: object, frame: int, shape: tuple[int, int]) -> Stroke:
    if not isinstance(scribble, Mapping) or "path" not in scribble:
        raise StrokeError(f"A scribble on frame {frame} has no path.", _FORMAT_HINT)
    object_id = scribble.get("object_id")
    if isinstance(object_id, bool) or not isinstance(object_id, int | np.integer):
        raise StrokeError(
            f"A scribble on frame {frame} has the object_id {object_id!r}.",
            "It must be a whole number; 0 is the background.",
        )
    if not 0 <= object_id <= MAX_ID:
        raise StrokeError(
            f"A scribble on frame {frame} has the object_id {object_id}.",
            f"It must lie between 0 (background) and {MAX_ID}.",
        )
    object_id = int(object_id)
    radius = scribble.get("radius")
    if radius is not None and (isinstance(radius, bool) or not isinstance(radius, int | float)):
        raise StrokeError(f"A scribble on frame {frame} has a radius that is not a number.")
    filled = scribble.get("filled") is True
    try:
        unit = make_stroke(frame, object_id, scribble["path"], radius, filled=filled)
    except StrokeError as error:
        raise StrokeError(f"A scribble on frame {frame}: {error.message}", error.hint) from error
    if unit.path.min() < 0 or unit.path.max() > 1:
        raise StrokeError(
            f"A scribble on frame {frame} has points outside of 0–1.",
            "Points are shares of the frame's width and height.",
        )
    pixels = unit.path[:, ::-1] * shape
    return make_stroke(frame, object_id, pixels, radius, filled=unit.filled)


def to_davis(
    strokes: Iterable[Stroke], shape: tuple[int, int], length: int, sequence: str = ""
) -> dict[str, Any]:
    """Strokes as a scribble dictionary.

    Parameters
    ----------
    strokes : iterable of Stroke
    shape : (H, W)
    length : int
        Number of frames of the video.
    sequence : str
        The video's name.

    Returns
    -------
    dict
        In the DAVIS format. A stroke with a radius (in pixels) or a filled one carries that under
        the further keys ``radius`` and ``filled``, which other readers pass over. Points outside of
        the frame are moved to its border.
    """
    height, width = shape
    frames: list[list[dict[str, Any]]] = [[] for _ in range(length)]
    for stroke in strokes:
        path = [
            [min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0)]
            for y, x in stroke.path.tolist()
        ]
        scribble: dict[str, Any] = {
            "path": path,
            "object_id": stroke.object_id,
            "start_time": 0,
            "end_time": 0,
        }
        if stroke.radius is not None:
            scribble["radius"] = stroke.radius
        if stroke.filled:
            scribble["filled"] = True
        frames[stroke.frame].append(scribble)
    return {"sequence": sequence, "scribbles": frames}


def write_davis(path: str | os.PathLike[str], davis: DavisScribbles) -> None:
    """Write a scribble file, whole or not at all.

    Raises
    ------
    StrokeError
        The file cannot be written.
    """
    file = Path(path)
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(json.dumps(davis), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StrokeError(f"Cannot write the scribble file '{file}': {error.strerror}.") from error
