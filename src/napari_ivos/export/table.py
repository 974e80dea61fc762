"""A table with a row for each object on each frame: size, place, brightness, and who says so."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.export._format import ExportJob, Format, Origin
from napari_ivos.types import LabelMap, ObjectId

_UNKNOWN = ""


def _write(target: Path, job: ExportJob) -> None:
    channels = 0 if job.video is None else job.video.intensities(0).shape[2]
    # Names may hold what no text file can, such as halves of characters.
    with target.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_header(job, channels))
        for index, frame in enumerate(job.frames()):
            writer.writerows(_rows(job, index, frame))


def _header(job: ExportJob, channels: int) -> list[str]:
    names = ["frame", "time", "object", "name", "parent", "area_px", "y_px", "x_px"]
    names += ["top", "left", "bottom", "right", "area", "y", "x"]
    names += [f"mean_intensity_{channel}" for channel in range(channels)]
    return [*names, "reliability", "source", "annotated"]


def _rows(job: ExportJob, index: int, frame: LabelMap) -> Iterator[list[Any]]:
    from skimage.measure import regionprops

    if not frame.any():
        return
    pixels = None if job.video is None else job.video.intensities(index)
    scale = None if job.video is None else job.video.scale
    rate = None if job.video is None else job.video.frame_rate
    origin = None if job.origin is None else job.origin(index)
    score = np.nan if job.reliability is None else float(job.reliability[index])
    scores = {} if origin is None else origin.reliability
    names = {item.id: item.name for item in job.objects}
    for region in regionprops(frame, pixels):
        y, x = region.centroid
        row: list[Any] = [index, index / rate if rate else _UNKNOWN, region.label]
        row += [names.get(region.label, _UNKNOWN), job.parents.get(region.label, _UNKNOWN)]
        row += [int(region.area), y, x, *region.bbox]
        # In the file's own unit, where it says how large a pixel is.
        row += [_UNKNOWN] * 3 if scale is None else _physical(region.area, y, x, scale)
        if pixels is not None:
            row += np.atleast_1d(region.intensity_mean).tolist()
        yield [
            *row,
            _number(scores.get(region.label, score)),
            *_origin(origin, frame, region.label),
        ]


def _physical(area: float, y: float, x: float, scale: tuple[float, float]) -> list[float]:
    return [area * scale[0] * scale[1], y * scale[0], x * scale[1]]


def _number(value: float) -> float | str:
    return _UNKNOWN if np.isnan(value) else float(value)


def _origin(origin: Origin | None, frame: LabelMap, object_id: ObjectId) -> tuple[str, Any]:
    """Who made an object's pixels: a person who accepted the frame or painted them, or a method."""
    if origin is None:
        return _UNKNOWN, _UNKNOWN
    if origin.accepted:
        return "accepted", int(origin.annotated)
    mine = frame == object_id
    by_hand = np.zeros(1, dtype=bool) if origin.human is None else origin.human[mine] == object_id
    source = "human" if by_hand.all() else "model and human" if by_hand.any() else "model"
    return source, int(origin.annotated)


FORMAT = Format((".csv",), "a table", "csv", _write)
