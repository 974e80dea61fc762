"""The objects: colour, name, visibility, lock, where they are and how large."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QMenu, QPushButton

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._curve import AreaCurve
from napari_ivos.gui._keys import with_key
from napari_ivos.gui._object_actions import ObjectActions
from napari_ivos.gui._object_model import Column, ObjectModel
from napari_ivos.gui._object_table import ObjectTable
from napari_ivos.gui.panels._parts import Panel, button
from napari_ivos.gui.panels.labels import fill_labels_menu
from napari_ivos.session import Status

# Three rows where there is little room, ten where there is much.
_LEAST_TABLE, _LARGEST_TABLE = 92, 246


class ObjectsPanel(Panel):
    """The table of objects; the current one is what the brush paints.

    Parameters
    ----------
    controller : Controller
    selected_frames : callable
        Gives the frames that are selected in the timeline: the first, and the one after the last.
    """

    def __init__(
        self, controller: Controller, selected_frames: Callable[[], tuple[int, int] | None]
    ) -> None:
        super().__init__("Objects")
        self._controller = controller
        self.model = ObjectModel(self._on_renamed, self)
        self.table = ObjectTable(self.model)
        self.table.setToolTip(with_key(_TIP, "next_object"))
        self.table.setMinimumHeight(_LEAST_TABLE)
        self.table.setMaximumHeight(_LARGEST_TABLE)
        self.actions = ObjectActions(controller, lambda: self.table.selected, selected_frames)
        self.curve = AreaCurve()
        self.curve.setToolTip(_CURVE_TIP)
        self.menu: QMenu | None = None
        self._lay_out()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.curve)
        self.add = button("Add object", with_key("Add an object", "add_object"), self._on_add)
        self.labels = button("From labels", _LABELS_TIP, self._on_labels)
        self.merge = button("Merge", "", lambda: self._pop_up(self.merge, self.actions.fill_merge))
        self.delete = button(
            "Delete",
            "Delete the selected objects on this frame, on selected frames, or everywhere",
            lambda: self._pop_up(self.delete, self.actions.fill_delete),
        )
        self.divide = button("Divide", "", self.actions.divide)
        self.head.addStretch(1)
        self.head.addWidget(self.add)
        self.head.addWidget(self.labels)
        row = self.row(self.merge, self.delete, self.divide)
        for position in range(row.count()):
            row.setStretch(position, 1)

    def _connect(self) -> None:
        controller = self._controller
        self.table.chosen.connect(self._on_chosen)
        self.table.eye_clicked.connect(self.actions.toggle_visible)
        self.table.lock_clicked.connect(self.actions.toggle_lock)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())
        self.curve.sought.connect(controller.navigation.go_to)
        controller.state_changed.connect(self._show)
        controller.frame_changed.connect(self._on_frame)

    # -- what people do -----------------------------------------------------------------------

    def _on_add(self) -> None:
        self._controller.add_object()

    def _on_renamed(self, object_id: int, name: str) -> None:
        self._controller.edit(lambda session: session.rename_object(object_id, name))

    def _on_chosen(self, object_id: int) -> None:
        if object_id != self._controller.selected:
            self._controller.select(object_id)

    def _on_labels(self) -> None:
        self._pop_up(self.labels, lambda menu: fill_labels_menu(menu, self._controller))

    def _pop_up(self, under: QPushButton, fill: Callable[[QMenu], None]) -> None:
        self._open(fill, under.mapToGlobal(under.rect().bottomLeft()))

    def _on_context_menu(self, place: QPoint) -> None:
        if self.table.selected:
            name = self.table.currentIndex().siblingAtColumn(Column.NAME)
            rename = partial(self.table.edit, name)
            where = self.table.viewport().mapToGlobal(place)
            self._open(lambda menu: self.actions.fill(menu, rename), where)

    def _open(self, fill: Callable[[QMenu], None], where: QPoint) -> None:
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = QMenu(self)
        fill(self.menu)
        self.menu.popup(where)

    # -- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        session = self._controller.session
        objects = () if session is None else session.objects
        self.model.show_objects(objects, self._controller.looks.palette)
        self.table.show_current(self._controller.selected)
        self.add.setEnabled(session is not None)
        self.labels.setEnabled(session is not None)
        self._show_buttons()
        self.refresh()

    def _show_buttons(self) -> None:
        selected = self.table.selected
        several = len(selected) > 1
        self.merge.setEnabled(several)
        self.merge.setToolTip(self.actions.merge_text() if several else _MERGE_TIP)
        self.delete.setEnabled(bool(selected))
        self.divide.setEnabled(self.actions.can_divide())
        what = f"{self.actions.division_text()}\n" if self.actions.can_divide() else ""
        self.divide.setToolTip(what + _DIVIDE_TIP)

    def _on_frame(self) -> None:
        frame = self._controller.navigation.frame
        self.model.show_frame(self._controller.overview, frame)
        self.curve.show_frame(frame)
        self._show_buttons()

    def refresh(self) -> None:
        """Show what has become known of the objects."""
        self.model.show_frame(self._controller.overview, self._controller.navigation.frame)
        self._show_curve()

    def _show_curve(self) -> None:
        overview, selected = self._controller.overview, self._controller.selected
        if overview is None or selected not in overview.ids:
            self.curve.clear()
            return
        row = overview.ids.index(selected)
        known = overview.status[row] != Status.UNSEEN
        areas = np.where(known, overview.areas[row], np.nan)
        self.curve.show_areas(areas, f"Area of {selected}", self.model.colour_of(selected))
        self.curve.show_frame(self._controller.navigation.frame)


_TIP = (
    "The current object is what the brush paints. Ctrl- or Shift-click selects several.\n"
    "Double-click a name to change it; right-click for more."
)
_CURVE_TIP = "Area of the current object in pixels, over time. Click to go to a frame."
_MERGE_TIP = "Make objects one. Select two or more first (Ctrl-click)."
_DIVIDE_TIP = (
    "The selected object ends in front of the displayed frame, and its daughters begin:\n"
    "with its mask's parts, or halves where it is in one piece. Strokes correct them.\n"
    "Select daughters that are there already with it (Ctrl-click): the lowest number divides."
)
_LABELS_TIP = (
    "Take all objects that a labels layer, a file or a folder has, with their ids:\n"
    "on the displayed frame or on all frames. They are the truth about these frames."
)
