"""OME-Zarr 0.5: the label maps with a pyramid, chunked by frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.export._format import ExportJob, Format
from napari_ivos.export._place import contents
from napari_ivos.masks import object_colour
from napari_ivos.types import ObjectId
from napari_ivos.video._units import LONG_NAMES

_VERSION = "0.5"
_CREATOR = "napari-ivos"
_CHUNK = 1024
# Smaller than this a level is not worth having.
_LEAST_SIDE = 256


def _write(target: Path, job: ExportJob) -> None:
    import zarr

    length, height, width = job.shape
    root = zarr.open_group(target, mode="w", zarr_format=3)
    steps = [1]
    while min(height, width) // (2 * steps[-1]) >= _LEAST_SIDE:
        steps.append(2 * steps[-1])
    levels = []
    for level, step in enumerate(steps):
        shape = (length, -(-height // step), -(-width // step))
        chunks = (1, min(shape[1], _CHUNK), min(shape[2], _CHUNK))
        levels.append(
            root.create_array(
                str(level), shape=shape, chunks=chunks, dtype="uint16", dimension_names="tyx"
            )
        )
    ids: set[ObjectId] = {item.id for item in job.objects}
    for index, frame in enumerate(job.frames()):
        ids.update(np.unique(frame[frame > 0]).tolist())
        for array, step in zip(levels, steps, strict=True):
            # Every second pixel: labels cannot be averaged.
            array[index] = frame[::step, ::step]
    # What tells readers what this is comes last: a torn export is no image.
    root.attrs["ome"] = _metadata(job, steps, sorted(ids))


def _metadata(job: ExportJob, steps: list[int], ids: list[ObjectId]) -> dict[str, Any]:
    scale = None if job.video is None else job.video.scale
    rate = None if job.video is None else job.video.frame_rate
    time: dict[str, Any] = {"name": "t", "type": "time"}
    if rate:
        time["unit"] = "second"
    unit = None if job.video is None else LONG_NAMES.get(job.video.unit or "")
    space = {"type": "space"} | ({"unit": unit} if unit and scale else {})
    axes = [time, {"name": "y", **space}, {"name": "x", **space}]
    y, x = scale or (1.0, 1.0)
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [1 / rate if rate else 1.0, y * step, x * step]}
            ],
        }
        for level, step in enumerate(steps)
    ]
    names = {item.id: item.name for item in job.objects}
    colours = [{"label-value": i, "rgba": [*object_colour(i), 255]} for i in ids]
    properties = [{"label-value": i, "name": names.get(i, f"object {i}")} for i in ids]
    return {
        "version": _VERSION,
        "_creator": {"name": _CREATOR},
        "multiscales": [{"name": "masks", "axes": axes, "datasets": datasets}],
        "image-label": {"colors": colours, "properties": properties},
    }


def _earlier(folder: Path) -> bool:
    try:
        content = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
        named: object = content["attributes"]["ome"]["_creator"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    known = all(path.name == "zarr.json" or path.name.isdecimal() for path in contents(folder))
    return known and named == _CREATOR


FORMAT = Format((".zarr",), "OME-Zarr", "zarr", _write, earlier=_earlier)
