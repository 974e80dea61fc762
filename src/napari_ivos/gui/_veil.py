"""What the viewer lays over the video to show the masks otherwise: made for one frame a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray, LabelMap

Draw: TypeAlias = Callable[[int, LabelMap], NDArray[np.uint8]]
"""From a frame's number and its masks to the (H, W, 4) picture."""

# Colours that people with any colour vision tell apart (Okabe and Ito), and patterns for all.
_HERE, _THERE, _OTHER = (230, 159, 0), (86, 180, 233), (204, 121, 167)
_SAME = (255, 255, 255, 50)
_ALPHA, _FAINT = 220, 90
_CELL = 3


class VeilArray:
    """A (T, H, W, 4) uint8 picture of which each frame is drawn when it is looked at.

    Parameters
    ----------
    shape : (T, H, W)
    labels : callable
        Gives a frame's (H, W) label map.
    draw : callable
        See `Draw`.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self, shape: tuple[int, int, int], labels: Callable[[int], LabelMap], draw: Draw
    ) -> None:
        self.shape = (*shape, 4)
        self.draw = draw
        self._labels = labels
        self._drawn: tuple[int, LabelMap, Draw, NDArray[np.uint8]] | None = None

    @property
    def size(self) -> int:
        """Number of values in all frames."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> AnyArray:
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, int | np.integer):
            return np.asarray(self._picture(int(first))[(*rest,)])
        frames = np.arange(len(self))[first].tolist()
        return np.stack([self._picture(frame)[(*rest,)] for frame in frames])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All frames; a copy, always."""
        return np.asarray(self[:], dtype=dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> AnyArray:
        """The pictures as they are now, for napari's copy of the layer."""
        return self.__array__()

    def is_up_to_date(self, frame: int) -> bool:
        """Whether what was drawn last is this frame as it is now."""
        drawn = self._drawn
        return (
            drawn is not None
            and drawn[0] == frame
            and drawn[2] is self.draw
            and np.array_equal(drawn[1], self._labels(frame))
        )

    def _picture(self, frame: int) -> NDArray[np.uint8]:
        if self._drawn is None or not self.is_up_to_date(frame):
            labels = np.array(self._labels(frame))
            self._drawn = (frame, labels, self.draw, self.draw(frame, labels))
        return self._drawn[3]


@dataclass(frozen=True, slots=True)
class Difference:
    """How one label map differs from another, in pixels of objects."""

    same: int
    only_here: int
    only_there: int
    other: int
    """In both, but another object."""

    def told(self, name: str) -> str:
        """In words."""
        total = self.same + self.only_here + self.only_there + self.other
        if not total:
            return f"Nothing here, and nothing in '{name}'."
        return (
            f"{self.same / total:.1%} alike. Pixels only here: {self.only_here} (orange); only in "
            f"'{name}': {self.only_there} (blue, chequered); another object: {self.other} "
            "(striped)."
        )


def difference(here: LabelMap, there: AnyArray) -> Difference:
    """Count where two (H, W) label maps differ."""
    only_here, only_there, other = _parts(here, there)
    counts = [int(np.count_nonzero(part)) for part in (only_here, only_there, other)]
    return Difference(int(np.count_nonzero((here == there) & (here > 0))), *counts)


def draw_difference(here: LabelMap, there: AnyArray) -> NDArray[np.uint8]:
    """Where two (H, W) label maps differ: in colours and patterns; faint where they agree.

    Returns
    -------
    (H, W, 4) uint8
    """
    only_here, only_there, other = _parts(here, there)
    out = np.zeros((*here.shape, 4), dtype=np.uint8)
    out[(here == there) & (here > 0)] = _SAME
    y, x = np.ogrid[: here.shape[0], : here.shape[1]]
    cell = ((y // _CELL + x // _CELL) % 2).astype(bool)
    stripe = (((y + x) // _CELL) % 2).astype(bool)
    for part, colour, pattern in (
        (only_here, _HERE, True),
        (only_there, _THERE, cell),
        (other, _OTHER, stripe),
    ):
        out[part] = (*colour, _FAINT)
        out[part & pattern] = (*colour, _ALPHA)
    return out


def _parts(
    here: LabelMap, there: AnyArray
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    return (
        (here > 0) & (there == 0),
        (here == 0) & (there > 0),
        (here > 0) & (there > 0) & (here != there),
    )
