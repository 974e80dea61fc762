"""Pictures of every panel, in both themes and on a small screen, for `make_pictures.py`.

One viewer does a piece of work with real mouse and key events and is taken at each step.
"""

from __future__ import annotations

from typing import Any

import napari
import numpy as np
from album import Album, beside, stacked
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_ivos.gui._looks import LOOKS
from napari_ivos.gui._object_model import Column
from napari_ivos.gui._player import Player, Script, click, drag, press
from napari_ivos.sample_data import load

SIZE = 1366, 768
THEMES = "dark", "light"
WINDOWS = "before", "session", "running", "colours"
"""Pictures of the whole window; the others are of parts, and show both themes side by side."""
ONCE = "looks", "divide"
"""Those that look the same in both themes."""

_CLIP, _CELLS = "cells", (5, 8, 3)
_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def take_panels(theme: str) -> dict[str, Image.Image]:
    """Do the work in a theme, and give all pictures by name."""
    viewer = napari.Viewer(title="Interactive VOS")
    viewer.theme = theme
    viewer.window._qt_window.resize(*SIZE)
    _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
    album = Album(viewer, dock)
    player = Player(_work(album))
    player.ended.connect(viewer.close)
    player.start()
    napari.run()
    if player.error is not None:
        raise player.error
    return album.taken


def _work(album: Album) -> Script:
    yield 0.5
    album.window("before")
    yield from _begin(album)
    yield from _draw(album)
    album.window("session")
    yield from _propagate(album)
    yield from _objects(album)
    yield from _timeline(album)
    yield from _looks(album)
    yield from _divide(album)
    yield from _dialogs(album)
    yield from _help(album)


def _begin(album: Album) -> Script:
    album.viewer.open_sample("napari-ivos", _CLIP)
    yield 0.5
    click(album.dock.video.start)
    yield lambda: album.controller.session is not None
    album.controller.navigation.go_to(0)
    yield 0.3
    album.viewer.reset_view()
    yield 0.5


def _draw(album: Album) -> Script:
    strokes = {s.object_id: s for s in reversed(load(_CLIP).strokes)}
    for number, label in enumerate((*_CELLS, 0), start=1):
        if 1 < number <= len(_CELLS):
            press(album.viewer, "K")
            yield 0.2
        layer = album.controller.view.strokes
        hand = _LEFT if label else _RIGHT
        yield from drag(album.viewer, layer, strokes[label].path, hand)
        yield 0.2
        yield album.idle
    yield 0.3


def _propagate(album: Album) -> Script:
    propagate = album.dock.propagate
    click(propagate.go)
    yield lambda: propagate.bar.value() > 20
    yield 0.3
    album.window("running")
    yield album.idle
    album.controller.select(1)
    album.controller.navigation.go_to(40)
    yield 0.5
    album.part("strokes", album.dock.strokes)
    propagate.direction.showPopup()
    yield 0.4
    album.screen("propagate", propagate, propagate.direction.view().window())
    propagate.direction.hidePopup()
    yield 0.2


def _objects(album: Album) -> Script:
    table = album.dock.objects.table
    for row, column in ((1, Column.LOCK), (2, Column.EYE)):
        _click_cell(table, row, column)
        yield 0.2
    _click_cell(table, 0, Column.NAME)
    place = table.visualRect(table.model().index(0, Column.NAME)).center()
    table.customContextMenuRequested.emit(place)
    yield 0.4
    album.screen("objects", album.dock.objects, album.dock.objects.menu)
    album.dock.objects.menu.close()
    _click_cell(table, 2, Column.EYE)
    yield 0.2


def _click_cell(table: Any, row: int, column: int) -> None:
    place = table.visualRect(table.model().index(row, column)).center()
    QTest.mouseClick(table.viewport(), _LEFT, Qt.KeyboardModifier.NoModifier, place)


def _timeline(album: Album) -> Script:
    timeline = album.dock.timeline
    for first, last, act in ((12, 18, timeline.accept), (50, 58, timeline.absent), (24, 33, None)):
        yield from _select_frames(timeline.strip, first, last)
        if act is not None:
            click(act)
            yield 0.4
    album.controller.difference.toggle()
    yield 0.6
    album.part("timeline", timeline)
    album.controller.difference.toggle()
    click(album.dock.guidance.candidates)
    yield 0.5
    yield album.idle
    yield 0.3
    album.part("candidates", album.dock.guidance.grid)
    click(album.dock.guidance.candidates)


def _select_frames(strip: Any, first: int, last: int) -> Script:
    # In the second row: it is that object which is absent then.
    y = 14 + 14 + 7
    start, end = (QPoint(round(strip.place_of(t + 0.5)), y) for t in (first, last))
    QTest.mousePress(strip, _LEFT, Qt.KeyboardModifier.NoModifier, start)
    yield 0.1
    QTest.mouseMove(strip, end)
    yield 0.1
    QTest.mouseRelease(strip, _LEFT, Qt.KeyboardModifier.NoModifier, end)
    yield 0.2


def _looks(album: Album) -> Script:
    looks, shown = album.controller.looks, []
    album.controller.navigation.go_to(40)
    for name in LOOKS:
        looks.show(name)
        yield 0.3
        shown.append(album.canvas())
    truth = np.zeros(load(_CLIP).labels.max() + 1, np.uint16)
    truth[list(_CELLS)] = range(1, len(_CELLS) + 1)
    layer = album.viewer.add_labels(truth[load(_CLIP).labels], name="truth", visible=False)
    album.viewer.layers.selection.active = album.controller.view.strokes
    album.dock.look.other.setCurrentIndex(1)
    album.dock.look.other.activated.emit(1)
    yield 0.5
    shown.append(album.canvas())
    album.part("show", album.dock.look)
    album.taken["looks"] = stacked(beside(*shown[:4]), beside(*shown[4:]))
    album.viewer.layers.remove(layer)
    looks.show("masks")
    looks.colour("okabe-ito")
    yield 0.5
    album.window("colours")
    looks.colour("davis")
    yield 0.2


def _divide(album: Album) -> Script:
    shown = [album.canvas()]
    album.controller.select(3)
    yield 0.2
    click(album.dock.objects.divide)
    yield 0.5
    album.taken["divide"] = beside(*shown, album.canvas())
    press(album.viewer, "U")
    yield 0.4


def _dialogs(album: Album) -> Script:
    dock = album.dock
    yield from album.dialog("export", lambda: click(dock.export.save))
    click(dock.project.title)
    yield 0.3
    click(dock.project.open)
    yield 0.5
    album.screen("project", dock.project, dock.project.menu)
    dock.project.menu.close()
    yield from album.dialog("project-new", lambda: click(dock.project.new))
    click(dock.project.title)
    click(dock.video.title)
    video = dock.video
    before = video.methods.currentIndex()
    for name in ("gis", "ipnet"):
        video.methods.setCurrentIndex(video.methods.findData(name))
        video.methods.activated.emit(video.methods.currentIndex())
        yield 0.4
        album.part("method" if name == "gis" else "method-non-commercial", video)
    yield from album.dialog("weights", lambda: click(video.weights.get))
    video.methods.setCurrentIndex(before)
    click(video.title)


def _help(album: Album) -> Script:
    window = album.dock.help
    click(album.dock.hint.help)
    yield 0.5
    album.part("keys", window)
    window.pages.setCurrentIndex(1)
    yield 0.5
    yield lambda: not window._worker.running
    yield 0.3
    album.part("doctor", window)
    window.hide()
