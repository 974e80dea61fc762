"""Plays a person at the viewer's window: real mouse and key events, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from qtpy.QtCore import QObject, QPoint, Qt, QTimer, Signal
from qtpy.QtTest import QTest

from napari_ivos.errors import IvosError

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

Script: TypeAlias = Generator[float | Callable[[], bool], None, None]
"""Yields seconds to wait, or a condition to wait for."""

# The canvas drops mouse moves that come faster than a hundred a second.
_BETWEEN_MOVES = 0.015
_POLL = 0.05


class Player(QObject):
    """Runs a script from the event loop, so that the program works as under a person's hands.

    Parameters
    ----------
    script : generator
    patience : float
        How many seconds a condition may take.

    Signals
    -------
    ended : ()
        The script is over; `error` says with what, if it failed.
    """

    ended = Signal()

    def __init__(self, script: Script, patience: float = 300) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._script = script
        self._patience = patience
        self._waiting: Callable[[], bool] | None = None
        self._since = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        """Begin, once the event loop runs."""
        self._timer.start(0)

    def _step(self) -> None:
        try:
            if self._waiting is not None and not self._waiting():
                if time.monotonic() - self._since > self._patience:
                    raise IvosError("The program did not answer in time.")
                self._timer.start(round(_POLL * 1000))
                return
            wish = next(self._script)
        except StopIteration:
            self.ended.emit()
        except Exception as error:  # the caller raises it again
            self.error = error
            self.ended.emit()
        else:
            self._waiting, self._since = (wish, time.monotonic()) if callable(wish) else (None, 0)
            self._timer.start(0 if callable(wish) else round(wish * 1000))


def drag(
    viewer: napari.Viewer,
    layer: Layer,
    path: ArrayLike,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
) -> Script:
    """Draw along a path with a mouse button held.

    Parameters
    ----------
    viewer : napari.Viewer
        Shown, with the wanted frame on display.
    layer : napari.layers.Layer
        Whose pixels the path is in.
    path : (N, 2) array-like of float
        Points (y, x).
    button : Qt.MouseButton
    """
    canvas = viewer.window._qt_viewer.canvas.native
    points = [canvas_point(viewer, layer, point) for point in np.asarray(path, dtype=float)]
    QTest.mouseMove(canvas, points[0])
    yield _BETWEEN_MOVES
    QTest.mousePress(canvas, button, Qt.KeyboardModifier.NoModifier, points[0])
    for point in points[1:]:
        yield _BETWEEN_MOVES
        QTest.mouseMove(canvas, point)
    yield _BETWEEN_MOVES
    QTest.mouseRelease(canvas, button, Qt.KeyboardModifier.NoModifier, points[-1])
    yield _BETWEEN_MOVES


def press(viewer: napari.Viewer, key: str) -> None:
    """Press a letter key over the canvas."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key.lower())


def click(widget: Any) -> None:
    """Click on a widget with the left button."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def canvas_point(viewer: napari.Viewer, layer: Layer, point: ArrayLike) -> QPoint:
    """Where a pixel (y, x) of a layer lies on the canvas."""
    y, x = layer.data_to_world((0, *np.asarray(point, dtype=float)))[-2:]
    view = viewer.window._qt_viewer.canvas.view
    mapped = view.scene.transform.map([x, y, 0, 1])
    at = mapped[:2] / mapped[3] + np.asarray(view.pos)
    return QPoint(round(float(at[0])), round(float(at[1])))
