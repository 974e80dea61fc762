"""A user study as a participant goes through it: a shown window, real mouse and keys."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget

from evaluation.made_data import labels_of, small_davis
from fakes import FakeEngine
from napari_ivos.evaluation.study import Phase
from napari_ivos.gui._player import Player, click, drag
from napari_ivos.gui.study_widget import UserStudy

ARTIFACTS = Path(__file__).parents[2] / "artifacts"


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def perform(qtbot):
    """Run a script in the event loop."""

    def perform(script):
        player = Player(script, patience=60)
        with qtbot.waitSignal(player.ended, timeout=120_000):
            player.start()
        if player.error is not None:
            raise player.error

    return perform


@pytest.fixture
def davis(tmp_path):
    """Two sequences: ``blob`` of 24 frames with one object, ``pair`` of 6 with two."""
    return small_davis(tmp_path / "davis", lengths=(24, 6))


@pytest.fixture
def study(make_napari_viewer, clock, davis, tmp_path):
    """The dock in a shown window, its form filled in."""
    viewer = make_napari_viewer(show=True, strict_qt=True)
    viewer.window._qt_window.resize(1366, 768)

    def study(guidance):
        dock = UserStudy(viewer, lambda *_: FakeEngine(), clock)
        viewer.window.add_dock_widget(dock, name="User study")
        form = dock.form
        form.guidance.setCurrentIndex(form.guidance.findData(guidance))
        for line, text in (
            (form.dataset, davis),
            (form.folder, tmp_path / "results"),
            (form.participant, "ada"),
        ):
            line.setFocus()
            QTest.keyClicks(line, str(text))
        return viewer, dock

    return study


def key(viewer, name):
    """Press a key where the participant looks, as soon as the window has the keyboard."""
    window = viewer.window._qt_window
    window.activateWindow()
    yield window.isActiveWindow
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, name)
    yield 0.02


def stroke(dock, y, x):
    """Draw 20 pixels to the right, and wait for the preview."""
    controller = dock.controller
    before = len(controller.session.strokes())
    yield from drag(controller.viewer, controller.view.strokes, [[y, x], [y, x + 20]])
    yield lambda: len(controller.session.strokes()) > before and controller.jobs.kind is None


def table(path):
    with path.open(newline="") as file:
        return [list(row.values()) for row in csv.DictReader(file)]


def shown_docks(viewer):
    docks = viewer.window._qt_window.findChildren(QDockWidget)
    return {dock.objectName() for dock in docks if dock.isVisible()}


def keep_picture(viewer, name):
    ARTIFACTS.mkdir(exist_ok=True)
    viewer.screenshot(str(ARTIFACTS / f"study_{name}.png"), canvas_only=False, flash=False)


def test_four_candidates(study, perform, clock, tmp_path):
    viewer, dock = study("rs4")
    controller, run, panel = dock.controller, dock.run, dock.panel

    def job():
        click(dock.form.begin)
        yield lambda: run.stage == "working"
        yield 0.4
        assert run.sequence.name == "blob"
        assert not {"layer list", "layer controls"} & shown_docks(viewer)
        clock.now += 1000
        assert controller.phase is Phase.READY

        yield from stroke(dock, 34, 12)
        assert controller.phase is Phase.SCRIBBLING
        clock.now += 4
        yield from key(viewer, "r")
        yield lambda: controller.phase is Phase.FINDING
        assert panel.grid.isVisible()
        yield lambda: controller.jobs.kind is None
        frames = [cell.frame for cell in panel.grid.cells]
        assert frames == sorted(controller.session.recommend(4))
        assert frames[0] > 0
        assert frames[3] == 23
        yield 0.2
        keep_picture(viewer, "rs4")
        panel.grid.grab().save(str(ARTIFACTS / "study_rs4_grid.png"))
        size = panel.grid.cells[0].icon().availableSizes()[0]
        assert size.width() == 2 * size.height() * 80 // 60, "the truth is not beside it"

        clock.now += 8
        yield from key(viewer, "c")
        assert controller.navigation.frame == frames[2]
        assert controller.phase is Phase.SCRIBBLING
        assert not panel.grid.isVisible()
        # Strokes anywhere else are none.
        controller.navigation.go_to(3)
        yield from drag(viewer, controller.view.strokes, [[40, 30], [40, 50]])
        yield 0.1
        assert len(controller.session.strokes()) == 1
        assert f"Frame {frames[2]} was chosen" in dock.message.text()
        yield from key(viewer, " ")
        assert controller.navigation.frame == frames[2]
        yield from stroke(dock, 40, 30)
        clock.now += 16
        yield from key(viewer, "r")
        yield lambda: controller.phase is Phase.FINDING
        clock.now += 32
        yield from key(viewer, "s")
        yield lambda: run.stage == "working" and run.sequence.name == "pair"
        assert not panel.grid.isVisible()
        (row,) = table(tmp_path / "results/ada/flow-rs4/result_ada.csv")
        assert row[:3] == ["blob", "1", "2"]
        assert row[5:] == ["20.0", "0.0", "40.0", "60.0"]
        rounds = table(tmp_path / "results/ada/flow-rs4/rounds.csv")
        assert [row[2] for row in rounds] == ["0", str(frames[2])]

        yield 0.3
        click(panel.leave)
        yield 0.1
        assert not viewer.layers
        assert {"layer list", "layer controls"} <= shown_docks(viewer)
        assert dock.form.isVisible()

    perform(job())


def test_free_search(study, perform, clock, tmp_path):
    viewer, dock = study("free")
    controller, run = dock.controller, dock.run
    results = tmp_path / "results" / "ada" / "flow-free"

    def job():
        click(dock.form.begin)
        yield lambda: run.stage == "working"
        yield 0.4
        for name in ("s", "r", " "):
            yield from key(viewer, name)
        assert controller.phase is Phase.READY
        yield from stroke(dock, 34, 12)
        yield from key(viewer, "u")
        assert not controller.session.strokes()
        yield from key(viewer, "y")
        yield lambda: controller.jobs.kind is None
        yield from key(viewer, "r")
        yield lambda: controller.phase is Phase.FINDING
        assert controller.view.strokes.mode == "pan_zoom"
        # What was run stays: undo is for the strokes of a round.
        yield from key(viewer, "u")
        assert controller.session.masks[5].any()
        controller.navigation.go_to(9)
        yield from key(viewer, " ")
        assert (controller.phase, controller.chosen) == (Phase.SCRIBBLING, 9)
        yield from key(viewer, "s")
        yield lambda: run.stage == "working" and run.sequence.name == "pair"
        yield 0.4

        masks = np.zeros((60, 80), np.uint8)
        for number, y in ((1, 34), (2, 14)):
            yield from key(viewer, str(number))
            assert controller.selected == number
            yield from stroke(dock, y, 12 if number == 1 else 54)
            yield 0.05
        yield from key(viewer, "7")
        assert controller.selected == 2, "there is no object 7"
        yield from key(viewer, "r")
        yield lambda: controller.phase is Phase.FINDING
        keep_picture(viewer, "free")
        masks[:] = controller.session.masks[5]
        assert set(np.unique(masks)) == {0, 1, 2}
        yield from key(viewer, "s")
        yield lambda: run.stage == "finished"
        assert "Thank you" in dock.panel.task.text()
        assert not viewer.layers
        rows = table(results / "result_ada.csv")
        assert [row[:3] for row in rows] == [
            ["blob", "1", "1"],
            ["pair", "1", "1"],
            ["pair", "2", "1"],
        ]
        truth = labels_of(2, 6)
        right = [(masks == 2) & (t == 2) for t in truth], [(masks == 2) | (t == 2) for t in truth]
        expected = np.mean([a.sum() / b.sum() for a, b in zip(*right, strict=True)])
        assert float(rows[2][3]) == pytest.approx(expected)
        with Image.open(results / "masks" / "pair" / "00005.png") as picture:
            np.testing.assert_array_equal(picture, masks)
        # The keys are napari's again.
        viewer.add_image(np.zeros((3, 8, 9)), name="another")
        yield from key(viewer, "s")
        click(dock.panel.leave)
        yield 0.1

    perform(job())
