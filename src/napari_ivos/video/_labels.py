"""Label maps in: stacks, folders and arrays of object ids, read frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray
from napari_ivos.video._array import ArraySource
from napari_ivos.video._folder import list_pictures
from napari_ivos.video._label_pictures import LABEL_SUFFIXES, read_label_picture
from napari_ivos.video._open import open_video
from napari_ivos.video._pictures import PICTURE_SUFFIXES
from napari_ivos.video._source import as_video_error
from napari_ivos.video._tiff import open_tiff
from napari_ivos.video._video import Video
from napari_ivos.video._zarr import is_zarr

_MASKS = "masks"
"""What the array is called in a NumPy archive; an only one may have any name."""


class LabelStack:
    """Label maps of one size, which are read when they are asked for. Made by `open_labels`.

    Parameters
    ----------
    name : str
    shape : (T, H, W)
    read : callable
        Gives the (H, W) map of a frame.
    close : callable
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, int, int],
        read: Callable[[int], AnyArray],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.name, self.shape = name, shape
        self._read, self.close = read, close

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> AnyArray:
        """The (H, W) map of a frame, in the type that it is kept in.

        Raises
        ------
        IndexError
            There is no such frame.
        VideoError
            It cannot be read.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} is outside of a stack of {len(self)}")
        return self._read(index)


def open_labels(source: Any) -> LabelStack:
    """Open label maps without loading them.

    Parameters
    ----------
    source : path or array
        A TIFF stack, ``.npy``, ``.npz`` (its array "masks", or its only one), a zarr or OME-Zarr
        folder, a picture, or a folder of indexed or grey pictures in natural order; or anything
        indexed by the frame, of shape (T, H, W) or (H, W).

    Returns
    -------
    LabelStack
        Of one frame for a single map.

    Raises
    ------
    VideoError
        It cannot be read, or holds no label maps.
    """
    if not isinstance(source, str | PathLike):
        return _of_array(source)
    path = Path(source).expanduser().absolute()
    with as_video_error(f"{path} cannot be read.", "Check the path, and that you may read it."):
        if not path.exists():
            raise VideoError(f"There is no file or folder {path}.", "Check the path.")
        if path.is_dir() and path.suffix.lower() != ".zarr" and not is_zarr(path):
            return _of_pictures(path.name, [p for p in list_pictures(path) if _keeps_labels(p)])
    if path.suffix.lower() in PICTURE_SUFFIXES - LABEL_SUFFIXES:
        raise VideoError(
            f"{path.name} is of a kind of picture that does not keep labels as they are.",
            "Use png or tif.",
        )
    if path.suffix.lower() == ".npz":
        return _of_archive(path)
    if _keeps_labels(path) and path.suffix.lower() not in (".tif", ".tiff"):
        return _of_pictures(path.name, [path])
    return _of_video(path)


def _keeps_labels(path: Path) -> bool:
    return path.suffix.lower() in LABEL_SUFFIXES


def _of_array(array: Any) -> LabelStack:
    shape = tuple(int(n) for n in np.shape(array))
    if len(shape) == 2:
        return LabelStack("labels", (1, *shape), lambda _: np.asarray(array))
    if len(shape) != 3:
        raise VideoError(
            f"Labels of shape {shape} are no label maps of a video.",
            "Give (frames, height, width), or (height, width) for a single frame.",
        )
    return LabelStack("labels", shape, lambda index: np.asarray(array[index]))


def _of_pictures(name: str, files: list[Path]) -> LabelStack:
    from PIL import Image

    if not files:
        raise VideoError(
            f"The folder {name} holds no pictures that keep labels as they are.",
            "Use png or tif; jpg does not keep them.",
        )
    damaged = as_video_error(
        f"{files[0].name} cannot be read as a picture.", "The file is damaged or something else."
    )
    with damaged, Image.open(files[0]) as first:
        size = first.height, first.width
    return LabelStack(
        name, (len(files), *size), lambda index: read_label_picture(files[index], size)
    )


def _of_video(path: Path) -> LabelStack:
    """A stack in which intensities are labels."""
    tiff = path.suffix.lower() in (".tif", ".tiff")
    stack = ArraySource(partial(open_tiff, path, values=True), path.name, path) if tiff else None
    video = open_video(path, cache_bytes=0) if stack is None else Video(stack, cache_bytes=0)

    def read(index: int) -> AnyArray:
        raw = video.intensities(index)
        if raw.shape[-1] != 1:
            raise VideoError(
                f"{path.name} has {raw.shape[-1]} channels, so it holds no labels.",
                "Give a stack of one number for each pixel.",
            )
        return raw[..., 0]

    length, height, width, _ = video.shape
    return LabelStack(path.name, (length, height, width), read, video.close)


def _of_archive(path: Path) -> LabelStack:
    """An array of a NumPy archive, which is read from front to back."""
    with as_video_error(
        f"{path.name} is no NumPy archive with an array '{_MASKS}'.",
        "Save it with numpy.savez_compressed(path, masks=labels).",
    ):
        archive = ZipFile(path)
        names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
        name = names[0] if len(names) == 1 else _MASKS
        stream = archive.open(f"{name}.npy")
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
        shape, fortran, dtype = (header or np.lib.format.read_array_header_2_0)(stream)
    if dtype.hasobject or len(shape) not in (2, 3):
        archive.close()
        raise VideoError(f"The array '{name}' in {path.name} is no stack of labels.")
    if fortran:
        # Column by column: no frame can be had without all others.
        archive.close()
        with as_video_error(f"{path.name} cannot be read.", "The file is damaged or cut off."):
            return _of_array(np.load(path, allow_pickle=False)[name])
    begin, (length, height, width) = stream.tell(), shape if len(shape) == 3 else (1, *shape)
    count = height * width * dtype.itemsize

    def read(index: int) -> AnyArray:
        with as_video_error(
            f"Frame {index} of {path.name} cannot be read.", "The file is damaged or cut off."
        ):
            stream.seek(begin + index * count)
            return np.frombuffer(stream.read(count), dtype).reshape(height, width)

    return LabelStack(path.name, (length, height, width), read, archive.close)
