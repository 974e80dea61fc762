"""Cell Tracking Challenge: a label image per frame, and a table of the tracks.

The layout is that of the challenge's reference tracks (``01_GT/TRA``). There a track has no gaps:
an object that comes back goes on under a new label whose parent is the label before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ExportError
from napari_ivos.export._format import ExportJob, Format
from napari_ivos.export._place import contents
from napari_ivos.types import ObjectId

_TABLE = "man_track.txt"
_IMAGE = "man_track"
_SOFTWARE = "napari-ivos"
_MAX_LABEL = 2**16 - 1


class _Tracks:
    """Labels without gaps; each frame is told once, in order."""

    def __init__(self, first_free: int) -> None:
        self._free = first_free
        self._label: dict[ObjectId, int] = {}
        self._last: dict[ObjectId, int] = {}
        self.rows: dict[int, list[int]] = {}
        """Label: first frame, last frame, parent."""

    def labels(self, index: int, ids: Sequence[ObjectId]) -> NDArray[np.uint16]:
        """Label by id, for the ids on a frame."""
        table = np.zeros(max(ids, default=0) + 1, dtype=np.uint16)
        for object_id in ids:
            if self._last.get(object_id) != index - 1:
                self._begin(object_id, index)
            self._last[object_id] = index
            label = self._label[object_id]
            self.rows[label][1] = index
            table[object_id] = label
        return table

    def _begin(self, object_id: ObjectId, index: int) -> None:
        before = self._label.get(object_id, 0)
        label = object_id
        if before:
            label, self._free = self._free, self._free + 1
            if label > _MAX_LABEL:
                raise ExportError(
                    f"The tracks need more than {_MAX_LABEL} labels.", "Export as .tif and .csv."
                )
        self._label[object_id] = label
        self.rows[label] = [index, index, before]


def _write(folder: Path, job: ExportJob) -> None:
    import tifffile

    present = [np.unique(frame) for frame in job.frames()]
    tracks = _Tracks(1 + max(int(ids.max()) for ids in present))
    digits = max(3, len(str(len(present) - 1)))
    for index, (frame, ids) in enumerate(zip(job.frames(), present, strict=True)):
        table = tracks.labels(index, ids[ids > 0].tolist())
        tifffile.imwrite(
            folder / f"{_IMAGE}{index:0{digits}}.tif",
            table[frame],
            compression="zlib",
            software=_SOFTWARE,
        )
    lines = [f"{label} {a} {b} {parent}\n" for label, (a, b, parent) in sorted(tracks.rows.items())]
    (folder / _TABLE).write_text("".join(lines), encoding="ascii")


def _earlier(folder: Path) -> bool:
    return all(path.name == _TABLE or _is_ours(path) for path in contents(folder))


def _is_ours(path: Path) -> bool:
    import tifffile

    if path.suffix != ".tif" or not path.stem.removeprefix(_IMAGE).isdecimal():
        return False
    try:
        with tifffile.TiffFile(path) as file:
            return bool(file.pages.first.software == _SOFTWARE)
    except (OSError, tifffile.TiffFileError):
        return False


FORMAT = Format((), "a Cell Tracking Challenge folder", "ctc", _write, earlier=_earlier)
