"""A person's whole job in a shown window: real mouse and keys, the real method `flow`."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from qtpy.QtTest import QTest

from napari_ivos.gui._player import Player, click, drag, press

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
LENGTH, HEIGHT, WIDTH = 32, 96, 144


def centre(t):
    return 40 + t, 48 + 8 * np.sin(t / 5)


@pytest.fixture(scope="module")
def truth():
    """A disk that moves to the right, (T, H, W) bool."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([np.hypot(columns - x, rows - y) < 15 for x, y in map(centre, range(LENGTH))])


@pytest.fixture(scope="module")
def clip(truth):
    random = np.random.default_rng(1)
    ground = cv2.GaussianBlur(random.integers(0, 255, (HEIGHT, WIDTH), dtype=np.uint8), (0, 0), 2)
    ground = cv2.normalize(ground, None, 20, 90, cv2.NORM_MINMAX)
    frames = np.repeat(np.repeat(ground[None, ..., None], LENGTH, 0), 3, 3)
    frames[truth] = (230, 150, 40)
    return frames


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
def window(make_napari_viewer, qtbot):
    """A shown viewer with this image and the dock from the plugins menu."""

    def window(data, **given):
        viewer = make_napari_viewer(show=True, strict_qt=True)
        viewer.window._qt_window.resize(1400, 900)
        viewer.add_image(data, name="clip", **given)
        _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
        dock.controller.navigation.go_to(0)
        qtbot.wait(300)
        viewer.reset_view()
        qtbot.wait(100)
        return viewer, dock

    return window


def overlap(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()


def shown(controller):
    return np.asarray(controller.view.masks.data)


def test_the_whole_job(window, perform, clip, truth, tmp_path, monkeypatch):
    viewer, dock = window(clip, rgb=True)
    controller = dock.controller
    target = str(tmp_path / "masks"), "TIFF (*.tif *.tiff)"
    monkeypatch.setattr(
        "napari_ivos.gui.panels.export.QFileDialog.getSaveFileName", lambda *_: target
    )
    half = []

    def idle():
        return controller.jobs.kind is None

    def stop_half_way(done, total):
        if done == LENGTH // 2 and not half:
            click(dock.propagate.stop)
            half.append(total)

    def job():
        x, y = centre(0)
        yield from drag(viewer, controller.view.strokes, [[y, x - 8], [y, x], [y + 2, x + 8]])
        press(viewer, "N")
        yield 0.05
        yield from drag(viewer, controller.view.strokes, [[10, 20], [12, 70], [10, 130]])
        yield lambda: len(controller.session.strokes()) >= 2 and idle()
        first, second = controller.session.strokes()
        assert (first.object_id, second.object_id) == (1, 0)
        # As it was drawn, not as it could be guessed from the pixels.
        np.testing.assert_allclose(first.path, [[y, x - 8], [y, x], [y + 2, x + 8]], atol=1)
        assert first.radius == controller.view.strokes.brush_size // 2 + 0.5
        assert overlap(shown(controller)[0] == 1, truth[0]) > 0.8

        controller.progressed.connect(stop_half_way)
        press(viewer, "G")
        yield lambda: bool(half) and idle()
        filled = [t for t in range(LENGTH) if shown(controller)[t].any()]
        assert LENGTH // 2 <= len(filled) < LENGTH

        press(viewer, "G")
        yield 0.05
        yield idle
        assert all(overlap(shown(controller)[t] == 1, truth[t]) > 0.7 for t in range(LENGTH))
        everything = shown(controller)
        press(viewer, "U")
        yield 0.05
        undone = [t for t in range(LENGTH) if shown(controller)[t].any()]
        assert undone == filled
        press(viewer, "Y")
        yield 0.05
        np.testing.assert_array_equal(shown(controller), everything)

        click(dock.export.save)
        yield 0.05
        yield idle
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "masks.tif"), everything)
        controller.navigation.go_to(LENGTH - 1)
        yield 0.3
        ARTIFACTS.mkdir(exist_ok=True)
        picture = viewer.screenshot(
            str(ARTIFACTS / "end_to_end.png"), canvas_only=False, flash=False
        )
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 500

    perform(job())


