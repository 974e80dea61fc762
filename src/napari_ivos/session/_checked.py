"""Values that a file claims, taken only if they make sense."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from napari_ivos.masks import MAX_ID
from napari_ivos.session._state import Relabels, SessionObject

MOST = 2**53
"""The largest whole number that every reader of JSON keeps."""


def whole(value: Any, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
    return value


def number(value: Any) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def scores(values: Any) -> tuple[float, ...]:
    """Numbers, nan for what is not known."""
    return tuple(math.nan if value is None else number(value) for value in values)


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def object_id(value: Any) -> int:
    """The id of an object."""
    return whole(value, 1, MAX_ID)


def object_ids(values: Iterable[Any]) -> tuple[int, ...]:
    """Ids of objects."""
    return tuple(object_id(value) for value in values)


def session_object(
    given: Any, name: Any, locked: Any, visible: Any = True, parent: Any = 0
) -> SessionObject:
    """An object; old projects say neither whether it is shown nor what its parent is."""
    return SessionObject(
        object_id(given),
        text(name),
        locked=locked is True,
        visible=visible is True,
        parent=whole(parent, 0, MAX_ID),
    )


def relabels(pairs: Iterable[Any], lowest: int = 0) -> Relabels:
    """Ids, and what they read as, from `lowest` on."""
    return tuple((object_id(old), whole(new, lowest, MAX_ID)) for old, new in pairs)


FIELDS: dict[str, Callable[[Any], Any]] = {
    "objects": lambda value: tuple(session_object(*item) for item in value),
    "removed": lambda value: frozenset(object_ids(value)),
    "merged": relabels,
    "next_id": lambda value: whole(value, 1, MAX_ID + 1),
}
"""Fields of the state that are read by themselves, and how."""
