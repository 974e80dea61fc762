"""Make the pictures of the documentation from the real viewer.

On a machine without a screen::

    xvfb-run -a -s "-screen 0 1400x900x24" python docs/make_pictures.py [NAME ...]

``panels`` makes those of every panel (see `panel_pictures.py`), in both themes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import napari
import numpy as np
from album import beside, nobodys, picture_of, stacked
from panel_pictures import ONCE, THEMES, WINDOWS, take_panels
from PIL import Image

from napari_ivos.evaluation.study import Phase, StudySettings
from napari_ivos.export import export_masks
from napari_ivos.gui._automatic import ENVIRONMENT
from napari_ivos.gui._player import Player, Script
from napari_ivos.gui.main_widget import InteractiveVOS
from napari_ivos.gui.study_widget import UserStudy
from napari_ivos.sample_data import load

FOLDER = Path(__file__).parent / "pictures"
LARGEST = 300 * 1024
WIDE = 800
"""From how many pixels on pictures lie one below the other, not side by side."""


@dataclass(frozen=True)
class Scene:
    """What a picture shows: a clip, which of its objects are drawn, and the frame on display."""

    clip: str
    objects: tuple[int, ...]
    frame: int
    size: tuple[int, int] = (1400, 900)


SCENES = {
    "demo": Scene("cells", (5, 8), 0),
    "tutorial": Scene("cells", (5, 8), 63, size=(1366, 768)),
    "natural": Scene("natural", (1, 2), 20),
}


def take(scene: Scene) -> Image.Image:
    """Open the viewer, do the work, and take the picture."""
    # The work is kept, as it is for people, but not with theirs.
    os.environ[ENVIRONMENT] = tempfile.mkdtemp()
    viewer = napari.Viewer(title="Interactive VOS")
    viewer.window._qt_window.resize(*scene.size)
    viewer.open_sample("napari-ivos", scene.clip)
    _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
    taken: list[Image.Image] = []
    player = Player(_work(viewer, dock, scene, taken))
    player.ended.connect(viewer.close)
    player.start()
    napari.run()
    if player.error is not None:
        raise player.error
    return taken[0]


def _work(
    viewer: napari.Viewer, dock: InteractiveVOS, scene: Scene, taken: list[Image.Image]
) -> Script:
    controller = dock.controller
    session, jobs = controller.session, controller.jobs
    assert session is not None
    assert jobs is not None

    def idle() -> bool:
        return jobs.kind is None

    controller.navigation.go_to(0)
    strokes = load(scene.clip).strokes
    for number, label in enumerate(scene.objects, start=1):
        if number > 1:
            controller.add_object()
        (stroke,) = [s for s in strokes if s.object_id == label]
        controller.add_strokes([replace(stroke, object_id=number)])
        yield 0.1
        yield idle
    controller.add_strokes([s for s in strokes if s.object_id == 0])
    yield 0.1
    yield idle
    controller.propagate()
    yield 0.1
    yield idle
    controller.select(1)
    controller.navigation.go_to(scene.frame)
    viewer.reset_view()
    yield 0.5
    taken.append(Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)))


def take_study(theme: str = "dark") -> tuple[Image.Image, Image.Image]:
    """Show the form, and a participant's window after the first round."""
    folder = Path(tempfile.mkdtemp())
    _write_data_set(folder / "data", "cells", (5, 8))
    viewer = napari.Viewer(title="Interactive VOS")
    viewer.theme = theme
    viewer.window._qt_window.resize(1366, 768)
    _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "User study")
    form = picture_of(dock.form.grab())
    dock.form.wanted.emit(StudySettings(folder / "data", folder / "results", "P01"))
    taken: list[Image.Image] = []
    player = Player(_study(viewer, dock, taken))
    player.ended.connect(viewer.close)
    player.start()
    napari.run()
    if player.error is not None:
        raise player.error
    return form, taken[0]


def _write_data_set(root: Path, name: str, objects: tuple[int, ...], length: int = 30) -> None:
    """Write the beginning of a clip as a data set with some of its objects."""
    clip = load(name)
    frames, labels = root / "JPEGImages" / name, root / "Annotations" / name
    frames.mkdir(parents=True)
    labels.parent.mkdir()
    for index, frame in enumerate(clip.frames[:length]):
        Image.fromarray(frame).save(frames / f"{index:05d}.png")
    numbers = np.zeros(clip.labels.max() + 1, np.uint16)
    numbers[list(objects)] = range(1, len(objects) + 1)
    export_masks(labels, numbers[clip.labels[:length]])


def _study(viewer: napari.Viewer, dock: UserStudy, taken: list[Image.Image]) -> Script:
    controller = dock.controller
    yield lambda: dock.run.stage == "working"
    strokes = {s.object_id: s for s in load("cells").strokes}
    for number, label in enumerate((5, 8), start=1):
        controller.add_strokes([replace(strokes[label], object_id=number)])
    yield 0.1
    controller.run()
    yield lambda: controller.phase is Phase.FINDING
    controller.navigation.go_to(20)
    controller.choose_displayed()
    yield 0.5
    viewer.reset_view()
    yield 0.3
    taken.append(Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)))


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG of 256 colours, spread so that small patches of colour keep theirs."""
    method = Image.Quantize.MAXCOVERAGE
    small = picture.convert("RGB").quantize(256, method, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} is larger than {LARGEST // 1024} KB.")


def make(name: str) -> None:
    """Make one picture, or some that come of one piece of work."""
    if name == "panels":
        make_panels()
    elif name == "study":
        (dark_form, dark), (light_form, light) = map(take_study, THEMES)
        save(dark, FOLDER / "study.png")
        save(light, FOLDER / "study-light.png")
        save(beside(dark_form, light_form), FOLDER / "panel-study.png")
    else:
        save(take(SCENES[name]), FOLDER / f"{name}.png")


def make_panels() -> None:
    """Make the pictures of the panels: whole windows in each theme, parts in both side by side."""
    with nobodys():
        dark, light = map(take_panels, THEMES)
    for name in dark:
        if name in WINDOWS:
            save(dark[name], FOLDER / f"window-{name}.png")
            save(light[name], FOLDER / f"window-{name}-light.png")
        elif name in ONCE:
            save(dark[name], FOLDER / f"panel-{name}.png")
        else:
            put = stacked if dark[name].width > WIDE else beside
            save(put(dark[name], light[name]), FOLDER / f"panel-{name}.png")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for wanted in sys.argv[1:] or (*SCENES, "study", "panels"):
        make(wanted)
