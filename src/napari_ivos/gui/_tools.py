"""What the mouse does on the canvas: the tool that is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from qtpy.QtCore import QObject, Signal

from napari_ivos.gui._layers import MASKS, SHAPES, STROKES, part_of

if TYPE_CHECKING:
    import napari

Tool: TypeAlias = Literal["", "brush", "eraser", "paint", "lasso", "polygon", "lines"]
"""One of the tools of the dock; "" while the mouse does something else."""

_LINES = ("add_line", "add_polyline", "add_path", "add_rectangle", "add_ellipse")
_TOOLS: dict[str, dict[str, Tool]] = {
    STROKES: {"paint": "brush", "erase": "eraser"},
    # Whatever changes the masks makes pixels a person's.
    MASKS: dict.fromkeys(("paint", "erase", "fill", "polygon"), "paint"),
    SHAPES: {
        "add_polygon_lasso": "lasso",
        "add_polygon": "polygon",
        **dict.fromkeys(_LINES, "lines"),
    },
}


class ToolInUse(QObject):
    """Follows the selected layer and its mode, whoever changes them.

    Parameters
    ----------
    viewer : napari.Viewer

    Signals
    -------
    changed : ()
        Another tool may be in use.
    """

    changed = Signal()

    def __init__(self, viewer: napari.Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._selection = viewer.layers.selection
        self._layer: Any = None
        self._selection.events.active.connect(self._on_active)
        self._on_active()

    @property
    def tool(self) -> Tool:
        """The tool in use."""
        layer = self._layer
        return "" if layer is None else _TOOLS.get(part_of(layer), {}).get(str(layer.mode), "")

    def close(self) -> None:
        """Follow no more."""
        self._selection.events.active.disconnect(self._on_active)
        self._follow(None)

    def _on_active(self) -> None:
        self._follow(self._selection.active)
        self.changed.emit()

    def _follow(self, layer: Any) -> None:
        if self._layer is not None:
            self._layer.events.mode.disconnect(self._on_mode)
        self._layer = layer
        if layer is not None:
            layer.events.mode.connect(self._on_mode)

    def _on_mode(self) -> None:
        self.changed.emit()
