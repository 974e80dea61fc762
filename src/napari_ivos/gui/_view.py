"""The layers of a session: made, kept in step with it, and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_ivos.errors import ProjectError
from napari_ivos.gui._brush import BrushPath
from napari_ivos.gui._canvas import StrokeCanvas
from napari_ivos.gui._colours import shown_colour
from napari_ivos.gui._eraser import touched
from napari_ivos.gui._layers import (
    brush_label,
    is_same,
    masks_style,
    object_of,
    placement,
    shapes_style,
    strokes_style,
)
from napari_ivos.gui._mask_canvas import LayerColours, MaskCanvas
from napari_ivos.gui._placing import StayOnVideo
from napari_ivos.gui._tools import ToolInUse
from napari_ivos.scribbles import Stroke, strokes_from_shapes
from napari_ivos.session import Session
from napari_ivos.types import LabelMap, ObjectId

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels, Shapes

    from napari_ivos.gui._controller import Controller


class SessionView(QObject):
    """The layers "masks" and "strokes" over the image layer of a session.

    Parameters
    ----------
    viewer : napari.Viewer
    image : napari.layers.Image
        (T, H, W) or (T, H, W, 3).
    session : Session
    controller : Controller
        Is given the strokes that are drawn.
    """

    def __init__(
        self, viewer: napari.Viewer, image: Image, session: Session, controller: Controller
    ) -> None:
        super().__init__(controller)
        self.image = image
        self._viewer, self._session, self._controller = viewer, session, controller
        self._canvas = StrokeCanvas(session.masks.shape)
        self._shown: tuple[Stroke, ...] = ()
        self._label = 0
        self._mask: LabelMap | None = None
        self._resting: dict[Labels, str] = {}
        """Layers that cannot be drawn in while no frame is on screen: what the mouse did there."""
        where = placement(image)
        self._mask_canvas = MaskCanvas(session, self._tell_unreadable)
        self.masks: Labels = viewer.add_labels(self._mask_canvas, **masks_style(), **where)
        self.masks.n_edit_dimensions = 2
        self.strokes: Labels = viewer.add_labels(self._canvas, **strokes_style(), **where)
        self.strokes.n_edit_dimensions = 2
        self.place_of_video = StayOnVideo(image, self._tell_placed, self)
        """Keeps the layers that lie over the video on it."""
        for layer in (self.masks, self.strokes):
            self.place_of_video.keep(layer)
        self._colours = LayerColours(self.masks, self.strokes)
        self.strokes.brush_size = max(5, round(min(self._canvas.shape[1:]) / 40))
        self._brush = BrushPath(self.strokes, self._tell_no_object)
        self.tools = ToolInUse(viewer, self)
        self.strokes.mode = "paint"
        self._take_soon = self._timer(self._take)
        self._take_masks_soon = self._timer(self._take_masks)
        self._put_back_soon = self._timer(self._put_back)
        self.strokes.events.paint.connect(self._on_paint)
        self.masks.events.paint.connect(self._on_mask_paint)
        self.strokes.events.selected_label.connect(self._on_label)
        self.masks.events.selected_label.connect(self._on_mask_label)
        self.masks.events.data.connect(self._on_data)
        self.strokes.events.data.connect(self._on_data)
        self.image.events.data.connect(self._on_image_data)
        viewer.dims.events.current_step.connect(self._on_step)
        self._shapes: Shapes | None = None
        self._take_shapes_soon = self._timer(self._take_shapes)
        self._rest()
        for layer in self.layers:
            self._bind_undo(layer)
        # napari's "new label" cannot count in a lazy layer, and here it means a new object.
        self.strokes.bind_key("M", lambda _: controller.add_object(), overwrite=True)

    @property
    def layers(self) -> tuple[Any, ...]:
        """The layers that belong to the session."""
        own = (self.masks, self.strokes, self._shapes)
        return tuple(layer for layer in own if layer is not None)

    @property
    def place(self) -> int:
        """Where the viewer is in time, in frames: a longer layer leads out of the video."""
        point = self.masks.world_to_data(self._viewer.dims.point)
        return round(float(point[-3]))

    @property
    def shows_frame(self) -> bool:
        """Whether the viewer shows a frame of the video at all."""
        return self.place == self.frame

    @property
    def shows_volume(self) -> bool:
        """Whether time lies on the canvas, so that no single frame is to be seen."""
        return self._viewer.dims.ndim - 3 in self._viewer.dims.displayed

    @property
    def beside(self) -> str:
        """What is wrong where the viewer shows no frame, without a full stop."""
        return f"The video is not on screen: it has the frames 0 to {len(self._canvas) - 1} only"

    @property
    def frame(self) -> int:
        """The displayed frame; the nearest where the viewer shows none."""
        return int(np.clip(self.place, 0, len(self._canvas) - 1))

    @frame.setter
    def frame(self, index: int) -> None:
        axis = self._viewer.dims.ndim - 3
        world = self.masks.data_to_world((index, 0, 0))
        self._viewer.dims.set_point(axis, float(world[0]))

    def show_brush(self, object_id: ObjectId, background: bool) -> None:
        """Make the brush paint this."""
        self._label = brush_label(object_id, background)
        self.strokes.selected_label = self._label
        # Background strokes mean here: wipe out.
        self.masks.selected_label = 0 if background else object_id
        if self._shapes is not None:
            self._shapes.current_edge_color = self._brush_colour()

    def _brush_colour(self) -> str:
        palette = self._controller.looks.palette
        return _hex(shown_colour(self._label, self._session.objects, palette))

    def use_brush(self) -> None:
        """Let the mouse paint strokes."""
        self._use(self.strokes, "paint")

    def use_eraser(self) -> None:
        """Let the mouse take strokes away."""
        self._use(self.strokes, "erase")

    def use_mask_brush(self) -> None:
        """Let the mouse paint the selected object's mask itself."""
        self.masks.brush_size = self.strokes.brush_size
        self._use(self.masks, "paint")

    def _use(self, layer: Labels, mode: str) -> None:
        self._viewer.layers.selection.active = layer
        if layer in self._resting:
            self._resting[layer] = mode
        else:
            layer.mode = mode

    def use_shapes(self, mode: str = "add_path") -> None:
        """Let the mouse draw shapes, each of which becomes a stroke when it is finished."""
        if self._shapes is None:
            self._shapes = self._viewer.add_shapes(
                ndim=3, **shapes_style(), **placement(self.image)
            )
            self.place_of_video.keep(self._shapes)
            self._shapes.current_edge_color = self._brush_colour()
            self._shapes.events.data.connect(self._on_shapes)
            self._bind_undo(self._shapes)
        self._viewer.layers.selection.active = self._shapes
        self._shapes.mode = mode

    def show_session(self) -> None:
        """Redraw the frames whose strokes changed, and the displayed mask."""
        strokes = self._session.strokes()
        changed = {s.frame for s in set(strokes).symmetric_difference(self._shown)}
        self._redraw(changed)
        self._shown = strokes
        self._colours.show(self._session.objects, self._controller.looks.palette)
        self.refresh_masks()

    def refresh_masks(self) -> None:
        """Show the displayed frame's mask as the session has it now, if it is another one."""
        mask = self._mask_canvas.read(self.frame)
        if self._mask is None or not (mask is self._mask or np.array_equal(mask, self._mask)):
            # No thumbnail: it costs more than the slice, and nobody can see a video in it.
            self.masks.refresh(thumbnail=False, highlight=False, extent=False)
        self._mask = mask

    def _rest(self) -> None:
        """Let nobody draw where no frame is on screen.

        napari would raise an error there, or, in front of the video, count from its end.
        """
        if self.shows_frame:
            for layer, mode in self._resting.items():
                layer.editable = True
                layer.mode = mode
            self._resting.clear()
        elif not self._resting:
            for layer in (self.masks, self.strokes):
                self._resting[layer] = str(layer.mode)
                layer.editable = False

    def _on_step(self) -> None:
        self._rest()
        # napari has just read it.
        self._mask = self._mask_canvas.read(self.frame)

    def put_back(self) -> None:
        """Give back the layers and data that somebody took away, when that has come to its end."""
        self._put_back_soon.start()

    def close(self) -> None:
        """Take the layers away."""
        self._take_soon.stop()
        self._take_masks_soon.stop()
        self._put_back_soon.stop()
        self._take_shapes_soon.stop()
        self.strokes.events.paint.disconnect(self._on_paint)
        self.masks.events.paint.disconnect(self._on_mask_paint)
        self.strokes.events.selected_label.disconnect(self._on_label)
        self.masks.events.selected_label.disconnect(self._on_mask_label)
        self.masks.events.data.disconnect(self._on_data)
        self.strokes.events.data.disconnect(self._on_data)
        self.image.events.data.disconnect(self._on_image_data)
        self._viewer.dims.events.current_step.disconnect(self._on_step)
        self.place_of_video.close()
        self._brush.close()
        self.tools.close()
        # The session is about to close: nothing may read its masks any more.
        self.masks.data = StrokeCanvas(self._canvas.shape)
        for layer in self.layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.deleteLater()

    def _timer(self, action: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(action)
        return timer

    def _bind_undo(self, layer: Any) -> None:
        """Lead napari's own undo keys to the session's history."""
        layer.bind_key("Control-Z", lambda _: self._controller.undo(), overwrite=True)
        layer.bind_key("Control-Shift-Z", lambda _: self._controller.redo(), overwrite=True)

    def _redraw(self, frames: set[int]) -> None:
        other = [
            frame for frame in frames if self._canvas.draw(frame, self._session.strokes(frame))
        ]
        # What napari has shown while it was painted is not shown once more.
        if other:
            self.strokes.refresh(thumbnail=False, highlight=False, extent=False)

    def _on_paint(self) -> None:
        # napari says so before it writes when a shape is filled: look a moment later.
        self._take_soon.start()

    def _take(self) -> None:
        strokes, erased, frames = self._canvas.take(self._brush.take())
        gone = [s for t, where in erased.items() for s in touched(self._session.strokes(t), where)]
        if gone:
            self._controller.remove_strokes(gone)
        if strokes and self._controller.add_strokes(strokes) and not erased:
            return  # and so they were drawn already
        self._redraw(frames)

    def _on_mask_paint(self) -> None:
        self._take_masks_soon.start()

    def _take_masks(self) -> None:
        """Make what was painted on the masks the person's own pixels."""
        for frame, labels, changed in self._mask_canvas.take():
            self._controller.paint(frame, labels, changed)
        self.masks.refresh(thumbnail=False, highlight=False, extent=False)

    def _on_shapes(self, event: Any) -> None:
        if event.action == "added":
            # napari is still busy with the shape: look a moment later.
            self._take_shapes_soon.start()

    def _take_shapes(self) -> None:
        if self._shapes is None or not self._shapes.data:
            return
        strokes = strokes_from_shapes(
            self._shapes.data,
            self._shapes.shape_type,
            object_id=object_of(self._label),
            radius=self.strokes.brush_size / 2,
        )
        # They are strokes from now on, shown by the strokes layer and undone like them.
        self._shapes.data = []
        if self._label == 0:
            self._tell_no_object()
        else:
            self._controller.add_strokes(strokes)

    def _on_label(self) -> None:
        """Follow a label chosen in napari's own controls, if the session has it."""
        label = self.strokes.selected_label
        if label == self._label:
            return
        ids = [item.id for item in self._session.objects]
        if label == brush_label(0, background=True):
            self._controller.select(self._controller.selected, background=True)
        elif label in ids:
            self._controller.select(label)
        else:
            self.strokes.selected_label = self._label

    def _on_mask_label(self) -> None:
        """Follow a label chosen or picked for painting masks; 0 wipes out, as background does."""
        label = self.masks.selected_label
        if label == object_of(self._label):
            return
        if label == 0:
            self._controller.select(self._controller.selected, background=True)
        elif label in [item.id for item in self._session.objects]:
            self._controller.select(label)

    def _on_data(self) -> None:
        if not all(is_same(layer.data, data) for layer, data in self._with_data()):
            self.put_back()

    def _on_image_data(self) -> None:
        self._controller.say(
            f"'{self.image.name}' shows other data now, and the session goes on with those that "
            "it began with. Press Start again (Video and method) to segment the new ones.",
            bad=True,
        )

    def _tell_no_object(self) -> None:
        self._controller.say("There is no object to draw. Add one first (K).", bad=True)

    def _tell_unreadable(self, frame: int, error: ProjectError) -> None:
        self._controller.say(f"Frame {frame} is shown without a mask. {error}", bad=True)

    def _tell_placed(self, name: str) -> None:
        self._controller.say(
            f"The layer '{name}' lies on its video and was put back. "
            f"Move '{self.image.name}', and it goes along."
        )

    def _with_data(self) -> tuple[tuple[Labels, Any], ...]:
        return (self.masks, self._mask_canvas), (self.strokes, self._canvas)

    def _put_back(self) -> None:
        layers = self._viewer.layers
        for layer, data in self._with_data():
            if not is_same(layer.data, data):
                layer.data = data
                self._controller.say(
                    f"The data of '{layer.name}' are the session's and were put back. "
                    "Duplicate the layer to change the copy."
                )
        for layer in self.layers:
            if self.image in layers and layer not in layers:
                # Under those that lie over it, or else the masks would hide the strokes.
                above = self.layers[self.layers.index(layer) + 1 :]
                places = [layers.index(one) for one in above if one in layers]
                active = layers.selection.active
                layers.insert(min(places, default=len(layers)), layer)
                if layer is not self.strokes:
                    # napari selects what it is given: who drew strokes would paint masks now.
                    layers.selection.active = active
                # napari's new controls for it would show that the mouse moves the picture.
                mode, layer.mode = str(layer.mode), "pan_zoom"
                layer.mode = mode
                self._controller.say(
                    f"The layer '{layer.name}' belongs to the session and was put back. Hide it."
                )


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
