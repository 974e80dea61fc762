"""The objects: colour, name, lock."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTreeWidget, QTreeWidgetItem

from napari_ivos.gui._controller import Controller
from napari_ivos.gui._keys import with_key
from napari_ivos.gui._layers import shown_colour
from napari_ivos.gui.panels._parts import Panel, button
from napari_ivos.session import SessionObject

_ID = Qt.ItemDataRole.UserRole
_NAME, _LOCK = 0, 1
_LIST_HEIGHT = 100


class ObjectsPanel(Panel):
    """The list of objects; the selected one is what the brush paints."""

    def __init__(self, controller: Controller) -> None:
        super().__init__("Objects")
        self._controller = controller
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderLabels(["Object", "Lock"])
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setToolTip(with_key(_TIP, "next_object"))
        # napari's themes draw an empty box in the colour of the list.
        self.list.setStyleSheet("QTreeView::indicator:unchecked { border: 1px solid #888; }")
        self.list.setFixedHeight(_LIST_HEIGHT)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_LOCK, QHeaderView.ResizeMode.ResizeToContents)
        self.body.addWidget(self.list)
        self.add = button("Add object", with_key("Add an object", "add_object"), self._on_add)
        self.remove = button(
            "Remove", "Remove the selected object with its strokes", self._on_remove
        )
        self.labels = button("From labels", _LABELS_TIP, self._on_labels)
        self.row(self.add, self.labels, self.remove)
        self.list.currentItemChanged.connect(self._on_selected)
        self.list.itemChanged.connect(self._on_edited)
        controller.state_changed.connect(self._show)
        self._show()

    def _on_add(self) -> None:
        self._controller.add_object()

    def _on_labels(self) -> None:
        layers = self._controller.label_layers()
        if not layers:
            self._controller.say(
                "There is no labels layer to take objects from. Open one, or run Cellpose, say.",
                bad=True,
            )
            return
        self.menu = QMenu(self)
        for layer in layers:
            self.menu.addAction(layer.name, partial(self._controller.take_labels, layer))
        self.menu.popup(self.labels.mapToGlobal(self.labels.rect().bottomLeft()))

    def _on_remove(self) -> None:
        selected = self._controller.selected
        if selected:
            self._controller.edit(lambda session: session.remove_object(selected))

    def _on_selected(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self._controller.select(item.data(_NAME, _ID))

    def _on_edited(self, item: QTreeWidgetItem, column: int) -> None:
        object_id = item.data(_NAME, _ID)
        locked = item.checkState(_LOCK) == Qt.CheckState.Checked
        name = item.text(_NAME).strip()
        if column == _LOCK:
            self._controller.edit(lambda session: session.lock_object(object_id, locked))
        elif name:
            self._controller.edit(lambda session: session.rename_object(object_id, name))
        else:
            self._show()

    def _show(self) -> None:
        session, selected = self._controller.session, self._controller.selected
        objects = () if session is None else session.objects
        with QSignalBlocker(self.list):
            while self.list.topLevelItemCount() > len(objects):
                self.list.takeTopLevelItem(self.list.topLevelItemCount() - 1)
            for row, item in enumerate(objects):
                if row >= self.list.topLevelItemCount():
                    self.list.addTopLevelItem(QTreeWidgetItem())
                line = self.list.topLevelItem(row)
                _fill(line, item)
                if item.id == selected:
                    self.list.setCurrentItem(line)
        self.add.setEnabled(session is not None)
        self.labels.setEnabled(session is not None)
        self.remove.setEnabled(selected != 0)


_TIP = (
    "The selected object is what the brush paints. Double-click a name to change it.\n"
    "A locked object's pixels are left alone by every run."
)


_LABELS_TIP = (
    "Take all objects that a labels layer has on the displayed frame, with their ids.\n"
    "They are the truth about this frame, to be followed from here."
)


def _fill(line: QTreeWidgetItem, item: SessionObject) -> None:
    if line.data(_NAME, _ID) != item.id:
        line.setData(_NAME, _ID, item.id)
        line.setIcon(_NAME, _swatch(item.id))
        line.setFlags(line.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
    line.setText(_NAME, item.name)
    state = Qt.CheckState.Checked if item.locked else Qt.CheckState.Unchecked
    line.setCheckState(_LOCK, state)


def _swatch(object_id: int) -> QIcon:
    picture = QPixmap(16, 16)
    picture.fill(QColor(*shown_colour(object_id)))
    icon = QIcon(picture)
    # Else the selected row's colour is mixed into it.
    icon.addPixmap(picture, QIcon.Mode.Selected)
    return icon
