"""One door for whatever a video may come as."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.video._array import ArraySource, Stack, is_array_like
from napari_ivos.video._channels import Channels
from napari_ivos.video._folder import PictureSource, list_pictures
from napari_ivos.video._layer import is_image_layer, layer_axes, layer_data, layer_scale
from napari_ivos.video._media import MEDIA_SUFFIXES, MediaSource
from napari_ivos.video._pictures import PICTURE_SUFFIXES
from napari_ivos.video._source import FrameSource, as_video_error
from napari_ivos.video._tiff import open_tiff
from napari_ivos.video._video import DEFAULT_CACHE_BYTES, Video
from napari_ivos.video._zarr import array_stack, is_zarr, open_zarr

_TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_MICROSCOPE_SUFFIXES = frozenset({".nd2", ".czi", ".lif", ".lsm", ".oib", ".oif", ".vsi", ".ims"})


def open_video(
    source: Any,
    axes: str | None = None,
    channels: Channels | None = None,
    *,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
) -> Video:
    """Open a video: frames in, as a lazy (T, H, W, 3) uint8 array.

    Parameters
    ----------
    source : path, array or napari Image layer
        A movie file (mp4, mov, avi, mkv, webm, gif, …), a TIFF stack, a folder of pictures, a
        single picture, a ``.npy`` file, a zarr or OME-Zarr folder; a numpy, dask or zarr array or
        anything indexed alike; an open napari Image layer (of several scales the finest). A
        two-dimensional image is a video of one frame. A `Video` is returned as it is.
    axes : str, optional
        One letter per axis of a stack or array, such as "TYX" or "TCYX": T time, Z depth, C
        channels, S colour samples, Y rows, X columns. Frames go along T, or else Z; axes of size 1
        do not count. By default what the file says (except that more than four channels without
        time or depth are taken for frames); else a last axis of 3 or 4 in 8 or 16 bits is colour,
        and what is left before the picture is time.
    channels : int or sequence of up to 3 int, optional
        One channel to show grey, or those to show red, green and blue. By default the first
        three, or the colours without alpha.
    cache_bytes : int, optional
        Bytes of frames to keep in memory at most.

    Returns
    -------
    Video

    Raises
    ------
    VideoError
        The source is missing, damaged, of an unknown kind, or not a video; or `axes` or `channels`
        do not fit it.

    Notes
    -----
    8-bit intensities are kept. Others are mapped alike in all frames; see `IntensityMapping`.
    """
    if is_image_layer(source) and isinstance(source.data, Video):
        source = source.data
    if isinstance(source, Video):
        if axes is not None or channels is not None:
            raise VideoError(
                f"The video {source.name} is open already, with its axes and channels chosen.",
                "Give the file or array again instead of the open video.",
            )
        return source
    if isinstance(source, str | PathLike):
        opened = _open_path(Path(source).expanduser().absolute(), axes, channels)
        return Video(opened, cache_bytes, axes=axes, channels=channels)
    if is_image_layer(source):
        stack = Stack(layer_data(source), layer_axes(source), layer_scale(source))
        name = str(source.name)
    elif is_array_like(source):
        stack, name = array_stack(source), "array"
    else:
        raise VideoError(
            f"A {type(source).__name__} is not a video.",
            "Give a path, an array of shape (frames, height, width[, 3]), or a napari Image layer.",
        )
    return Video(ArraySource(lambda: stack, name, None, axes, channels), cache_bytes)


def _open_path(path: Path, axes: str | None, channels: Channels | None) -> FrameSource:
    suffix = path.suffix.lower()
    with as_video_error(f"{path} cannot be read.", "Check the path, and that you may read it."):
        whole = path.is_dir() and suffix != ".zarr"
        name = path.name if whole else path.stem.removesuffix(".ome")
        if not path.exists():
            raise VideoError(f"There is no file or folder {path}.", "Check the path.")
        if path.is_dir():
            if suffix == ".zarr" or is_zarr(path):
                return ArraySource(partial(open_zarr, path), name, path, axes, channels)
            _refuse_axes(path, axes)
            return PictureSource(path, name, list_pictures(path), channels)
        if path.stat().st_size == 0:
            raise VideoError(f"{path.name} is empty.", "Copy or record it again.")
    return _open_file(path, name, axes, channels)


def _open_file(path: Path, name: str, axes: str | None, channels: Channels | None) -> FrameSource:
    suffix = path.suffix.lower()
    if suffix in _TIFF_SUFFIXES:
        return ArraySource(partial(open_tiff, path), name, path, axes, channels)
    if suffix == ".npy":
        return ArraySource(partial(_open_npy, path), name, path, axes, channels)
    if suffix in MEDIA_SUFFIXES:
        _refuse_axes(path, axes)
        return MediaSource(path, name, channels)
    if suffix in PICTURE_SUFFIXES:
        _refuse_axes(path, axes)
        return PictureSource(path, name, [path], channels)
    if suffix in _MICROSCOPE_SUFFIXES:
        raise VideoError(
            f"{path.name} is a microscope's own format, which cannot be opened directly.",
            "Open it in napari with a reader plugin and use that layer, or save it as OME-TIFF.",
        )
    raise VideoError(
        f"{path.name} is not of a kind that can be opened."
        if not suffix
        else f"Files that end in {path.suffix} cannot be opened as a video.",
        "Use mp4, mov, avi, mkv, webm, gif, tif, npy, zarr, or a folder of png, jpg or tif.",
    )


def _open_npy(path: Path) -> Stack:
    with as_video_error(
        f"{path.name} cannot be read as a numpy array.",
        "The file is damaged, cut off, or holds Python objects.",
    ):
        return Stack(np.load(path, mmap_mode="r", allow_pickle=False))


def _refuse_axes(path: Path, axes: str | None) -> None:
    if axes is not None:
        raise VideoError(
            f"axes= is for stacks and arrays; the axes of {path.name} are known.",
            "Leave axes= out.",
        )
