"""A folder of PNG, one per frame, as DAVIS keeps its annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_ivos.errors import ExportError
from napari_ivos.export._format import ExportJob, Format
from napari_ivos.export._place import contents
from napari_ivos.masks import davis_palette
from napari_ivos.types import ObjectId

# Written into every file: it tells an earlier export, which may be replaced, from the user's own.
_MARK = ("Software", "napari-ivos")
_MAX_PALETTE_ID = 255


def _check(ids: Sequence[ObjectId], *, greyscale: bool = False) -> None:
    if not greyscale and any(object_id > _MAX_PALETTE_ID for object_id in ids):
        raise _too_large(max(ids))


def _too_large(object_id: ObjectId) -> ExportError:
    return ExportError(
        f"A palette PNG holds ids up to {_MAX_PALETTE_ID}, but there is an object {object_id}.",
        "Export as .tif, or as 16-bit PNG with the option greyscale=True.",
    )


def _earlier(folder: Path) -> bool:
    return all(_is_ours(path) for path in contents(folder))


def _is_ours(path: Path) -> bool:
    from PIL import Image

    if path.suffix != ".png" or not path.stem.isdecimal():
        return False
    try:
        with Image.open(path) as image:
            return image.info.get(_MARK[0]) == _MARK[1]
    except OSError:
        return False


def _write(folder: Path, job: ExportJob, *, greyscale: bool = False) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    mark = PngInfo()
    mark.add_text(*_MARK)
    palette = davis_palette().tobytes()
    for index, frame in enumerate(job.frames()):
        if greyscale:
            image = Image.fromarray(frame)
        elif frame.max() > _MAX_PALETTE_ID:
            raise _too_large(int(frame.max()))
        else:
            image = Image.fromarray(frame.astype(np.uint8), mode="P")
            image.putpalette(palette)
        image.save(folder / f"{index:05d}.png", pnginfo=mark)


FORMAT = Format((), "a folder of PNG", "png", _write, _check, _earlier)
