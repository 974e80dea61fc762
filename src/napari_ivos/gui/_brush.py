"""The way of the brush over a layer, as the person drew it, with either mouse button."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_ivos.gui._layers import brush_label, object_of
from napari_ivos.scribbles import Stroke, make_stroke

if TYPE_CHECKING:
    from napari.layers import Labels

_LEFT, _RIGHT = 1, 2


class BrushPath:
    """Follows the mouse while it paints; the pixels alone do not say how the brush went.

    With the right button held the brush paints the background, whatever it paints else. For that
    napari's own use of this button ("encircle and fill") is switched off in this layer.

    Parameters
    ----------
    layer : napari.layers.Labels
        (T, H, W), not in its mode "paint" yet.
    nothing_to_paint : callable
        Is called when somebody draws while there is no object to draw: napari says nothing then.
    """

    def __init__(self, layer: Labels, nothing_to_paint: Callable[[], None] = lambda: None) -> None:
        self._layer, self._nothing_to_paint = layer, nothing_to_paint
        self._encircling: Any = None
        self._stroke: Stroke | None = None
        # napari's own painting comes after: it finds the right label, and the path complete.
        layer.mouse_drag_callbacks.insert(0, self._follow)
        layer.events.mode.connect(self._free_right_button)

    def take(self) -> Stroke | None:
        """The stroke that was finished last, once; None when there is no new one."""
        stroke, self._stroke = self._stroke, None
        return stroke

    def close(self) -> None:
        """Follow no more, and give the right button back."""
        self._layer.mouse_drag_callbacks.remove(self._follow)
        self._layer.events.mode.disconnect(self._free_right_button)
        if self._encircling is not None:
            self._encircling.enabled = self._layer.mode == "paint"

    def _free_right_button(self, event: Any) -> None:
        # napari has no public way to this, and hands plugins layers without their private parts;
        # the event has the layer itself. Each change of the mode switches it on or off anew.
        overlays = getattr(event.source, "_overlays", {})
        self._encircling = overlays.get("brush_stroke")  # there is none before napari 0.9
        if self._encircling is not None:
            self._encircling.enabled = False

    def _follow(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        self._stroke = None
        if layer.mode != "paint" or event.button not in (_LEFT, _RIGHT):
            return
        chosen = layer.selected_label
        if event.button == _RIGHT:
            _choose(layer, brush_label(0, background=True))
        if layer.selected_label == 0:
            self._nothing_to_paint()
            return
        object_id = object_of(layer.selected_label)
        points = [layer.world_to_data(event.position)[-3:]]
        yield
        # By now napari knows what to paint until the button is lifted.
        _choose(layer, chosen)
        while event.type == "mouse_move":
            points.append(layer.world_to_data(event.position)[-3:])
            yield
        way = np.round(points)
        # So wide are napari's brushes.
        radius = np.floor(layer.brush_size / 2) + 0.5
        self._stroke = make_stroke(int(way[0, 0]), object_id, way[:, 1:], radius)


def _choose(layer: Labels, label: int) -> None:
    """Paint this, and tell nobody: what the person chose stays chosen."""
    with layer.events.selected_label.blocker():
        layer.selected_label = label
