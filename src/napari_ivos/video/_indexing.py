"""What ``video[key]`` asks for, as numpy would understand it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np


def resolve_key(key: Any, length: int, ndim: int) -> tuple[int | Sequence[int], tuple[Any, ...]]:
    """Resolve an index into frames and what is wanted of each.

    Parameters
    ----------
    key
        What stands in the brackets. Index arrays are for the frames only.
    length : int
        Number of frames.
    ndim : int
        Number of axes, that of the frames included.

    Returns
    -------
    frames : int or sequence of int
        A number takes its axis away, as in numpy; all are 0 to length − 1.
    rest : tuple
        Index within each frame.

    Raises
    ------
    IndexError
        A frame is outside of the video.
    """
    first, rest = _split(key, ndim)
    if not isinstance(first, slice) and np.ndim(first) and any(np.ndim(other) for other in rest):
        # For numpy they name points together; what comes of them one by one is something else.
        raise IndexError("only the frames can be chosen by a list, not pixels with them")
    if isinstance(first, slice):
        return range(length)[first], rest
    if isinstance(first, SupportsIndex) and not isinstance(first, np.ndarray | bool | np.bool_):
        return _place(first, length), rest
    chosen = np.asarray(first)
    if chosen.dtype == np.bool_:
        if chosen.shape != (length,):
            raise IndexError(f"a mask over the frames needs the shape ({length},)")
        chosen = np.flatnonzero(chosen)
    if chosen.ndim == 0:
        return _place(chosen, length), rest
    if chosen.ndim > 1:
        raise IndexError("frames are chosen by a number, a slice or a list, not by a table")
    return [_place(place, length) for place in chosen], rest


def _split(key: Any, ndim: int) -> tuple[Any, tuple[Any, ...]]:
    if not isinstance(key, tuple):
        key = (key,)
    if not key:
        return slice(None), ()
    if key[0] is Ellipsis:
        # The dots stand for the frames too, unless every axis has an index besides.
        return (key[1], key[2:]) if len(key) > ndim else (slice(None), key)
    return key[0], key[1:]


def _place(index: SupportsIndex, length: int) -> int:
    try:
        place = index.__index__()
    except TypeError as error:
        raise IndexError(f"{index!r} is not the number of a frame") from error
    if not -length <= place < length:
        raise IndexError(f"frame {place} is outside of a video of {length} frames")
    return place % length
