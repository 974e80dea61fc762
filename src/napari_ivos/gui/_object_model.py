"""The objects as rows of a table: what Qt asks for, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QColor

from napari_ivos.gui._colours import object_colours
from napari_ivos.session import Overview, SessionObject, Status
from napari_ivos.types import ObjectId

_ROLE = Qt.ItemDataRole
_NONE = QModelIndex()


class Column(IntEnum):
    """The columns, from the left."""

    ID = 0
    NAME = 1
    HERE = 2
    """How large it is on the displayed frame."""
    EYE = 3
    LOCK = 4


_HEADS = {
    Column.ID: ("", "Colour and number"),
    Column.NAME: ("Object", "Double-click a name to change it"),
    Column.HERE: ("Here", "Pixels on the displayed frame; – where the object is not there"),
    Column.EYE: ("", "Whether the viewer shows the object; its masks stay as they are"),
    Column.LOCK: ("", "A locked object is left alone by every run, merged and deleted by nobody"),
}


class ObjectModel(QAbstractTableModel):
    """A row for each object, a `Column` for each thing to know of it.

    Only the rows that are to be seen are asked for, so 200 objects cost what ten do.

    Parameters
    ----------
    rename : callable
        Is given the id and the name that somebody wrote for an object.
    parent : QObject, optional
    """

    def __init__(
        self, rename: Callable[[ObjectId, str], object], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.objects: tuple[SessionObject, ...] = ()
        self._rename, self._palette, self._colours = rename, "", object_colours()
        self._rows: dict[ObjectId, int] = {}
        self._overview: Overview | None = None
        self._frame: int | None = None
        self._read: dict[Any, Callable[[SessionObject, Column], Any]] = {
            _ROLE.DisplayRole: self._text,
            _ROLE.EditRole: lambda item, _: item.name,
            _ROLE.DecorationRole: self._swatch,
            _ROLE.UserRole: _switch,
            _ROLE.TextAlignmentRole: _alignment,
            _ROLE.ToolTipRole: self._tip,
            _ROLE.AccessibleTextRole: self._spoken,
        }

    def show_objects(self, objects: tuple[SessionObject, ...], palette: str) -> None:
        """Show these; rows stay selected where the objects are the same."""
        if (objects, palette) == (self.objects, self._palette):
            return
        self._palette, self._colours = palette, object_colours(objects, palette)
        if [item.id for item in objects] == [item.id for item in self.objects]:
            self.objects = objects
            self._changed(Column.ID, Column.LOCK)
            return
        self.beginResetModel()
        self.objects = objects
        self._rows = {item.id: row for row, item in enumerate(objects)}
        self.endResetModel()

    def show_frame(self, overview: Overview | None, frame: int | None) -> None:
        """Show how large objects are on this frame."""
        self._overview, self._frame = overview, frame
        self._changed(Column.HERE, Column.HERE)

    def row_of(self, object_id: ObjectId) -> int | None:
        """The row of an object; None: there is no such one."""
        return self._rows.get(object_id)

    def _changed(self, first: Column, last: Column) -> None:
        if self.objects:
            self.dataChanged.emit(self.index(0, first), self.index(len(self.objects) - 1, last))

    # -- what Qt asks for ---------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = _NONE) -> int:
        """How many objects there are."""
        return 0 if parent.isValid() else len(self.objects)

    def columnCount(self, parent: QModelIndex = _NONE) -> int:
        """How many columns there are."""
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Any, role: int = _ROLE.DisplayRole) -> Any:
        """What stands over a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        text, tip = _HEADS[Column(section)]
        return {_ROLE.DisplayRole: text, _ROLE.ToolTipRole: tip}.get(role)

    def flags(self, index: QModelIndex) -> Any:
        """Names can be edited."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == Column.NAME else flags

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        """What a cell shows; the eye's and the padlock's value is under UserRole."""
        read = self._read.get(role)
        item, column = self.objects[index.row()], Column(index.column())
        return None if read is None else read(item, column)

    def setData(self, index: QModelIndex, value: Any, role: int = _ROLE.EditRole) -> bool:
        """Take a name that somebody wrote."""
        item, name = self.objects[index.row()], str(value).strip()
        if role != _ROLE.EditRole or index.column() != Column.NAME or name in ("", item.name):
            return False
        self._rename(item.id, name)
        return True

    def colour_of(self, object_id: ObjectId) -> tuple[int, int, int]:
        """Colour (red, green, blue), 0–255, in which an object is shown."""
        red, green, blue = self._colours[(object_id - 1) % len(self._colours)].tolist()
        return red, green, blue

    def _swatch(self, item: SessionObject, column: Column) -> QColor | None:
        return QColor(*self.colour_of(item.id)) if column == Column.ID else None

    def _text(self, item: SessionObject, column: Column) -> str | None:
        if column == Column.ID:
            return str(item.id)
        if column == Column.NAME:
            return item.name
        if column == Column.HERE:
            size = self._size(item.id)
            return "" if size is None else f"{size:,}" if size else "–"
        return None

    def _size(self, object_id: ObjectId) -> int | None:
        """Pixels on the displayed frame; None: nobody knows."""
        overview, frame = self._overview, self._frame
        if overview is None or frame is None or object_id not in overview.ids:
            return None
        row = overview.ids.index(object_id)
        unseen = overview.status[row, frame] == Status.UNSEEN
        return None if unseen else int(overview.areas[row, frame])

    def _tip(self, item: SessionObject, column: Column) -> str:
        tip = _HEADS[column][1]
        if column > Column.NAME:
            return tip
        daughters = [str(other.id) for other in self.objects if other.parent == item.id]
        lines = [f"Object {item.id}: {item.name}"]
        if item.parent:
            lines.append(f"Daughter of object {item.parent}")
        if daughters:
            lines.append(f"Divides into {' and '.join(daughters)}{self._ending(item.id)}")
        return "\n".join([*lines, tip])

    def _ending(self, object_id: ObjectId) -> str:
        overview = self._overview
        if overview is None or object_id not in overview.ids:
            return ""
        there = np.flatnonzero(overview.areas[overview.ids.index(object_id)])
        return f", last seen on frame {there[-1]}" if len(there) else ""

    def _spoken(self, item: SessionObject, column: Column) -> str | None:
        if column == Column.EYE:
            return "shown" if item.visible else "hidden"
        if column == Column.LOCK:
            return "locked" if item.locked else "not locked"
        return self._text(item, column)


def _switch(item: SessionObject, column: Column) -> bool | None:
    return {Column.EYE: item.visible, Column.LOCK: item.locked}.get(column)


def _alignment(_: SessionObject, column: Column) -> Any:
    side = Qt.AlignmentFlag.AlignRight if column == Column.HERE else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
