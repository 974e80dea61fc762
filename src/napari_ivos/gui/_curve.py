"""The painted curve of an object's area over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

_HEIGHT = 38
_HEAD = 13
_MARGIN = 2
_FAINT = 110
_NOTHING = np.zeros(0)


class AreaCurve(QWidget):
    """Area against frame; a click seeks, and so does a drag.

    Painted here and not with a plotting library: it is one line, redrawn while runs go on.

    Signals
    -------
    sought : int
        Somebody wants to see this frame.
    """

    sought = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.areas: NDArray[np.float64] = _NOTHING
        """(T,) pixels; nan on frames that nobody has segmented."""
        self.frame: int | None = None
        self._title = ""
        self._colour = QColor()
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Area over time")

    def show_areas(
        self, areas: NDArray[np.float64], title: str, colour: tuple[int, int, int]
    ) -> None:
        """Show another curve, (T,) pixels with nan where unknown."""
        self.areas, self._title, self._colour = areas, title, QColor(*colour)
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.show_areas(_NOTHING, "", (0, 0, 0))

    def show_frame(self, frame: int | None) -> None:
        """Mark the displayed frame."""
        if frame != self.frame:
            self.frame = frame
            self.update()

    def sizeHint(self) -> QSize:
        """Low and as wide as there is room."""
        return QSize(200, _HEIGHT)

    def frame_at(self, x: float) -> int:
        """Frame at a place of the widget."""
        share = (x - _MARGIN) / max(self.width() - 2 * _MARGIN, 1)
        return int(np.clip(share * len(self.areas), 0, max(len(self.areas) - 1, 0)))

    def place_of(self, frame: float) -> float:
        """Where the middle of a frame is."""
        share = (frame + 0.5) / max(len(self.areas), 1)
        return float(_MARGIN + share * (self.width() - 2 * _MARGIN))

    # -- mouse --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Seek."""
        if len(self.areas) and event.button() == Qt.MouseButton.LeftButton:
            self.sought.emit(self.frame_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Seek while the button is held; else say what is here."""
        if not len(self.areas):
            return
        here = self.frame_at(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.sought.emit(here)
            return
        area = self.areas[here]
        text = "not segmented yet" if np.isnan(area) else f"{area:,.0f} pixels"
        place = event.globalPosition().toPoint()
        QToolTip.showText(place, f"Frame {here}: {text}", self)

    # -- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the curve, its largest value and the displayed frame."""
        painter = QPainter(self)
        text = QColor(self.palette().color(QPalette.ColorRole.WindowText))
        area = QRect(0, _HEAD, self.width(), self.height() - _HEAD)
        faint = QColor(text)
        faint.setAlpha(24)
        painter.fillRect(area, faint)
        if len(self.areas):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw(painter, text)
        painter.end()

    def _draw(self, painter: QPainter, text: QColor) -> None:
        known = np.isfinite(self.areas)
        top = float(self.areas[known].max()) if known.any() else 0.0
        head = QRect(_MARGIN, 0, self.width() - 2 * _MARGIN, _HEAD)
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        painter.setPen(text)
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, self._title)
        if top:
            painter.drawText(head, Qt.AlignmentFlag.AlignRight, f"largest {top:,.0f} px")
        fill = QColor(self._colour)
        fill.setAlpha(_FAINT)
        for points in self._lines(known, top):
            floor = self.height() - 1
            under = [QPointF(points[0].x(), floor), *points, QPointF(points[-1].x(), floor)]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF(under))
            painter.setPen(QPen(text, 1.2))
            painter.drawPolyline(QPolygonF(points))
        if self.frame is not None:
            x = round(self.place_of(self.frame))
            painter.fillRect(QRect(x - 1, _HEAD, 2, self.height() - _HEAD), text)

    def _lines(self, known: NDArray[np.bool_], top: float) -> list[list[QPointF]]:
        """Points of each stretch without a gap; of frames that share a pixel the extremes."""
        height = self.height() - _HEAD - 3
        edges = np.flatnonzero(np.diff(known.astype(np.int8), prepend=0, append=0))
        lines = []
        for start, stop in edges.reshape(-1, 2).tolist():
            frames = _to_draw(self.areas[start:stop], self.width()) + start
            heights = self.height() - 1 - height * self.areas[frames] / max(top, 1)
            places = [self.place_of(frame) for frame in frames.tolist()]
            if len(places) == 1:  # as wide as the frame is
                places, heights = [places[0] - 0.5, places[0] + 0.5], np.repeat(heights, 2)
            lines.append([QPointF(*at) for at in zip(places, heights.tolist(), strict=True)])
        return lines


def _to_draw(values: NDArray[np.float64], width: int) -> NDArray[np.intp]:
    """Indices to draw: all, or of long stretches the least and the largest for each pixel."""
    if len(values) <= 2 * width:
        return np.arange(len(values))
    pieces = np.array_split(np.arange(len(values)), width)
    picked = [piece[[values[piece].argmin(), values[piece].argmax()]] for piece in pieces]
    return np.unique(np.concatenate(picked))
