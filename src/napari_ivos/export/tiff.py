"""One OME-TIFF of all label maps, which ImageJ, napari and tifffile read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from napari_ivos.export._format import ExportJob, Format, Pictures

# Classic TIFF addresses 4 GiB; what the pages' headers need stays free.
_CLASSIC_BYTES = 2**32 - 2**25


def _write(target: Path, job: ExportJob) -> None:
    import tifffile

    # By the size before compression, which nobody knows beforehand.
    big = 2 * math.prod(job.shape) > _CLASSIC_BYTES
    with tifffile.TiffWriter(target, bigtiff=big, ome=True) as writer:
        writer.write(
            job.frames(),
            shape=job.shape,
            dtype=np.uint16,
            photometric="minisblack",
            compression="zlib",
            metadata={"axes": "TYX", **_sizes(job.video)},
            # More workers would read frames ahead.
            maxworkers=1,
        )


def _sizes(video: Pictures | None) -> dict[str, object]:
    """Pixel size and time between frames, as OME calls them."""
    told: dict[str, object] = {}
    if video is not None and video.scale is not None:
        # OME takes a size without a unit for micrometres.
        unit = video.unit or "reference frame"
        for axis, size in zip("YX", video.scale, strict=True):
            told |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    if video is not None and video.frame_rate:
        told |= {"TimeIncrement": 1 / video.frame_rate, "TimeIncrementUnit": "s"}
    return told


FORMAT = Format((".tif", ".tiff"), "TIFF", "tiff", _write)
