"""The way of the brush over a layer, as the person drew it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_ivos.gui._layers import object_of
from napari_ivos.scribbles import Stroke, make_stroke

if TYPE_CHECKING:
    from napari.layers import Labels


class BrushPath:
    """Follows the mouse while it paints; the pixels alone do not say how the brush went.

    Parameters
    ----------
    layer : napari.layers.Labels
        (T, H, W).
    """

    def __init__(self, layer: Labels) -> None:
        self._stroke: Stroke | None = None
        # napari's own painting comes after: its last event finds the path complete.
        layer.mouse_drag_callbacks.insert(0, self._follow)

    def take(self) -> Stroke | None:
        """The stroke that was finished last, once; None when there is no new one."""
        stroke, self._stroke = self._stroke, None
        return stroke

    def _follow(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        self._stroke = None
        if layer.mode != "paint" or event.button != 1:
            return
        points = [layer.world_to_data(event.position)[-3:]]
        yield
        while event.type == "mouse_move":
            points.append(layer.world_to_data(event.position)[-3:])
            yield
        way = np.round(points)
        # So wide are napari's brushes.
        radius = np.floor(layer.brush_size / 2) + 0.5
        object_id = object_of(layer.selected_label)
        self._stroke = make_stroke(int(way[0, 0]), object_id, way[:, 1:], radius)
