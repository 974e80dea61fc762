"""Label maps in single pictures, indexed or grey."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.masks import MAX_ID
from napari_ivos.types import AnyArray, LabelMap
from napari_ivos.video._source import as_video_error

LABEL_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp", ".gif"})
"""Kinds of picture that keep a label as it is; JPEG does not."""

_TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_GREY_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B"})


def read_label_picture(path: Path, size: tuple[int, int]) -> LabelMap:
    """Read a label map.

    Parameters
    ----------
    path : Path
    size : (H, W)
        Of the video's frames; a map of another size is not decoded.

    Returns
    -------
    (H, W) uint16
        As in the file.

    Raises
    ------
    VideoError
        It cannot be read, is in colour, has another size, or ids above 65 534.
    """
    raw = _decode(path, size)
    if raw.size and (raw.min() < 0 or raw.max() > MAX_ID):
        raise VideoError(f"The label map {path.name} holds ids that are not in 0–{MAX_ID}.")
    return raw.astype(np.uint16)


def _decode(path: Path, size: tuple[int, int]) -> AnyArray:
    tiff = path.suffix.lower() in _TIFF_SUFFIXES
    with as_video_error(
        f"The label map {path.name} cannot be read.", "The file is missing or damaged."
    ):
        return _decode_tiff(path, size) if tiff else _decode_picture(path, size)


def _decode_picture(path: Path, size: tuple[int, int]) -> AnyArray:
    from PIL import Image

    with warnings.catch_warnings():
        # The size is checked here, before anything is decoded.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path) as picture:
            _check(path, (picture.height, picture.width), size)
            if picture.mode not in _GREY_MODES:
                raise VideoError(
                    f"The label map {path.name} is in colour.",
                    "Give indexed or grey pictures whose values are the objects' ids.",
                )
            return np.asarray(picture).astype(np.int64)


def _decode_tiff(path: Path, size: tuple[int, int]) -> AnyArray:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        if len(page.shape) != 2 or len(file.pages) != 1 or page.dtype is None:
            raise VideoError(f"The label map {path.name} is not a single grey picture.")
        _check(path, (page.shape[0], page.shape[1]), size)
        if page.dtype.kind not in "iub":
            raise VideoError(f"The label map {path.name} holds {page.dtype}, not whole numbers.")
        return np.asarray(page.asarray()).astype(np.int64)


def _check(path: Path, found: tuple[int, int], size: tuple[int, int]) -> None:
    if found != size:
        raise VideoError(
            f"The label map {path.name} has {found[0]} × {found[1]} pixels, "
            f"and its frame has {size[0]} × {size[1]}.",
            "Both must have the same size.",
        )
