"""The session's layers stay on their video, wherever that is moved to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_ivos.gui._layers import placement

if TYPE_CHECKING:
    from napari.layers import Image

_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


class StayOnVideo(QObject):
    """Moves layers along with an image layer, and back to it when they are moved themselves.

    Else what is drawn in them would be about other pixels than those under the brush.

    Parameters
    ----------
    image : napari.layers.Image
    told : callable
        Is given the name of a layer that was moved by itself, and put back.
    parent : QObject
    """

    def __init__(self, image: Image, told: Callable[[str], None], parent: QObject) -> None:
        super().__init__(parent)
        self._image, self._told = image, told
        self._layers: list[Any] = []
        self._moved: set[str] = set()
        # A moment later: napari sets one after the other, and is in the middle of it.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._place)
        self._connect(image, self._on_image)

    def keep(self, layer: Any) -> None:
        """Keep this layer, which lies on the image, there."""
        self._layers.append(layer)
        self._connect(layer, self._on_moved)

    def release(self, layer: Any) -> None:
        """Keep it no more."""
        if layer in self._layers:
            self._layers.remove(layer)
            self._disconnect(layer, self._on_moved)

    def close(self) -> None:
        """Keep none."""
        self._soon.stop()
        for layer in tuple(self._layers):
            self.release(layer)
        self._disconnect(self._image, self._on_image)

    def _connect(self, layer: Any, heard: Callable[..., None]) -> None:
        for name in _EVENTS:
            getattr(layer.events, name).connect(heard)

    def _disconnect(self, layer: Any, heard: Callable[..., None]) -> None:
        for name in _EVENTS:
            getattr(layer.events, name).disconnect(heard)

    def _on_image(self, _event: Any) -> None:
        self._soon.start()

    def _on_moved(self, event: Any) -> None:
        self._moved.add(event.source.name)
        self._soon.start()

    def _place(self) -> None:
        by_themselves, self._moved = self._moved, set()
        wanted = placement(self._image)
        put_back = [layer.name for layer in self._layers if _put(layer, wanted)]
        # To put them there was to move them.
        self._soon.stop()
        self._moved.clear()
        for name in put_back:
            if name in by_themselves:
                self._told(name)


def _put(layer: Any, wanted: dict[str, Any]) -> bool:
    """Put a layer in this place; False when it is there."""
    elsewhere = [name for name, value in wanted.items() if not _same(getattr(layer, name), value)]
    for name in elsewhere:
        setattr(layer, name, wanted[name])
    return bool(elsewhere)


def _same(one: Any, other: Any) -> bool:
    one, other = (getattr(value, "affine_matrix", value) for value in (one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and bool(np.allclose(one, other))
    return bool(one == other)
