"""COCO: masks as compressed run lengths, with the track ids that video data sets add."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.export._format import ExportJob, Format
from napari_ivos.types import Mask, ObjectId


def encode(mask: Mask) -> str:
    """Run lengths of a mask as COCO packs them.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    str
        Lengths of the runs of zeros and ones in turn, column by column; from the fourth one on,
        the difference to the one before last; six bits a character, the lowest first.
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], changes, [len(flat)]])).tolist()
    if flat[0]:
        runs.insert(0, 0)
    steps = runs[:3] + [run - runs[i] for i, run in enumerate(runs[3:], start=1)]
    return "".join(chain.from_iterable(map(_characters, steps)))


def _characters(value: int) -> Iterator[str]:
    more = True
    while more:
        bits = value & 0x1F
        value >>= 5
        more = value != (-1 if bits & 0x10 else 0)
        yield chr((bits | 0x20 if more else bits) + 48)


def _write(target: Path, job: ExportJob) -> None:
    length, height, width = job.shape
    size = {"width": width, "height": height}
    head: dict[str, Any] = {
        "info": {"description": "napari-ivos"},
        "categories": [{"id": 1, "name": "object"}],
        "videos": [{"id": 1, "name": "video", "length": length, **size}],
        "tracks": [
            {"id": o.id, "name": o.name, "category_id": 1, "parent_id": job.parents.get(o.id)}
            for o in job.objects
        ],
        "images": [
            {"id": t + 1, "file_name": f"{t:05d}", "video_id": 1, "frame_id": t, **size}
            for t in range(length)
        ],
    }
    with target.open("w", encoding="utf-8") as file:
        # Annotation by annotation: a long video's do not fit into memory.
        file.write(json.dumps(head)[:-1] + ', "annotations": [')
        for number, annotation in enumerate(_annotations(job), start=1):
            line = json.dumps({"id": number, **annotation})
            file.write(f"{',' if number > 1 else ''}\n{line}")
        file.write("\n]}\n")


def _annotations(job: ExportJob) -> Iterator[dict[str, Any]]:
    for index, frame in enumerate(job.frames()):
        for object_id in np.unique(frame[frame > 0]).tolist():
            yield {"image_id": index + 1, **_annotation(frame == object_id, object_id)}


def _annotation(mask: Mask, object_id: ObjectId) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return {
        "category_id": 1,
        "track_id": object_id,
        "iscrowd": 0,
        "area": int(np.count_nonzero(mask)),
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "segmentation": {"size": list(mask.shape), "counts": encode(mask)},
    }


FORMAT = Format((".json",), "COCO", "coco", _write)
