"""Whole programs, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
import tifffile

TESTS = Path(__file__).parents[1]

CLOSED_BY_HAND = """
import threading, time
import napari
import numpy as np
from qtpy.QtCore import QTimer
from fakes import FakeEngine
from napari_ivos.gui.main_widget import InteractiveVOS
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session


class Slow(FakeEngine):
    def propagate(self, request):
        for result in super().propagate(request):
            time.sleep(0.05)
            yield result


viewer = napari.Viewer(show=True)
viewer.add_image(np.zeros((2000, 20, 30, 3), np.uint8), rgb=True)
dock = InteractiveVOS(viewer, lambda *args, **given: Session(*args, engine=Slow(), **given))
viewer.window.add_dock_widget(dock)
controller = dock.controller
controller.navigation.go_to(0)
controller.add_strokes([make_stroke(0, 1, [[5, 5]], 2)])


def close_when_it_runs(index):
    if index == 5:
        print(controller.jobs.kind)
        QTimer.singleShot(0, viewer.window._qt_window.close)


QTimer.singleShot(500, controller.propagate)
QTimer.singleShot(500, lambda: controller.jobs.committed.connect(close_when_it_runs))
napari.run()
print(controller.session, [t.name for t in threading.enumerate() if t.name == "napari-ivos"])
"""


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=TESTS,
        check=False,
    )


def test_closing_the_window_by_hand_ends_what_runs():
    done = run("-c", CLOSED_BY_HAND)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["propagation", "None []"]
    assert "Traceback" not in done.stderr


def test_the_demo_looks_at_its_folder_before_it_begins(tmp_path):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "mine.txt").write_text("dear to me")
    done = run("-m", "napari_ivos", "demo", "--out", str(tmp_path))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "holds other files" in done.stderr


@pytest.mark.slow
def test_the_demo_does_the_whole_job_by_itself(tmp_path):
    done = run("-m", "napari_ivos", "demo", "--clip", "natural", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert told[0] == "drawing stroke 1 of 3"
    assert told[-1] == f"picture of the window: {tmp_path / 'demo.png'}"
    masks = tifffile.imread(tmp_path / "masks.tif")
    assert (masks.reshape(len(masks), -1) == 1).any(1).mean() > 0.5
    assert len(list((tmp_path / "masks").glob("*.png"))) == len(masks)
    assert (tmp_path / "demo.png").stat().st_size > 50_000
