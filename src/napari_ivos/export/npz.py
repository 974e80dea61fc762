"""A compressed NumPy archive: masks, objects and reliability in one file, nothing pickled."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from napari_ivos.export._format import ExportJob, Format
from napari_ivos.types import AnyArray


def _write(target: Path, job: ExportJob) -> None:
    unknown = np.full(job.shape[0], np.nan)
    small: dict[str, AnyArray] = {
        "object_ids": np.array([item.id for item in job.objects], dtype=np.uint16),
        "object_names": np.array([item.name for item in job.objects], dtype=np.str_),
        "object_parents": np.array([job.parents.get(o.id, 0) for o in job.objects], np.uint16),
        "reliability": unknown if job.reliability is None else job.reliability,
    }
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name, array in small.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
        # Header and frames one by one, so that the stack is never in memory as a whole.
        with archive.open("masks.npy", "w", force_zip64=True) as stream:
            header = {"descr": "<u2", "fortran_order": False, "shape": job.shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for frame in job.frames():
                stream.write(frame.astype("<u2", copy=False).data)


FORMAT = Format((".npz",), "NumPy archive", "npz", _write)
