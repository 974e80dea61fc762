"""One OME-TIFF of all label maps, which ImageJ, napari and tifffile read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from napari_ivos.export._format import ExportJob, Format

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
            metadata={"axes": "TYX"},
            # More workers would read frames ahead.
            maxworkers=1,
        )


FORMAT = Format((".tif", ".tiff"), "TIFF", "tiff", _write)
