"""What leaves: masks as files for other programs, by the extension of the path.

=====================  =====================================================================
a folder               palette PNG per frame (DAVIS colours), ids up to 255; ``greyscale=True``
                       writes 16-bit greyscale PNG instead
a folder, ``"ctc"``    Cell Tracking Challenge: 16-bit TIFF per frame and ``man_track.txt``
``.tif .tiff``         one OME-TIFF, (T, H, W) uint16, zlib; read by ImageJ, napari, tifffile
``.zarr``              OME-Zarr 0.5 labels, with a pyramid
``.npz``               NumPy: masks, object ids and names, reliability
``.json``              COCO: run-length encoded masks, boxes and areas, with track ids
``.csv``               a table: a row per object and frame
``.mp4``               the video with the masks over it
=====================  =====================================================================
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from napari_ivos.errors import ExportError
from napari_ivos.export._format import (
    ExportJob,
    Format,
    Masks,
    NamedObject,
    Origin,
    Pictures,
    check_masks,
)
from napari_ivos.export._overlay import veil
from napari_ivos.export._place import check_place, placed
from napari_ivos.types import ObjectId

__all__ = [
    "Format",
    "Masks",
    "NamedObject",
    "Origin",
    "Pictures",
    "check_export",
    "check_inputs",
    "export_masks",
    "list_formats",
    "veil",
]


_PICTURES = (".tif", ".tiff")


@cache
def list_formats() -> tuple[Format, ...]:
    """All formats there are: one for each module here whose name has no leading underscore."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return tuple(importlib.import_module(f"{__name__}.{name}").FORMAT for name in names)


def check_export(
    path: str | os.PathLike[str],
    ids: Iterable[ObjectId] = (),
    *,
    format: str | None = None,
    **options: object,
) -> None:
    """Find out before a long run whether its masks could be exported.

    Parameters
    ----------
    path : path-like
        As for `export_masks`.
    ids : iterable of int
        Ids of the objects that the masks will hold.
    format : str, optional
        As for `export_masks`.
    **options
        As for `export_masks`.

    Raises
    ------
    ExportError
        Unknown extension or option, a place that cannot be written to, a folder with other files,
        or ids that the format cannot hold.
    """
    form = _format_of(path, format)
    known = list(inspect.signature(form.write).parameters)[2:]
    for name in options:
        if name not in known:
            raise ExportError(
                f"There is no option '{name}' for {form.title}.",
                f"There is: {', '.join(known)}." if known else "Leave it out.",
            )
    form.check(tuple(ids), **options)
    check_place(_target(path), form.earlier)


def check_inputs(path: str | os.PathLike[str], inputs: Iterable[Path | None]) -> None:
    """Find out whether masks would be written over what they are made from, or among it.

    Parameters
    ----------
    path : path-like
        As for `export_masks`.
    inputs : iterable of Path or None
        Files and folders; None for what was not read from one.

    Raises
    ------
    ExportError
        They would.
    """
    target = _target(path)
    # In a folder of pictures a stack would be taken for one of them from then on.
    among = target.parent if target.suffix.lower() in _PICTURES else target
    for found in inputs:
        if found is not None and found.resolve() in (target, among):
            raise ExportError(
                f"The masks would be written into '{found}', which they are made from.",
                "Choose another place for them.",
            )


def export_masks(
    path: str | os.PathLike[str],
    masks: Masks,
    *,
    objects: Iterable[NamedObject] = (),
    reliability: ArrayLike | None = None,
    video: Pictures | None = None,
    origin: Callable[[int], Origin] | None = None,
    parents: Mapping[ObjectId, ObjectId] | None = None,
    format: str | None = None,
    **options: object,
) -> None:
    """Write masks in the format that the path's extension names.

    Parameters
    ----------
    path : path-like
        Its extension says the format. A path without one (or that ends with a separator) is a
        folder, which must be new, empty, or an earlier export. A file that is there already is
        replaced.
    masks : (T, H, W) uint16
        Read one frame after the other, never as a whole.
    objects : iterable of objects with ``id`` and ``name``
        For formats that hold names.
    reliability : (T,) float, optional
        0–1 per frame, nan where unknown; for formats that hold it.
    video : Video, optional
        What the masks belong to; for formats that show or measure it, or tell pixel sizes.
    origin : callable, optional
        Says of a frame where its mask comes from; for the table.
    parents : mapping of int to int, optional
        Of objects that came from a division the object that divided; for formats that hold it
        (Cell Tracking Challenge, COCO, NumPy, table).
    format : str, optional
        Name of the format where the path does not say it: "ctc" for a folder.
    **options
        PNG: ``greyscale=True`` for 16-bit greyscale, which holds any id, instead of the palette.
        Cell Tracking Challenge: ``results=True`` for the files' names in a submission.
        Video: ``style`` ("colour", "davis", "fade", "checker", "cut"), ``frame_rate``, and
        ``palette="okabe-ito"`` for colours that people with any colour vision tell apart.

    Raises
    ------
    ExportError
        As `check_export`; masks of another shape or type; a full disk and the like. Nothing is left
        behind then, and what stood at `path` is as it was.
    """
    known = tuple(objects)
    check_export(path, (item.id for item in known), format=format, **options)
    check_masks(masks)
    scores = None if reliability is None else np.asarray(reliability, dtype=np.float64)
    form = _format_of(path, format)
    if form.needs_video and video is None:
        raise ExportError(f"For {form.title} the video is needed.", "Give it as video=….")
    # Through links: the file that a link points to is replaced, not the link.
    with placed(_target(path), folder=form.earlier is not None) as part:
        form.write(part, ExportJob(masks, known, scores, video, origin, parents or {}), **options)


def _target(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser().resolve()
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        # A loop of links, a byte of 0, nobody's home; no path at all.
        raise ExportError(f"{str(path)!r} is no place for a file.") from error


def _format_of(path: str | os.PathLike[str], name: str | None) -> Format:
    given = os.fspath(path)
    suffix = "" if given.endswith(("/", os.sep)) else Path(given).suffix.lower()
    fitting = [form for form in list_formats() if suffix in (form.suffixes or ("",))]
    if name is not None:
        return _named(name, given, fitting)
    # Without a name a folder is one of PNG.
    for form in sorted(fitting, key=lambda form: form.name != "png"):
        return form
    known = ", ".join(sorted(s for form in list_formats() for s in form.suffixes))
    raise ExportError(
        f"Masks cannot be written as '{suffix}' ('{given}').",
        f"Choose one of: {known}, or a path without an extension for a folder of PNG.",
    )


def _named(name: str, given: str, fitting: list[Format]) -> Format:
    for form in list_formats():
        if form.name == name:
            if form in fitting:
                return form
            wanted = " or ".join(form.suffixes) or "a folder, without an extension"
            raise ExportError(
                f"'{given}' is no name for the format '{name}'.", f"It writes {wanted}."
            )
    known = ", ".join(form.name for form in list_formats())
    raise ExportError(f"There is no format '{name}'.", f"There is: {known}.")
