"""How the masks are shown: as napari does, as outlines, or as the authors' demonstrations do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_ivos.export import veil
from napari_ivos.gui import _settings
from napari_ivos.gui._colours import BRIGHT, PALETTES, object_colours
from napari_ivos.gui._layers import MASK_OPACITY, is_same, placement, veil_style
from napari_ivos.gui._veil import Draw, VeilArray, difference, draw_difference
from napari_ivos.types import AnyArray, LabelMap

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_ivos.gui._controller import Controller

LOOKS = {
    "masks": ("Masks", "Objects tinted in their colours"),
    "contour": ("Outlines", "Outlines alone"),
    "colour": ("Colour", "Objects tinted, with bright outlines"),
    "davis": ("DAVIS", "Objects tinted, with black outlines"),
    "fade": ("Fade", "Objects as they are, the rest darkened"),
    "checker": ("Checker", "Objects alone, on a chequered ground"),
    "cut": ("Cut out", "Objects alone, on magenta"),
}
"""The ways: what they are called, and what is to be seen."""

_OUTLINE = 2
_PALETTE = "palette"


class Looks(QObject):
    """Shows the masks of the session in one of several ways, or how they differ from others.

    Nothing is made for frames that nobody looks at.

    Parameters
    ----------
    controller : Controller

    Signals
    -------
    changed : ()
        Another way, or another difference.
    """

    changed = Signal()

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.look = "masks"
        remembered = _settings.remembered(_PALETTE)
        self.palette = remembered if remembered in PALETTES else BRIGHT
        """In which colours objects are shown; one of `PALETTES`."""
        self.other: Labels | None = None
        """The layer that the masks are compared with."""
        self._controller = controller
        self._layer: Image | None = None
        self._view: Any = None
        controller.session_changed.connect(self._on_session)
        controller.frame_changed.connect(self._refresh)
        controller.viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        """Let go of the viewer."""
        self._controller.viewer.layers.events.removed.disconnect(self._on_removed)
        self._take_away()

    def show(self, look: str) -> None:
        """Show the masks in this way, and compare them no more."""
        self.look, self.other = look, None
        self._apply()

    def show_next(self) -> None:
        """Show the masks in the next way."""
        names = list(LOOKS)
        after = names[(names.index(self.look) + 1) % len(names)]
        self.show(after)
        title, what = LOOKS[after]
        self._controller.say(f"{title}: {what.lower()}.")

    def compare(self, other: Labels | None) -> None:
        """Show how the masks differ from a labels layer; None: as before."""
        self.other = other
        self._apply()

    def colour(self, palette: str) -> None:
        """Show objects in the colours of this palette, from now on also in later sessions."""
        self.palette = palette
        _settings.remember(_PALETTE, palette)
        self._apply()
        self._controller.refresh()

    def export_options(self, path: Path) -> dict[str, object]:
        """What an export to this place is to look like."""
        return {"palette": self.palette} if path.suffix.lower() == ".mp4" else {}

    @property
    def text(self) -> str:
        """What differs on the displayed frame, in words."""
        frame = self._controller.navigation.frame
        if self.other is None or frame is None or self._view is None:
            return ""
        here, there = self._labels(frame), self._others(frame)
        if there is None:
            return f"The layer '{self.other.name}' has no such frame, or another size."
        return difference(here, there).told(self.other.name)

    # -- the layer ----------------------------------------------------------------------------

    def _apply(self) -> None:
        """Have the layers show what is wished."""
        view = self._view
        if view is not None:
            veiled = self.other is not None or self.look not in ("masks", "contour")
            if veiled:
                self._lay(self._draw())
            else:
                self._take_away()
            outlined = self.look == "contour" and not veiled
            view.masks.contour = _OUTLINE if outlined else 0
            # Not hidden: corrections are painted there.
            view.masks.opacity = 0 if veiled else 1 if outlined else MASK_OPACITY
        self.changed.emit()

    def _draw(self) -> Draw:
        if self.other is not None:

            def compared(frame: int, labels: LabelMap) -> NDArray[np.uint8]:
                there = self._others(frame)
                return draw_difference(labels, labels if there is None else there)

            return compared
        look, session = self.look, self._controller.session
        objects = () if session is None else session.objects
        colours = object_colours(objects, self.palette)
        return lambda _, labels: veil(labels, look, colours)

    def _lay(self, draw: Draw) -> None:
        if self._layer is not None:
            self._layer.data.draw = draw
            self._layer.refresh(thumbnail=False, highlight=False, extent=False)
            return
        from napari.layers import Image

        layers, view = self._controller.viewer.layers, self._view
        shape = tuple(view.masks.data.shape)
        array = VeilArray((shape[0], shape[1], shape[2]), self._labels, draw)
        made = Image(array, **veil_style(), **placement(view.image), visible=view.masks.visible)
        active = layers.selection.active
        layers.insert(layers.index(view.masks), made)
        layers.selection.active = active
        view.masks.events.visible.connect(self._on_visible)
        view.place_of_video.keep(made)
        self._layer = made

    def _take_away(self) -> None:
        layer, self._layer = self._layer, None
        if layer is not None:
            self._view.masks.events.visible.disconnect(self._on_visible)
            self._view.place_of_video.release(layer)
            if layer in self._controller.viewer.layers:
                self._controller.viewer.layers.remove(layer)

    def _labels(self, frame: int) -> LabelMap:
        """Masks of a frame, as far as their objects are to be seen."""
        session = self._controller.session
        labels: LabelMap = self._view.masks.data[frame]
        hidden = [] if session is None else [o.id for o in session.objects if not o.visible]
        return np.where(np.isin(labels, hidden), np.uint16(0), labels) if hidden else labels

    def _others(self, frame: int) -> AnyArray | None:
        """The other layer's frame; None where it does not fit."""
        layer = self.other
        if layer is None:
            return None
        data = layer.data[0] if layer.multiscale else layer.data
        if layer.ndim == 3 and frame >= len(data):
            return None
        found = np.asarray(data[frame] if layer.ndim == 3 else data)
        return found if found.shape == self._view.masks.data.shape[1:] else None

    # -- following ----------------------------------------------------------------------------

    def _on_session(self) -> None:
        view = self._controller.view
        if view is not self._view:
            self._take_away()
            self._view = view
            self._apply()

    def _refresh(self) -> None:
        frame = self._controller.navigation.frame
        if self._layer is not None and frame is not None:
            if not self._layer.data.is_up_to_date(frame):
                self._layer.refresh(thumbnail=False, highlight=False, extent=False)
            if self.other is not None:
                self.changed.emit()

    def _on_visible(self) -> None:
        if self._layer is not None:
            self._layer.visible = self._view.masks.visible

    def _on_removed(self, event: Any) -> None:
        if is_same(event.value, self.other):
            self.compare(None)
        elif is_same(event.value, self._layer):
            self.show("masks")
