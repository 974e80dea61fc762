"""Folders of pictures, one a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray
from napari_ivos.video._channels import Channels, choose_channels, pick
from napari_ivos.video._pictures import PICTURE_SUFFIXES, PictureHeader, read_header, read_picture


def list_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder in natural order (frame2 before frame10), hidden files left out.

    Raises
    ------
    VideoError
        There are none.
    """
    from natsort import natsorted, ns

    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    ]
    if not found:
        raise VideoError(
            f"The folder {folder.name} holds no pictures.",
            f"Choose one with files of the kinds {', '.join(sorted(PICTURE_SUFFIXES))}.",
        )
    return natsorted(found, key=lambda path: path.name, alg=ns.IGNORECASE)


class PictureSource:
    """Frames from single pictures.

    Pictures of 8 and of 16 bits may stand side by side: the 8-bit ones are then stretched by 257,
    so that white stays white. Grey ones among colour ones become colour.

    Parameters
    ----------
    path : Path
        The folder or single picture.
    name : str
        The video's name.
    files : sequence of Path
        The pictures in order.
    channels : int, sequence of int, or None
        See `choose_channels`.

    Raises
    ------
    VideoError
        A picture cannot be read, or sizes or channels differ.
    """

    scale: tuple[float, float] | None = None
    unit: str | None = None
    frame_rate: float | None = None

    def __init__(
        self, path: Path, name: str, files: Sequence[Path], channels: Channels | None = None
    ) -> None:
        headers = [read_header(file) for file in files]
        _check_alike(files, headers)
        self.path: Path | None = path
        self.name = name
        self._pictures = list(zip(files, headers, strict=True))
        self.length = len(files)
        self.size = headers[0].size
        self.dtype = np.result_type(*{header.dtype for header in headers})
        self.per_channel = headers[0].per_channel
        self._count = max(header.count for header in headers)
        self._chosen = choose_channels(channels, self._count, self.per_channel, name)

    def read(self, index: int, also: Callable[[int], bool]) -> Iterator[tuple[int, AnyArray]]:
        """Read one frame; see `FrameSource`."""
        raw = read_picture(*self._pictures[index])
        if raw.dtype == np.uint8 and self.dtype == np.uint16:
            raw = raw.astype(np.uint16) * 257
        if raw.shape[2] < self._count:
            raw = np.repeat(raw, self._count, axis=2)
        yield index, pick(raw, self._chosen).astype(self.dtype, copy=False)

    def reopen(self) -> PictureSource:
        """Independent reader; nothing is open between frames, so it is the same one."""
        return self

    def close(self) -> None:
        """Nothing to do: files are open only while they are read."""


def _check_alike(files: Sequence[Path], headers: Sequence[PictureHeader]) -> None:
    first = headers[0]
    colours = {header.count for header in headers}
    for file, header in zip(files, headers, strict=True):
        if header.size != first.size:
            raise VideoError(
                f"{files[0].name} has {first.size[0]} × {first.size[1]} pixels and {file.name} "
                f"has {header.size[0]} × {header.size[1]}.",
                "Keep pictures of one size in the folder.",
            )
        mixed = colours != {1, 3} and header.count != first.count
        if mixed or header.per_channel != first.per_channel:
            raise VideoError(
                f"{files[0].name} has {first.count} channels and {file.name} has {header.count}.",
                "Keep pictures of one kind in the folder.",
            )
