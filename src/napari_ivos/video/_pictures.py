"""Single pictures: what their header says, and their pixels at full depth.

The type is told by the content: a JPEG named .png is still read.
"""

from __future__ import annotations

import struct
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray
from napari_ivos.video._array import ArraySource
from napari_ivos.video._source import as_video_error, check_size
from napari_ivos.video._tiff import open_tiff

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Size and kind of a picture, known without decoding it."""

    size: tuple[int, int]
    """Height and width, pixels, as stored: a camera's orientation mark is left alone."""
    count: int
    """1 grey, 3 colour (alpha left out, palettes resolved); of a TIFF its first channels."""
    dtype: np.dtype[Any]
    per_channel: bool = False


def read_header(path: Path) -> PictureHeader:
    """Read what a picture is, without decoding it.

    Raises
    ------
    VideoError
        It is no picture, is damaged, holds several frames, or claims an absurd size.
    """
    start = _start(path)
    if start[:4] in _TIFF:
        return _tiff_header(path)
    header = _png_header(path, start) if start.startswith(_PNG) else _other_header(path)
    check_size(path.name, header.size, header.count, header.dtype.itemsize)
    return header


def _png_header(path: Path, start: bytes) -> PictureHeader:
    if start[37:41] == b"acTL":
        raise _animated(path)
    # Pillow reports 16-bit colour as 8-bit, hence by hand.
    width, height, depth, kind = struct.unpack(">IIBB", start[16:26].ljust(10, b"\0"))
    return PictureHeader(
        (height, width),
        1 if kind in (0, 4) else 3,
        np.dtype(np.uint16 if depth == 16 else np.uint8),
    )


def _other_header(path: Path) -> PictureHeader:
    from PIL import Image, UnidentifiedImageError

    # A big picture is no attack here, and the limits are checked by the caller.
    with warnings.catch_warnings(), _damaged(path):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as picture:
                width, height = picture.size
                grey = picture.mode in ("1", "L", "LA")
                if picture.format == "WEBP" and getattr(picture, "is_animated", False):
                    raise _animated(path)
        except Image.DecompressionBombError as error:
            raise VideoError(
                f"{path.name} claims more pixels than can be opened.",
                "The file may be damaged; save it again, as PNG or TIFF if it is really so large.",
            ) from error
        except UnidentifiedImageError as error:
            raise VideoError(
                f"{path.name} is not a picture.", "Is it another kind of file under a wrong name?"
            ) from error
    return PictureHeader((height, width), 1 if grey else 3, np.dtype(np.uint8))


def _animated(path: Path) -> VideoError:
    return VideoError(
        f"{path.name} is an animation, of which only the first frame would be shown.",
        "Save it as gif or mp4.",
    )


def _start(path: Path) -> bytes:
    hint = "Check that it is there and that you may read it."
    with as_video_error(f"{path.name} cannot be read.", hint), path.open("rb") as file:
        return file.read(64)


def _damaged(path: Path) -> AbstractContextManager[None]:
    return as_video_error(f"{path.name} cannot be read as a picture.", "The file is damaged.")


def _open_single_tiff(path: Path) -> ArraySource:
    source = ArraySource(lambda: open_tiff(path), path.name)
    if source.length > 1:
        source.close()
        raise VideoError(
            f"{path.name} is a stack of {source.length} frames, and a folder is read as one "
            "picture a file.",
            "Open that file by itself.",
        )
    return source


def _tiff_header(path: Path) -> PictureHeader:
    source = _open_single_tiff(path)
    source.close()
    return PictureHeader(source.size, source.channels, source.dtype, source.per_channel)


def read_picture(path: Path, header: PictureHeader) -> AnyArray:
    """Decode a picture.

    Parameters
    ----------
    path : Path
    header : PictureHeader
        What `read_header` gave for it.

    Returns
    -------
    (H, W, C) array of the header's size, channels and dtype

    Raises
    ------
    VideoError
        It is damaged, or is no longer what its header said.
    """
    is_tiff = _start(path)[:4] in _TIFF
    with _damaged(path):
        raw = _read_tiff(path) if is_tiff else _decode(path, header.count)
    if raw.shape != (*header.size, header.count) or raw.dtype != header.dtype:
        raise VideoError(
            f"{path.name} is not what it was when the folder was opened.", "Open the folder again."
        )
    return raw


def _read_tiff(path: Path) -> AnyArray:
    source = _open_single_tiff(path)
    try:
        [(_, raw)] = source.read(0, lambda _: False)
        return raw
    finally:
        source.close()


def _decode(path: Path, count: int) -> AnyArray:
    import cv2

    # Unchanged keeps 16 bits and ignores a camera's orientation mark, as the header does.
    # Reading the bytes here lets paths have any letters on any system.
    content = np.fromfile(path, dtype=np.uint8)
    raw: AnyArray | None = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise VideoError(f"{path.name} cannot be decoded.", "The file is damaged or cut off.")
    if count == 1:
        # Grey with alpha comes as four samples, the first three alike.
        return raw.reshape(*raw.shape[:2], -1)[..., :1]
    return raw[..., 2::-1]
