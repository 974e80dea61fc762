"""What a file format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ExportError
from napari_ivos.types import AnyArray, Frame, LabelMap, ObjectId


class Masks(Protocol):
    """Label maps of a whole video, read frame by frame: an array, or anything that is like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Uint16, or what fits into it."""

    def __getitem__(self, index: int, /) -> AnyArray:
        """Frame `index` as (H, W)."""


class NamedObject(Protocol):
    """An object as the session keeps it."""

    @property
    def id(self) -> ObjectId: ...
    @property
    def name(self) -> str: ...


class Pictures(Protocol):
    """The video that the masks belong to, as far as formats need it; `Video` is one."""

    @property
    def scale(self) -> tuple[float, float] | None:
        """Pixel size (y, x) in the file's own unit."""

    @property
    def unit(self) -> str | None:
        """That unit by its sign, such as "µm", where it is known."""

    @property
    def frame_rate(self) -> float | None:
        """Frames per second."""

    def __getitem__(self, index: int, /) -> Frame:
        """Frame `index` as (H, W, 3) uint8 RGB."""

    def intensities(self, index: int, /) -> AnyArray:
        """Frame `index` as the file holds it, (H, W, C)."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where the mask of one frame comes from."""

    accepted: bool
    """Whether a person answers for the whole frame."""
    annotated: bool
    """Whether a person drew or painted on it."""
    human: NDArray[np.int32] | None
    """(H, W): ids of the pixels that a person painted, imported or accepted, −1 elsewhere."""
    reliability: Mapping[ObjectId, float] = field(default_factory=dict)
    """0–1 of its objects, nan where unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class ExportJob:
    """Everything that a format may write."""

    masks: Masks
    objects: tuple[NamedObject, ...]
    reliability: NDArray[np.float64] | None
    """(T,), nan where unknown; None when nobody knows it."""
    video: Pictures | None = None
    origin: Callable[[int], Origin] | None = None
    parents: Mapping[ObjectId, ObjectId] = field(default_factory=dict)
    """Of objects that came from a division: what divided."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        length, height, width = self.masks.shape
        return length, height, width

    def frames(self) -> Iterator[LabelMap]:
        """Read the label maps one by one, each (H, W) uint16 and contiguous."""
        for index in range(self.shape[0]):
            yield np.ascontiguousarray(self.masks[index], dtype=np.uint16)


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write masks; a module of this package that holds one as `FORMAT` is found."""

    suffixes: tuple[str, ...]
    """Lower case, with the dot; empty for a folder whose name has no extension."""
    title: str
    name: str
    """What users choose it by where the path does not say it."""
    write: Callable[..., None]
    """``write(target, job, **options)``. The target does not exist yet (of a folder format: is an
    empty folder) and is not where the user will find it: a whole result is moved there."""
    check: Callable[..., None] = lambda _ids, **_options: None
    """``check(ids, **options)`` raises `ExportError` when such ids cannot be written."""
    earlier: Callable[[Path], bool] | None = None
    """For a folder format: whether all that a folder holds was written by this format."""
    needs_video: bool = False


def check_masks(masks: Masks) -> None:
    """Raise `ExportError` unless these are (T, H, W) labels that fit into uint16."""
    if len(masks.shape) != 3 or masks.shape[0] == 0:
        raise ExportError(
            f"Masks of shape {tuple(masks.shape)} cannot be exported.", "Give (T, H, W), T ≥ 1."
        )
    if not np.can_cast(masks.dtype, np.uint16):
        raise ExportError(
            f"Masks of the type {masks.dtype} cannot be exported.", "Convert them to uint16 first."
        )
