"""Cell Tracking Challenge: a label image per frame, and a table of the tracks.

The layout is that of the challenge's reference tracks (``01_GT/TRA``), or that of a submission
(``01_RES``). There a track has no gaps: an object that comes back goes on under a new label whose
parent is the label before. A daughter's parent is the last label of the object that divided.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ExportError
from napari_ivos.export._format import ExportJob, Format
from napari_ivos.export._place import contents
from napari_ivos.types import ObjectId

_REFERENCE = ("man_track.txt", "man_track")
_RESULTS = ("res_track.txt", "mask")
"""Name of the table, and how the images' names begin."""
_SOFTWARE = "napari-ivos"
_MAX_LABEL = 2**16 - 1


class _Tracks:
    """Labels without gaps; each frame is told once, in order."""

    def __init__(self, ids: Collection[ObjectId], parents: Mapping[ObjectId, ObjectId]) -> None:
        # The numbers behind the objects', and when these are used up, those between them.
        unused = (*range(1 + max(ids, default=0), _MAX_LABEL + 1), *range(1, max(ids, default=0)))
        self._free, self._parents = (label for label in unused if label not in ids), parents
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
        label, parent = object_id, before
        if not before:
            parent = self._ended(self._parents.get(object_id, 0), index)
        else:
            label = next(self._free, 0)
            if not label:
                raise ExportError(
                    f"The tracks need more than {_MAX_LABEL} labels.", "Export as .tif and .csv."
                )
        self._label[object_id] = label
        self.rows[label] = [index, index, parent]

    def _ended(self, parent: ObjectId, index: int) -> int:
        """Label of a parent; 0 when it is still there, which the challenge does not allow."""
        return self._label.get(parent, 0) if self._last.get(parent, index) < index else 0


def _write(folder: Path, job: ExportJob, *, results: bool = False) -> None:
    import tifffile

    table_name, image_name = _RESULTS if results else _REFERENCE
    present = [np.unique(frame) for frame in job.frames()]
    tracks = _Tracks({int(object_id) for ids in present for object_id in ids}, job.parents)
    digits = max(3, len(str(len(present) - 1)))
    for index, (frame, ids) in enumerate(zip(job.frames(), present, strict=True)):
        table = tracks.labels(index, ids[ids > 0].tolist())
        tifffile.imwrite(
            folder / f"{image_name}{index:0{digits}}.tif",
            table[frame],
            compression="zlib",
            software=_SOFTWARE,
        )
    lines = [f"{label} {a} {b} {parent}\n" for label, (a, b, parent) in sorted(tracks.rows.items())]
    (folder / table_name).write_text("".join(lines), encoding="ascii")


def _earlier(folder: Path) -> bool:
    tables = (_REFERENCE[0], _RESULTS[0])
    return all(path.name in tables or _is_ours(path) for path in contents(folder))


def _is_ours(path: Path) -> bool:
    import tifffile

    names = (path.stem.removeprefix(name) for _, name in (_REFERENCE, _RESULTS))
    if path.suffix != ".tif" or not any(name.isdecimal() for name in names):
        return False
    try:
        with tifffile.TiffFile(path) as file:
            return bool(file.pages.first.software == _SOFTWARE)
    except (OSError, tifffile.TiffFileError):
        return False


FORMAT = Format((), "a Cell Tracking Challenge folder", "ctc", _write, earlier=_earlier)
