"""The array behind the layer of what a propagation changed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_ivos.gui._worker import Worker
from napari_ivos.session import Changes
from napari_ivos.types import AnyArray


class ChangesArray(QObject):
    """Looks like a (T, H, W) uint8 array of `Change`; a single frame is compared in the background.

    Until that is done the frame shows what was known of it before, or nothing: comparing a large
    frame would hold the window up. Several frames at once, which nobody looks at, are compared when
    they are read.

    Parameters
    ----------
    shape : (T, H, W)
    changes : callable
        Gives what is compared; None: nothing is.

    Signals
    -------
    arrived : ()
        The frame that was read last is known by now.
    """

    arrived = Signal()
    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, shape: tuple[int, int, int], changes: Callable[[], Changes | None]) -> None:
        super().__init__()
        self.shape = shape
        self._changes = changes
        self._wanted = -1
        self._known: tuple[int, object, NDArray[np.uint8]] | None = None
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_compared)
        self._worker.ended.connect(self._on_ended)

    @property
    def size(self) -> int:
        """Number of pixels in all frames."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> AnyArray:
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, int | np.integer):
            return np.asarray(self._shown(int(first) % len(self))[(*rest,)])
        changes, frames = self._changes(), np.arange(len(self))[first].tolist()
        stack = [self._blank() if changes is None else changes.difference(t) for t in frames]
        return np.stack(stack)[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All frames; a copy, always."""
        stack = self[:]
        return stack if dtype is None else stack.astype(dtype, copy=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> AnyArray:
        """The changes as they are now, for napari's copy of the layer."""
        return self.__array__()

    def close(self) -> None:
        """Compare no more."""
        self._worker.wait()

    def _blank(self) -> NDArray[np.uint8]:
        return np.zeros(self.shape[1:], dtype=self.dtype)

    def _shown(self, frame: int) -> NDArray[np.uint8]:
        changes, known = self._changes(), self._known
        sides = None if changes is None else changes.sides(frame)
        if changes is None or sides is None:
            return self._blank()
        if known is not None and known[:2] == (frame, sides):
            return known[2]
        self._wanted = frame
        if not self._worker.running:
            self._worker.start(lambda: _compared(changes, frame, sides))
        return self._blank() if known is None or known[0] != frame else known[2]

    def _on_compared(self, found: tuple[int, object, NDArray[np.uint8]]) -> None:
        self._known = found

    def _on_ended(self, error: Exception | None) -> None:
        wanted, self._wanted = self._wanted, -1
        if error is not None:
            raise error
        if self._known is not None and self._known[0] == wanted:
            self.arrived.emit()
        elif wanted >= 0:
            self._shown(wanted)  # somebody went on to another frame meanwhile


def _compared(
    changes: Changes, frame: int, sides: object
) -> Generator[tuple[int, object, NDArray[np.uint8]]]:
    yield frame, sides, changes.difference(frame)
