"""Zarr folders: a plain array, or the first image of an OME-Zarr group at full resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_ivos.errors import VideoError
from napari_ivos.video._array import Stack
from napari_ivos.video._axes import axes_from_names
from napari_ivos.video._source import as_video_error
from napari_ivos.video._units import length_unit, seconds

_MARKS = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
_SHORT_TIMES = {"nanosecond": "ns", "microsecond": "µs", "millisecond": "ms", "second": "s"}
_SHORT_TIMES |= {"minute": "min", "hour": "h", "day": "d"}


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a zarr array or group, whatever its name."""
    return any((folder / mark).is_file() for mark in _MARKS)


def open_zarr(path: Path) -> Stack:
    """Open a zarr array, or an OME-Zarr group, lazily.

    Raises
    ------
    VideoError
        It is neither, or it is damaged.
    """
    import zarr

    with as_video_error(
        f"{path.name} cannot be read as zarr.", "The folder may be incomplete; copy it again."
    ):
        node = zarr.open(path, mode="r")
        if isinstance(node, zarr.Array):
            return array_stack(node)
        return _group(node, path)


def array_stack(data: Any) -> Stack:
    """Take an array, with the names of its axes where it tells them (zarr 3, xarray)."""
    metadata = getattr(data, "metadata", None)
    names = getattr(metadata, "dimension_names", None) or getattr(data, "dims", None)
    return Stack(data, axes_from_names(names) if isinstance(names, tuple) else None)


def _group(group: Any, path: Path) -> Stack:
    attributes = dict(group.attrs)
    attributes = attributes.get("ome", attributes)
    images = attributes.get("multiscales")
    if not images:
        arrays = dict(group.arrays())
        if len(arrays) == 1:
            return array_stack(next(iter(arrays.values())))
        raise VideoError(
            f"{path.name} is a zarr group without an OME-Zarr image in it.",
            f"Open one of its arrays: {', '.join(sorted(arrays))}."
            if arrays
            else "Open the folder of the array or image inside it.",
        )
    image = images[0]
    level = image["datasets"][0]
    axes = axes_from_names([_axis_name(axis) for axis in image.get("axes", ())])
    y, x, step = (_factor(level, image, axes, letter) for letter in "YXT")
    rate = _rate(step, image.get("axes", ()))
    scale = None if y is None or x is None else (y, x)
    return Stack(group[level["path"]], axes, scale, rate, unit=_unit(image.get("axes", ())))


def _axis_name(axis: Any) -> str:
    return str(axis["name"] if isinstance(axis, Mapping) else axis)


def _unit(axes: Any) -> str | None:
    """What rows and columns are measured in, if it is the same."""
    told = {
        length_unit(axis.get("unit"))
        for axis in axes
        if isinstance(axis, Mapping) and str(axis.get("name")).lower() in ("y", "x")
    }
    return told.pop() if len(told) == 1 else None


def _rate(step: float | None, axes: Any) -> float | None:
    """Frames a second of that time between frames, if its unit is told."""
    units = [
        seconds(_SHORT_TIMES.get(str(axis.get("unit")), axis.get("unit")))
        for axis in axes
        if isinstance(axis, Mapping) and str(axis.get("name")).lower() in ("t", "time")
    ]
    between = step * units[0] if step is not None and len(units) == 1 else 0.0
    return 1 / between if between > 0 else None


def _factor(
    level: Mapping[str, Any], image: Mapping[str, Any], axes: str | None, letter: str
) -> float | None:
    """The size of a step along an axis: the level's, times what is said of all levels."""
    if axes is None or letter not in axes:
        return None
    found = [
        float(step["scale"][axes.index(letter)])
        for part in (level, image)
        for step in part.get("coordinateTransformations", ())
        if step.get("type") == "scale" and len(step["scale"]) == len(axes)
    ]
    return math.prod(found) if found else None
