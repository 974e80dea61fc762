"""The arrays that were used last."""

from __future__ import annotations

from collections import OrderedDict

from napari_ivos.session._disk import Key
from napari_ivos.types import AnyArray


class Latest:
    """Keeps arrays up to a size, and of more than that those that were used last.

    Parameters
    ----------
    limit : int
        Bytes. The newest array stays whatever its size.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._arrays: OrderedDict[Key, AnyArray] = OrderedDict()
        self.held = 0
        """Bytes kept."""

    def get(self, key: Key) -> AnyArray | None:
        """The array; None when it is not kept."""
        array = self._arrays.get(key)
        if array is not None:
            self._arrays.move_to_end(key)
        return array

    def put(self, key: Key, array: AnyArray) -> None:
        """Keep an array."""
        if key in self._arrays:
            return
        self._arrays[key] = array
        self.held += array.nbytes
        while self.held > self._limit and len(self._arrays) > 1:
            self.drop(next(iter(self._arrays)))

    def drop(self, key: Key) -> None:
        """Keep an array no more, if it was kept."""
        array = self._arrays.pop(key, None)
        if array is not None:
            self.held -= array.nbytes

    def clear(self) -> None:
        """Keep nothing."""
        self._arrays.clear()
        self.held = 0
