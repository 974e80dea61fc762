"""Work for the next frame while another is worked on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from napari_ivos.methods._protocol import Frames
from napari_ivos.types import Frame

_T = TypeVar("_T")


def ahead(video: Frames, indices: Sequence[int]) -> Generator[tuple[int, Frame]]:
    """Frames in the order given, the next one read while the last is worked on."""
    return made_ahead((index, video[index]) for index in indices)


def made_ahead(items: Iterator[_T]) -> Generator[_T]:
    """Items of an iterator, the next one made by a thread while the last is worked on.

    Parameters
    ----------
    items : iterator
        Used by that thread alone. What it raises is raised where its item would come.
    """
    with ThreadPoolExecutor(1, "napari-ivos-ahead") as maker:
        coming = maker.submit(_next, items)
        while item := coming.result():
            coming = maker.submit(_next, items)
            yield item[0]


def _next(items: Iterator[_T]) -> tuple[_T] | None:
    for item in items:
        return (item,)
    return None
