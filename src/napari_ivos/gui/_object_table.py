"""The table of objects: rows are selected with the mouse, eye and padlock clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPalette, QPen
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from napari_ivos.gui._object_model import Column, ObjectModel
from napari_ivos.types import ObjectId

_Draw: TypeAlias = Callable[[QPainter, QColor, bool], None]

_ROW = 22
_SIDE = 24
_FAINT = 90


class ObjectTable(QTableView):
    """Shows an `ObjectModel`.

    Signals
    -------
    eye_clicked : int
        Somebody wants to see this object, or to see it no more.
    lock_clicked : int
        Somebody wants this object locked, or unlocked.
    chosen : int
        Another object is the current one.
    """

    eye_clicked = Signal(int)
    lock_clicked = Signal(int)
    chosen = Signal(int)

    def __init__(self, model: ObjectModel) -> None:
        super().__init__()
        self.objects = model
        self.setModel(model)
        self.setAccessibleName("Objects")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.DoubleClicked | trigger.EditKeyPressed)
        # The keyboard stays with the canvas: its keys are the quick way to work.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # Else Tab goes round and round in the table, and never out of it.
        self.setTabKeyNavigation(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        # Qt's own, in the corner of the headers.
        self.findChild(QAbstractButton).setToolTip("Select all objects")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for column, draw in ((Column.EYE, _draw_eye), (Column.LOCK, _draw_lock)):
            self.setItemDelegateForColumn(column, _Glyph(draw, self))
        self._lay_out()

    def _lay_out(self) -> None:
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        # One height for all: nothing is measured, however many rows there are.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(_ROW)
        rows.setDefaultSectionSize(_ROW)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        columns.setMinimumSectionSize(_SIDE)
        columns.setHighlightSections(False)
        columns.setStyleSheet("QHeaderView::section { background: transparent; border: 0; }")
        letter = self.fontMetrics().horizontalAdvance("0")
        widths = {Column.ID: 24 + 5 * letter, Column.HERE: 16 + 7 * letter}
        for column in (Column.ID, Column.HERE, Column.EYE, Column.LOCK):
            self.setColumnWidth(column, widths.get(column, _SIDE))

    def sizeHint(self) -> QSize:
        """As low as it may be: it grows where there is room."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    @property
    def selected(self) -> tuple[ObjectId, ...]:
        """Ids of the selected objects, ascending."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.objects.objects[row].id for row in rows)

    def show_current(self, object_id: ObjectId) -> None:
        """Make an object the current one; what is selected beside it stays so."""
        row = self.objects.row_of(object_id)
        if row is None or (self.currentIndex().row() == row and object_id in self.selected):
            return
        selection = self.selectionModel()
        index = self.objects.index(row, Column.NAME)
        how = QItemSelectionModel.SelectionFlag.Rows
        if object_id not in self.selected:
            how |= QItemSelectionModel.SelectionFlag.ClearAndSelect
        selection.setCurrentIndex(index, how)
        # Qt has scrolled, but as far as it could before a row that is new was there.
        self.updateGeometries()
        self.scrollTo(index)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Tell which object is the current one: one of the selected, of which there is always one.

        Not when the current cell changes: Qt does that first, when the selection is an old one.
        """
        super().selectionChanged(selected, deselected)
        self.viewport().update()
        current, ids = self.currentIndex(), self.selected
        if ids:
            now = self.objects.objects[current.row()].id if current.isValid() else ids[0]
            self.chosen.emit(now if now in ids else ids[0])
        elif current.isValid() and self.selectionModel().model() is not None:
            flags = QItemSelectionModel.SelectionFlag
            self.selectionModel().select(current, flags.Rows | flags.Select)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Eye and padlock are pressed; elsewhere rows are selected."""
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            object_id = self.objects.objects[index.row()].id
            if index.column() == Column.EYE:
                self.eye_clicked.emit(object_id)
                return
            if index.column() == Column.LOCK:
                self.lock_clicked.emit(object_id)
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two quick presses of eye or padlock are two."""
        index = self.indexAt(event.position().toPoint())
        if index.column() in (Column.EYE, Column.LOCK):
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)


class _Glyph(QStyledItemDelegate):
    """Draws what a cell says as a small picture."""

    def __init__(self, draw: _Draw, parent: QWidget) -> None:
        super().__init__(parent)
        self._draw = draw

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the cell."""
        super().paint(painter, option, index)
        colour = QColor(option.palette.color(QPalette.ColorRole.Text))
        yes = bool(index.data(Qt.ItemDataRole.UserRole))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(QRectF(option.rect).center())
        self._draw(painter, colour, yes)
        painter.restore()


def _draw_eye(painter: QPainter, colour: QColor, shown: bool) -> None:
    if not shown:
        colour.setAlpha(_FAINT)
    painter.setPen(QPen(colour, 1.4))
    lids = QPainterPath(QPointF(-7, 0))
    lids.quadTo(0, 7 if not shown else -8, 7, 0)
    if shown:
        lids.quadTo(0, 8, -7, 0)
    painter.drawPath(lids)
    if shown:
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(0, 0), 1.8, 1.8)


def _draw_lock(painter: QPainter, colour: QColor, locked: bool) -> None:
    if not locked:
        colour.setAlpha(_FAINT)
    painter.setPen(QPen(colour, 1.4))
    shackle = QPainterPath(QPointF(-3, 0))
    shackle.lineTo(-3, -3)
    shackle.arcTo(QRectF(-3, -6, 6, 6), 180, -180)
    if locked:
        shackle.lineTo(3, 0)
    painter.drawPath(shackle)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(-5, 0, 10, 7), 1.5, 1.5)
