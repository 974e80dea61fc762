"""The painted strip of the timeline: a row for each object, a column for each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRect, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPolygonF,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_ivos.gui._colours import object_colours
from napari_ivos.gui._strip_picture import DOUBTFUL, picture
from napari_ivos.session import Status
from napari_ivos.types import ObjectId

_CHANGED = (204, 121, 167)
_HEAD = 14
_ROW = 14
_LEAST_ROW = 4
_SIDE = 26
_WORDS = {
    Status.UNSEEN: "not segmented yet",
    Status.ABSENT: "not there",
    Status.MODEL: "by the method",
    Status.HUMAN: "drawn on by you",
    Status.ACCEPTED: "accepted",
}


@dataclass(frozen=True, slots=True, eq=False)
class StripContent:
    """What the strip shows."""

    ids: tuple[ObjectId, ...]
    status: NDArray[np.uint8]
    """(K, T) `Status`."""
    reliability: NDArray[np.float32]
    """(K, T) 0–1, nan where unknown."""
    recommended: tuple[int, ...] = ()
    selected: ObjectId = 0
    changed: tuple[int, ...] = ()
    """Frames that the last propagation changed, ascending."""
    colours: NDArray[np.uint8] = field(default_factory=object_colours)
    """(N, 3): colours of the objects 1 to N, which go round."""


EMPTY = StripContent((), np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.float32))


class Strip(QWidget):
    """Shows a `StripContent`; a click seeks, a drag selects frames.

    Signals
    -------
    sought : int
        Somebody wants to see this frame.
    chosen : int
        Somebody clicked in the row of this object.
    selection_changed : ()
        Other frames are selected, or none.
    """

    sought = Signal(int)
    chosen = Signal(int)
    selection_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.content = EMPTY
        self.frame: int | None = None
        self.selection: tuple[int, int] | None = None
        """First selected frame, and the one after the last."""
        self._pressed: int | None = None
        self._picture: QImage | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline")

    @property
    def length(self) -> int:
        """Number of frames."""
        return int(self.content.status.shape[1])

    def show_content(self, content: StripContent) -> None:
        """Show something else."""
        if content.status.shape[1] != self.length:
            self.select(None)
        rows_before = len(self.content.ids)
        self.content, self._picture = content, None
        if len(content.ids) != rows_before:
            self.updateGeometry()
            self.setFixedHeight(self.sizeHint().height())
        self.update()

    def show_frame(self, frame: int | None) -> None:
        """Mark the displayed frame."""
        if frame != self.frame:
            self.frame = frame
            self.update()

    def select(self, selection: tuple[int, int] | None) -> None:
        """Select frames from the first up to, not including, the second; None: none."""
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit()
            self.update()

    def sizeHint(self) -> QSize:
        """As high as its rows."""
        return QSize(400, _HEAD + max(len(self.content.ids), 1) * self._row + 2)

    def frame_at(self, x: float) -> int:
        """Frame at a place of the widget."""
        share = (x - _SIDE) / max(self.width() - _SIDE, 1)
        return int(np.clip(share * self.length, 0, max(self.length - 1, 0)))

    def place_of(self, frame: float) -> float:
        """Where a frame begins; the middle of frame t is at t + 0.5."""
        return float(_SIDE + frame * (self.width() - _SIDE) / max(self.length, 1))

    def middle_of(self, object_id: int) -> int | None:
        """How far down the middle of an object's row is; None: it has none."""
        ids = self.content.ids
        return _HEAD + round((ids.index(object_id) + 0.5) * self._row) if object_id in ids else None

    @property
    def _row(self) -> int:
        return max(_ROW - len(self.content.ids) // 8, _LEAST_ROW)

    # -- mouse --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to seek or to select."""
        if self.length and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self.frame_at(event.position().x())
            self.select(None)
            self.sought.emit(self._pressed)
            row = int((event.position().y() - _HEAD) // self._row)
            if 0 <= row < len(self.content.ids):
                self.chosen.emit(self.content.ids[row])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Select, while the button is held; else say what is here."""
        if not self.length:
            return
        here = self.frame_at(event.position().x())
        if self._pressed is None:
            place = event.globalPosition().toPoint()
            QToolTip.showText(place, self._describe(here, event.position().y()), self)
        elif here != self._pressed or self.selection is not None:
            self.select((min(here, self._pressed), max(here, self._pressed) + 1))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = None

    def _describe(self, frame: int, y: float) -> str:
        row = int((y - _HEAD) // self._row)
        changed = " · changed by the last propagation" if frame in self.content.changed else ""
        text = f"Frame {frame}{changed}"
        if 0 <= row < len(self.content.ids):
            status = Status(int(self.content.status[row, frame]))
            score = self.content.reliability[row, frame]
            text += f"\nObject {self.content.ids[row]}: {_WORDS[status]}"
            text += "" if np.isnan(score) else f", reliability {score:.0%}"
        return text

    # -- painting -----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the picture anew."""
        super().resizeEvent(event)
        self._picture = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw picture, marks and selection."""
        painter = QPainter(self)
        if self.length and self.content.ids:
            if self._picture is None:
                self._picture = picture(
                    self.content.status,
                    self.content.reliability,
                    max(self.width() - _SIDE, 1),
                    self._row,
                )
            below = len(self.content.ids) * self._row
            area = QRect(_SIDE, _HEAD, self.width() - _SIDE, below)
            painter.drawImage(area, self._picture)
            self._draw_rows(painter)
            self._draw_marks(painter, below)
        painter.end()

    def _draw_rows(self, painter: QPainter) -> None:
        for row, object_id in enumerate(self.content.ids):
            top = _HEAD + row * self._row
            swatch = QRect(4, top + 1, 14, max(self._row - 2, 1))
            colours = self.content.colours
            colour = colours[(object_id - 1) % len(colours)].tolist()
            painter.fillRect(swatch, QColor(*colour))
            if object_id == self.content.selected:
                painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
                painter.drawRect(swatch.adjusted(-2, -1, 1, 0))
            if self._row > _LEAST_ROW:
                painter.fillRect(
                    QRect(0, top + self._row - 1, self.width(), 1),
                    self.palette().color(QPalette.ColorRole.Window),
                )

    def _draw_marks(self, painter: QPainter, below: int) -> None:
        text = self.palette().color(QPalette.ColorRole.WindowText)
        for start, stop in stretches(self.content.changed):
            left, right = round(self.place_of(start)), round(self.place_of(stop))
            painter.fillRect(QRect(left, _HEAD - 3, max(right - left, 1), 2), QColor(*_CHANGED))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*DOUBTFUL))
        for frame in self.content.recommended:
            x = self.place_of(frame + 0.5)
            corners = [QPointF(x - 4, 3), QPointF(x + 4, 3), QPointF(x, _HEAD - 2)]
            painter.drawPolygon(QPolygonF(corners))
        if self.selection is not None:
            left, right = (round(self.place_of(frame)) for frame in self.selection)
            chosen = QRect(left, 0, right - left, _HEAD + below)
            painter.fillRect(chosen, QColor(255, 255, 255, 70))
            # On a light theme the tint alone could hardly be seen.
            painter.setPen(text)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(chosen.adjusted(0, 0, -1, -1))
        if self.frame is not None:
            x = round(self.place_of(self.frame + 0.5))
            painter.fillRect(QRect(x - 1, 0, 2, _HEAD + below), text)


def stretches(frames: Sequence[int]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each run of neighbours; `frames` ascend."""
    if not frames:
        return []
    array = np.asarray(frames)
    breaks = np.flatnonzero(np.diff(array) > 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(array, breaks)]
