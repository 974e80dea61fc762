"""Samples on disk: records of one size in a file, so that any of them is read at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.lite.inputs import MOVED_PLANES, RAW_PLANES, SIDE
from napari_ivos.training.samples import Sample
from napari_ivos.types import AnyArray

_SCALE = 100.0
_COMMON = [("image", "u1", (SIDE, SIDE, 3)), ("truth", "u1", (SIDE, SIDE))]
_ANNOTATED = np.dtype([*_COMMON, ("planes", "i1", (RAW_PLANES, SIDE, SIDE))])
_MOVED = np.dtype(
    [*_COMMON, ("planes", "i1", (MOVED_PLANES, SIDE, SIDE)), ("reference", "u1", (SIDE, SIDE, 4))]
)


class Writer:
    """Appends samples to the two files of a folder: `annotated-NAME` and `moved-NAME`."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{kind}-{name}.bin" for kind in ("annotated", "moved")]
        self._files = [path.open("ab") for path in paths]

    def add(self, sample: Sample) -> None:
        """Write one sample at the end of its file."""
        record = np.zeros((), dtype=_MOVED if sample.moved else _ANNOTATED)
        record["image"] = sample.image
        record["truth"] = np.round(255 * sample.truth)
        record["planes"] = np.round(_SCALE * sample.planes)
        if sample.reference is not None:
            record["reference"] = sample.reference
        self._files[sample.moved].write(record.tobytes())

    def close(self) -> None:
        """Finish the files."""
        for file in self._files:
            file.close()


class Reader:
    """The samples of one kind in a folder, in the order in which they were written."""

    def __init__(self, folder: Path, pattern: str, *, moved: bool) -> None:
        kind, dtype = ("moved", _MOVED) if moved else ("annotated", _ANNOTATED)
        paths = sorted(folder.glob(f"{kind}-{pattern}.bin"))
        paths = [path for path in paths if path.stat().st_size >= dtype.itemsize]
        self._parts = [
            np.memmap(path, dtype, "r", shape=(path.stat().st_size // dtype.itemsize,))
            for path in paths
        ]
        self._ends = np.cumsum([len(part) for part in self._parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, index: int) -> dict[str, AnyArray]:
        """Image, planes, truth and reference (u8), as they were recorded."""
        part = int(np.searchsorted(self._ends, index, side="right"))
        record = self._parts[part][index - (self._ends[part - 1] if part else 0)]
        out: dict[str, AnyArray] = {
            "image": np.array(record["image"]),
            "truth": record["truth"].astype(np.float32) / 255,
            "planes": planes_of(record["planes"]),
        }
        if "reference" in (record.dtype.names or ()):
            out["reference"] = np.array(record["reference"])
        return out


def planes_of(stored: AnyArray) -> NDArray[np.float32]:
    """Planes as numbers again, of which hundredths were kept."""
    return stored.astype(np.float32) / np.float32(_SCALE)
