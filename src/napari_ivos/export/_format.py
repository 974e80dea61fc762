"""What a file format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ExportError
from napari_ivos.types import AnyArray, LabelMap, ObjectId


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


@dataclass(frozen=True, slots=True, eq=False)
class ExportJob:
    """Everything that a format may write."""

    masks: Masks
    objects: tuple[NamedObject, ...]
    reliability: NDArray[np.float64] | None
    """(T,), nan where unknown; None when nobody knows it."""

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
    """Lower case, with the dot; empty for the format of a path without any: a folder."""
    title: str
    write: Callable[..., None]
    """``write(target, job, **options)``. The target does not exist yet (of a folder format: is an
    empty folder) and is not where the user will find it: a whole result is moved there."""
    check: Callable[..., None] = lambda _ids, **_options: None
    """``check(ids, **options)`` raises `ExportError` when such ids cannot be written."""
    earlier: Callable[[Path], bool] | None = None
    """For a folder format: whether all that a folder holds was written by this format."""


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
