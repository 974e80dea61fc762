"""TIFF stacks: memory-mapped where the pixels lie bare in the file, page by page elsewhere."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray
from napari_ivos.video._array import Stack
from napari_ivos.video._source import as_video_error, check_size
from napari_ivos.video._units import MICROMETRES, length_unit, seconds


def open_tiff(path: Path, *, values: bool = False) -> Stack:
    """Open the first image series of a TIFF file lazily, with its axes, pixel size and rate.

    Pages that were written one by one, each as a series, are one series.

    Parameters
    ----------
    path : Path
    values : bool
        Whether values are meant as they are, as in label maps; or else palettes, and files in which
        0 is white, as they look.

    Raises
    ------
    VideoError
        It is no TIFF, is damaged, cut off, or claims frames of absurd size.
    """
    import tifffile

    with (
        as_video_error(
            f"{path.name} cannot be read as TIFF.",
            "The file is damaged, cut off or no TIFF at all.",
        ),
        _quiet(tifffile.logger()),
    ):
        file = tifffile.TiffFile(path)
        try:
            return _stack(file, path, values)
        except BaseException:
            file.close()
            raise


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep what the reader remarks about a file from the terminal; what matters is raised here."""

    def nothing(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


def _series(file: Any) -> Any:
    import tifffile

    first = file.series[0]
    if len(file.series) == 1 or first.axes not in ("YX", "YXS"):
        return first
    pages = [series.pages[0] for series in file.series if series.kind == "shaped"]
    alike = {(series.shape, series.dtype, series.axes) for series in file.series}
    if len(pages) < len(file.series) or len(alike) > 1:
        return first
    shape = (len(pages), *first.shape)
    return tifffile.TiffPageSeries(pages, shape, first.dtype, f"T{first.axes}")


def _stack(file: Any, path: Path, values: bool) -> Stack:
    series = _series(file)
    page = series.keyframe
    size = (page.imagelength, page.imagewidth)
    check_size(path.name, size, page.samplesperpixel, page.dtype.itemsize)
    scale, unit, frame_rate = _imagej(file, page) if file.is_imagej else _ome(file)
    bare = series.dataoffset is not None
    short = bare and series.dataoffset + series.nbytes > file.filehandle.size
    if short or _chain_is_broken(file):
        raise VideoError(
            f"{path.name} is cut off: some of its pages lie behind its end.", "Copy the file again."
        )
    if bare:
        data: Any = np.memmap(
            path,
            dtype=file.byteorder + series.dtype.char,
            mode="r",
            offset=series.dataoffset,
            shape=series.shape,
        )
    else:
        data = _Pages(series)
    tones = None if values else _tones(page)
    return Stack(data, series.axes, scale, frame_rate, file.close, unit, tones)


def _tones(page: Any) -> AnyArray | None:
    """What the values of a palette, or of a file in which 0 is white, stand for."""
    import tifffile

    if page.dtype.kind not in "bu" or page.dtype.itemsize > 2 or page.samplesperpixel > 1:
        return None
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        return np.arange(2**page.bitspersample, dtype=page.dtype)[::-1]
    if page.photometric != tifffile.PHOTOMETRIC.PALETTE or page.colormap is None:
        return None
    # Sixteen bits by the standard; some programs write eight into them.
    table = np.asarray(page.colormap).T
    colours: AnyArray = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
    grey = np.arange(len(colours))[:, None] == colours
    return None if len(colours) == 256 and grey.all() else colours


def _chain_is_broken(file: Any) -> bool:
    """Whether the last page that was found names a next one, which is then behind the end.

    The reader passes over this, and would show the first frames as if they were all.
    """
    handle, tiff = file.filehandle, file.tiff
    start = file.pages[-1].offset
    handle.seek(start)
    (tags,) = struct.unpack(tiff.tagnoformat, handle.read(tiff.tagnosize))
    handle.seek(start + tiff.tagnosize + tags * tiff.tagsize)
    (following,) = struct.unpack(tiff.offsetformat, handle.read(tiff.offsetsize))
    return bool(following >= handle.size)


class _Pages:
    """A series read one page at a time: indexed by whole numbers and full slices."""

    def __init__(self, series: Any) -> None:
        self._pages = series.pages
        self.shape: tuple[int, ...] = series.shape
        self.dtype = series.dtype
        page = series.keyframe.shape
        # The pages' own axes come last; all before them count pages.
        self._before = len(self.shape) - len(page)
        pages = math.prod(self.shape[: self._before])
        if self.shape[self._before :] != page or pages != len(self._pages):
            raise VideoError(
                f"The pages of {Path(series.parent.filename).name} do not make up its "
                f"shape, {self.shape}.",
                "Save it again as a plain TIFF stack.",
            )

    def __getitem__(self, key: tuple[Any, ...]) -> AnyArray:
        for at, place in enumerate(key[: self._before]):
            if isinstance(place, slice):
                planes = range(self.shape[at])
                return np.stack([self[(*key[:at], plane, *key[at + 1 :])] for plane in planes])
        return self._page(key[: self._before], key[self._before :])

    def _page(self, place: tuple[int, ...], inner: tuple[Any, ...]) -> AnyArray:
        number = int(np.ravel_multi_index(place, self.shape[: self._before])) if place else 0
        page = self._pages[number]
        if page is None:
            raise VideoError(
                f"Page {number} of the TIFF file is missing.", "Was the recording cut short?"
            )
        picture: AnyArray = page.asarray()[inner]
        return picture


_Told: TypeAlias = tuple[tuple[float, float] | None, str | None, float | None]
"""Pixel size (y, x), its unit, and the frame rate; None for what nothing tells."""


def _imagej(file: Any, page: Any) -> _Told:
    """Pixel size and frame rate as ImageJ writes them."""
    metadata = file.imagej_metadata or {}
    step = (metadata.get("finterval") or 0) * seconds(metadata.get("tunit", "s"))
    rate = metadata.get("fps") or (1 / step if step else None)
    sizes = []
    for name in ("YResolution", "XResolution"):
        pixels, units = page.tags[name].value if name in page.tags else (0, 1)
        sizes.append(units / pixels if pixels else 0.0)
    # Without a unit, ImageJ's resolution is that of a printer.
    known = metadata.get("unit") and all(sizes)
    scale = (sizes[0], sizes[1]) if known else None
    return scale, length_unit(metadata.get("unit")), float(rate) if rate else None


def _ome(file: Any) -> _Told:
    """Pixel size and frame rate of OME-TIFF; nothing for other files."""
    if not file.is_ome:
        return None, None, None
    pixels = ElementTree.fromstring(file.ome_metadata).find(".//{*}Pixels")
    told = {} if pixels is None else pixels.attrib
    y, x = (float(told.get(f"PhysicalSize{axis}", 0)) for axis in "YX")
    units = [length_unit(told.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YX"]
    if units[0] != units[1]:
        y, x = (
            size * MICROMETRES.get(unit or "", 0) for size, unit in zip((y, x), units, strict=True)
        )
        units = ["µm"]
    step = float(told.get("TimeIncrement", 0)) * seconds(told.get("TimeIncrementUnit", "s"))
    return (y, x) if y and x else None, units[0], 1 / step if step else None
