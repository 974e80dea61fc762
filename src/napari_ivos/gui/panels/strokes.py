"""What the brush paints, and how thick."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QButtonGroup, QLabel, QPushButton, QSlider, QSpinBox

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui._tools import Tool
from napari_ivos.gui._view import SessionView
from napari_ivos.gui.panels._parts import Panel, button, choice

_LARGEST = 200
_NUMBER_WIDTH = 84


class StrokesPanel(Panel):
    """Object or background, brush size, undo and redo."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Strokes")
        self._controller = controller
        self._view: SessionView | None = None
        self._tools: dict[Tool, QPushButton] = {}
        self.positive = choice(
            "+ Object",
            with_key("Strokes say: this is the selected object", "background"),
            lambda: controller.select(controller.selected),
        )
        self.negative = choice(
            "− Background",
            with_key(
                "Strokes say: this is not an object. They are drawn chequered.\n"
                "The right mouse button draws them as well, whatever is chosen here.",
                "background",
            ),
            lambda: controller.select(controller.selected, background=True),
        )
        group = QButtonGroup(self)
        for one in (self.positive, self.negative):
            group.addButton(one)
        self.row(self.positive, self.negative).setStretch(1, 1)
        self.size = QSlider(Qt.Orientation.Horizontal)
        self.number = QSpinBox()
        for control in (self.size, self.number):
            control.setRange(1, _LARGEST)
            control.setToolTip("Width of the brush in pixels of the video\nKeys: [ and ]")
            control.setAccessibleName("Brush size")
            control.valueChanged.connect(self._on_size)
        # As wide as its three digits and its two buttons; the rest is the slider's.
        self.number.setMaximumWidth(_NUMBER_WIDTH)
        line = self.row(self.size, self.number)
        line.insertWidget(0, QLabel("Brush size"))
        self._make_tools()
        self.undo = button("Undo", with_key("Take the last step back", "undo"), controller.undo)
        self.redo = button("Redo", with_key("Do it once more", "redo"), controller.redo)
        self.head.addStretch(1)
        self.head.addWidget(self.undo)
        self.head.addWidget(self.redo)
        tools = list(self._tools.values())
        for some in (tools[:3], tools[3:]):
            row = self.row(*some)
            for position in range(len(some)):
                row.setStretch(position, 1)
        controller.state_changed.connect(self._show)
        controller.session_changed.connect(self._on_session)
        self._on_session()
        self._show()

    def _make_tools(self) -> None:
        self.brush = self._tool(
            "brush", "Brush", "Draw strokes with the brush", lambda v: v.use_brush()
        )
        self.eraser = self._tool(
            "eraser",
            "Eraser",
            "Take away the strokes of this frame that you touch, also those of earlier rounds.\n"
            "What the masks were made of without them is computed anew.\nnapari's key: E",
            lambda v: v.use_eraser(),
        )
        self.paint = self._tool(
            "paint",
            "Paint",
            "Paint the masks themselves: such pixels are yours, and no run changes them.\n"
            "Background wipes out; napari's fill bucket and polygon work as well",
            lambda v: v.use_mask_brush(),
        )
        self.lasso = self._tool(
            "lasso",
            "Lasso",
            "Draw round an area with the button held: all of its inside is marked",
            lambda v: v.use_shapes("add_polygon_lasso"),
        )
        self.polygon = self._tool(
            "polygon",
            "Polygon",
            "Click from corner to corner, twice at the last: all of the inside is marked",
            lambda v: v.use_shapes("add_polygon"),
        )
        self.shapes = self._tool(
            "lines",
            "Lines",
            "Draw paths with napari's shapes: a line or path is a stroke as wide as the brush,\n"
            "a polygon, rectangle or ellipse marks its whole inside",
            lambda v: v.use_shapes(),
        )

    def _tool(
        self, tool: Tool, text: str, tip: str, use: Callable[[SessionView], None]
    ) -> QPushButton:
        def pressed() -> None:
            if self._controller.view is not None:
                use(self._controller.view)
            # Qt has turned the button over, also when its tool was in use already.
            self._show_tool()

        made = self._tools[tool] = choice(text, tip, pressed)
        return made

    def _show_tool(self) -> None:
        view = self._controller.view
        in_use = "" if view is None else view.tools.tool
        for tool, one in self._tools.items():
            one.setChecked(tool == in_use)

    def _on_size(self, value: int) -> None:
        view = self._controller.view
        if view is not None:
            view.strokes.brush_size = value
            view.masks.brush_size = value
        self._show_size(value)

    def _on_session(self) -> None:
        view = self._controller.view
        if view is not None and view is not self._view:
            view.strokes.events.brush_size.connect(self._follow_layer)
            view.tools.changed.connect(self._show_tool)
            self._follow_layer()
        self._view = view
        self._show_tool()

    def _follow_layer(self, _event: object = None) -> None:
        view = self._controller.view
        if view is not None:
            self._show_size(round(view.strokes.brush_size))

    def _show_size(self, value: int) -> None:
        for control in (self.size, self.number):
            with QSignalBlocker(control):
                control.setValue(value)

    def _show(self) -> None:
        session = self._controller.session
        self.positive.setChecked(not self._controller.background)
        self.negative.setChecked(self._controller.background)
        for control in (
            self.positive,
            self.negative,
            self.size,
            self.number,
            *self._tools.values(),
        ):
            control.setEnabled(session is not None)
        self.undo.setEnabled(self._controller.can_undo)
        self.redo.setEnabled(session is not None and session.can_redo)
        if session is not None:
            self.undo.setToolTip(with_key(f"Take back: {session.undo_text}", "undo"))
            self.redo.setToolTip(with_key(f"Do again: {session.redo_text}", "redo"))