def test_a_grey_16_bit_movie_with_a_scale(window, perform, clip, truth):
    movie = clip[..., 0].astype(np.uint16) * 40 + 100
    viewer, dock = window(movie, scale=(2, 0.5, 0.5), translate=(0, 10, 20))
    controller = dock.controller

    def job():
        controller.navigation.go_to(7)
        yield 0.1
        x, y = centre(7)
        yield from drag(viewer, controller.view.strokes, [[y, x - 8], [y, x + 8]])
        yield 0.05
        yield lambda: controller.jobs.kind is None
        (stroke,) = controller.session.strokes()
        assert stroke.frame == 7
        np.testing.assert_allclose(stroke.path[:, 0], y, atol=1.5)
        np.testing.assert_allclose(sorted(stroke.path[[0, -1], 1]), [x - 8, x + 8], atol=3.5)
        assert overlap(controller.session.masks[7] == 1, truth[7]) > 0.5

    perform(job())


@pytest.mark.parametrize(("mode", "filled"), [("add_line", False), ("add_polygon_lasso", True)])
def test_shapes_drawn_with_the_mouse(window, perform, clip, mode, filled):
    viewer, dock = window(clip, rgb=True)
    controller = dock.controller

    def job():
        click(dock.strokes.shapes)
        yield 0.1
        layer = viewer.layers.selection.active
        layer.mode = mode
        angle = np.linspace(0, 6, 30)
        path = np.stack([48 + 25 * np.sin(angle), 60 + 25 * np.cos(angle)], axis=1)
        for _ in range(2):
            yield from drag(viewer, layer, path)
            yield 0.1
            yield lambda: controller.jobs.kind is None
        assert [s.filled for s in controller.session.strokes()] == [filled, filled]
        assert layer.data == []

    perform(job())


def test_candidates_are_chosen_with_keys_and_mouse(window, perform, clip, qtbot):
    viewer, dock = window(clip, rgb=True)
    controller, grid = dock.controller, dock.guidance.grid

    def job():
        x, y = centre(0)
        yield from drag(viewer, controller.view.strokes, [[y, x - 8], [y, x], [y + 2, x + 8]])
        yield 0.05
        yield lambda: controller.jobs.kind is None
        press(viewer, "G")
        yield 0.05
        yield lambda: controller.jobs.kind is None
        press(viewer, ";")
        yield 0.2
        yield lambda: controller.jobs.kind is None
        frames = [cell.frame for cell in grid.cells]
        assert frames == sorted(controller.session.recommend(4))
        # napari's own B would show another label in the layer that is painted on.
        for letter, number in {"B": 1, "D": 3, "A": 0}.items():
            viewer.window._qt_window.activateWindow()
            yield viewer.window._qt_window.isActiveWindow
            press(viewer, letter)
            assert controller.navigation.frame == frames[number]
            grid.activateWindow()
            yield grid.isActiveWindow
            QTest.keyClick(grid, "c")
            assert controller.navigation.frame == frames[2]
        assert controller.view.strokes.mode == "paint"
        QTest.keyClick(grid, ";")
        assert not grid.isVisible(), "the viewer's own keys do not work in the grid"
        press(viewer, ";")
        yield 0.2
        click(grid.cells[1])
        assert controller.navigation.frame == frames[1]
        yield 0.2
        ARTIFACTS.mkdir(exist_ok=True)
        assert grid.grab().save(str(ARTIFACTS / "candidates.png"))
        press(viewer, ";")
        press(viewer, "D")
        assert controller.navigation.frame == frames[1], "the letters are still bound"

    perform(job())
