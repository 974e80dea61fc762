"""The demonstration: napari on a built-in clip, ready to draw, or drawn by the program itself."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_ivos.errors import IvosError
from napari_ivos.export import check_export
from napari_ivos.gui._automatic import ENVIRONMENT
from napari_ivos.sample_data import SampleClip, load

if TYPE_CHECKING:
    import napari

    from napari_ivos.gui._player import Script
    from napari_ivos.gui.main_widget import InteractiveVOS

_log = logging.getLogger(__name__)
_SIZE = 1400, 900
# Two of each clip that stay apart from the others.
_OBJECTS = {"cells": (5, 8), "natural": (1, 2)}
_MASKS = "masks.tif", "masks"


def open_demo(clip: str = "cells", out: str | Path | None = None) -> None:
    """Open napari on a built-in clip with the dock, ready to draw; returns when it is closed.

    Parameters
    ----------
    clip : str
        One of `sample_data.list_clips`.
    out : path-like, optional
        A folder. The program then does the job itself, with real mouse and key events: it draws,
        propagates, exports ``masks.tif`` and ``masks/`` and takes the picture ``demo.png``, and
        closes. Works without a screen, under Xvfb.

    Raises
    ------
    VideoError
        There is no such clip.
    ExportError
        The folder holds other things under these names, or cannot be written to.
    IvosError
        The program could not do the job.
    """
    import napari

    sample = load(clip)
    folder = None if out is None else Path(out)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _MASKS:
            check_export(folder / name)
        _tell_steps()
        # What the program does by itself is nobody's work.
        os.environ[ENVIRONMENT] = ""
    viewer = napari.Viewer(title=f"Interactive VOS: {sample.title}", show=True)
    viewer.window._qt_window.resize(*_SIZE)
    viewer.open_sample("napari-ivos", clip)
    _, widget = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
    # napari shows the middle of a video first; what the clip knows is about its first frame.
    widget.controller.navigation.go_to(0)
    if folder is None:
        _fit_when_shown(viewer)
        napari.run()
        return
    _play(viewer, widget, sample, folder)


def _tell_steps() -> None:
    """Let the log of this module go to stderr, one line a step."""
    if not _log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


def _fit_when_shown(viewer: napari.Viewer) -> None:
    from qtpy.QtCore import QTimer

    # The canvas has its final size only after the dock has been laid out.
    QTimer.singleShot(200, viewer.reset_view)


def _play(viewer: napari.Viewer, widget: InteractiveVOS, sample: SampleClip, folder: Path) -> None:
    import napari

    from napari_ivos.gui._player import Player

    player = Player(_script(viewer, widget, sample, folder))
    player.ended.connect(viewer.close)
    player.start()
    napari.run()
    if player.error is not None:
        raise player.error


def _script(
    viewer: napari.Viewer, widget: InteractiveVOS, sample: SampleClip, folder: Path
) -> Script:
    """What a person would do."""
    from napari_ivos.gui._player import click, drag, press

    controller = widget.controller
    yield 0.5
    viewer.reset_view()
    yield 0.5
    session, view, jobs = controller.session, controller.view, controller.jobs
    if session is None or view is None or jobs is None:
        raise IvosError("The session did not begin by itself.")

    def idle() -> bool:
        return jobs.kind is None

    first = {stroke.object_id: stroke for stroke in reversed(sample.strokes)}
    wanted, background = [first[i] for i in _OBJECTS[sample.name]], first[0]
    for number, stroke in enumerate((*wanted, background), start=1):
        if stroke is background:
            press(viewer, "N")
        elif number > 1:
            press(viewer, "K")
        yield 0.1
        _log.info("drawing stroke %d of %d", number, len(wanted) + 1)
        yield from drag(viewer, view.strokes, stroke.path)
        yield 0.1
        yield idle
        if len(session.strokes()) < number:
            raise IvosError(f"Stroke {number} did not arrive.")
    if set(np.unique(session.masks[0]).tolist()) != set(range(len(wanted) + 1)):
        raise IvosError("The preview does not show the objects that were drawn.")
    _log.info("propagating through %d frames", len(sample.frames))
    click(widget.propagate.go)
    yield 0.2
    yield idle
    empty = [t for t in range(len(sample.frames)) if not session.masks[t].any()]
    if len(empty) > len(sample.frames) // 2:
        raise IvosError(f"After the propagation {len(empty)} frames have no mask.")
    for name in _MASKS:
        _log.info("exporting %s", folder / name)
        controller.export(folder / name)
        yield 0.1
        yield idle
        if not (folder / name).exists():
            raise IvosError(f"'{folder / name}' was not written.")
    yield 0.5
    picture = folder / "demo.png"
    viewer.screenshot(str(picture), canvas_only=False, flash=False)
    _log.info("picture of the window: %s", picture)
