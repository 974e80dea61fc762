"""Label maps of a data set: indexed or grey pictures, one a frame."""

from __future__ import annotations

from collections.abc import Iterable

from napari_ivos.video import LABEL_SUFFIXES
from napari_ivos.video import read_label_picture as read_labels

__all__ = ["LABEL_SUFFIXES", "has_void", "read_labels"]

_VOID = 255


def has_void(ids: Iterable[int]) -> bool:
    """Whether 255 means "belongs to nobody" in maps with these ids, as in DAVIS 2017.

    It does beside other ids unless they go all the way up to it, as they do where more than 254
    cells are numbered through.
    """
    known = set(ids)
    return _VOID in known and len(known - {0, _VOID}) > 0 and not {_VOID - 1, _VOID + 1} & known
