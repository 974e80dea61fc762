"""What pictures of the viewer are taken with, and put together."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import napari
from PIL import Image
from qtpy.QtCore import QBuffer, QPoint, QSettings, QTimer
from qtpy.QtGui import QGuiApplication, QPixmap
from qtpy.QtWidgets import QApplication, QWidget

from napari_ivos.gui._automatic import ENVIRONMENT
from napari_ivos.gui._player import Script
from napari_ivos.gui.main_widget import InteractiveVOS

_GAP = 16
_SMALL = 340, 290


@contextmanager
def nobodys() -> Iterator[None]:
    """Keep the work, the settings and the names of who takes the pictures out of them."""
    folder = Path(tempfile.gettempdir()) / "cells"
    folder.mkdir()
    here, home, told = Path.cwd(), os.environ.get("HOME", ""), platform.platform
    os.environ[ENVIRONMENT], os.environ["HOME"] = str(folder / "projects"), str(folder)
    platform.platform = lambda *_, **__: platform.system()
    scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(*scope, str(folder / "settings"))
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        platform.platform, os.environ["HOME"] = told, home
        shutil.rmtree(folder)


def beside(*pictures: Image.Image) -> Image.Image:
    """Pictures side by side, on white."""
    height = max(picture.height for picture in pictures)
    width = sum(picture.width for picture in pictures) + _GAP * (len(pictures) - 1)
    whole = Image.new("RGB", (width, height), "white")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + _GAP
    return whole


def stacked(*pictures: Image.Image) -> Image.Image:
    """Pictures one below the other, on white."""
    turned = [picture.transpose(Image.Transpose.TRANSPOSE) for picture in pictures]
    return beside(*turned).transpose(Image.Transpose.TRANSPOSE)


class Album:
    """A viewer with the dock, and the pictures taken of it."""

    def __init__(self, viewer: napari.Viewer, dock: InteractiveVOS) -> None:
        self.viewer, self.dock = viewer, dock
        self.controller = dock.controller
        self.taken: dict[str, Image.Image] = {}

    def idle(self) -> bool:
        """Whether nothing runs."""
        return self.controller.jobs is None or self.controller.jobs.kind is None

    def window(self, name: str) -> None:
        """Take the whole window."""
        picture = self.viewer.screenshot(canvas_only=False, flash=False)
        self.taken[name] = Image.fromarray(picture).convert("RGB")

    def canvas(self) -> Image.Image:
        """The canvas alone, small."""
        picture = self.viewer.screenshot(canvas_only=True, flash=False)
        return Image.fromarray(picture[..., :3]).resize(_SMALL, Image.Resampling.LANCZOS)

    def part(self, name: str, widget: QWidget) -> None:
        """Take a panel, or a window of its own."""
        self.taken[name] = picture_of(widget.grab())

    def screen(self, name: str, widget: QWidget, *more: QWidget) -> None:
        """Take what is on the screen where these are: also what popped up over them."""
        shown = picture_of(QGuiApplication.primaryScreen().grabWindow(0))
        corners = [one.mapToGlobal(QPoint(0, 0)) for one in (widget, *more)]
        ends = [
            c + QPoint(one.width(), one.height())
            for c, one in zip(corners, (widget, *more), strict=True)
        ]
        left, top = min(c.x() for c in corners), min(c.y() for c in corners)
        right, bottom = max(e.x() for e in ends), max(e.y() for e in ends)
        box = max(left, 0), max(top, 0), min(right, shown.width), min(bottom, shown.height)
        self.taken[name] = shown.crop(box)

    def dialog(self, name: str, opens: Callable[[], object]) -> Script:
        """Take the dialogue that something opens, and cancel it."""
        # It has an event loop of its own, in which this script goes on.
        QTimer.singleShot(0, opens)
        yield lambda: QApplication.activeModalWidget() is not None
        yield 0.5
        shown: Any = QApplication.activeModalWidget()
        self.part(name, shown)
        shown.reject()
        yield 0.2


def picture_of(pixels: QPixmap) -> Image.Image:
    """A Qt picture as one of Pillow's."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.ReadWrite)
    pixels.save(buffer, "PNG")
    return Image.open(BytesIO(bytes(buffer.data()))).convert("RGB")
