import gc
import itertools
import threading

import numpy as np
import pytest
from qtpy.QtCore import QSettings

from fakes import FakeEngine
from gui.shared_window import SharedWindow, delete_now
from napari_ivos.gui.main_widget import InteractiveVOS
from napari_ivos.session import Session

FRAMES, HEIGHT, WIDTH = 12, 40, 60


class GatedEngine(FakeEngine):
    """Waits at a gate before each frame of a propagation, and before each preview, if told to."""

    def __init__(self, fails_at=None):
        super().__init__(fails_at)
        self.frames = threading.Semaphore(1_000_000)
        self.previews = threading.Semaphore(1_000_000)
        self.failure = None

    def hold_frames(self, after):
        self.frames = threading.Semaphore(after)

    def hold_previews(self):
        self.previews = threading.Semaphore(0)

    def interact(self, request):
        assert self.previews.acquire(timeout=60)
        if self.failure is not None:
            raise self.failure
        return super().interact(request)

    def propagate(self, request):
        for result in super().propagate(request):
            assert self.frames.acquire(timeout=60)
            yield result


@pytest.fixture(autouse=True)
def own_settings(tmp_path):
    """What the dock remembers; not with what the person who runs the tests has set."""
    where = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(*where, str(tmp_path / "settings"))
    return lambda: QSettings(*where, "napari-ivos", "dock")


@pytest.fixture(autouse=True)
def no_threads_left():
    yield
    left = [t.name for t in threading.enumerate() if t.name == "napari-ivos"]
    assert not left


@pytest.fixture
def engine():
    made = GatedEngine()
    yield made
    # Whatever still waits at a gate may go, so that a failing test ends.
    made.frames.release(1000)
    made.previews.release(1000)


@pytest.fixture(autouse=True, scope="module")
def libraries_set_apart():
    """Garbage is not looked for among what is there to stay.

    napari collects garbage whenever its last layer goes, and that takes longer than the test
    before it when every object of every library is looked at.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def deleted(qapp):
    yield
    delete_now()


@pytest.fixture(scope="session")
def shared_window(qapp):
    window = SharedWindow()
    yield window
    window.close()


@pytest.fixture
def no_shared_window(shared_window):
    shared_window.close()
    shared_window.barred = True
    yield
    shared_window.barred = False


@pytest.fixture
def make_napari_viewer(no_shared_window, make_napari_viewer):
    """Opens windows of the test's own: to be shown, or to be closed."""
    return make_napari_viewer


@pytest.fixture
def viewer(shared_window, qtbot, request):
    """An empty viewer, in a window that is not shown."""
    yield shared_window.open()
    if request.node.rep_call.passed:
        shared_window.clear()
    else:
        shared_window.close()


@pytest.fixture
def image(viewer):
    """Made noise: 12 RGB frames of 40 × 60 pixels."""
    pixels = np.random.default_rng(0).integers(0, 255, (FRAMES, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return viewer.add_image(pixels, rgb=True, name="noise")


@pytest.fixture
def open_dock(viewer, engine):
    """Open the dock on whatever the viewer shows, with the fake engine."""

    def make_session(*args, **kwargs):
        return Session(*args, engine=engine, **kwargs)

    def open_session(*args, **kwargs):
        return Session.open(*args, engine=engine, **kwargs)

    def open_dock(given=viewer):
        dock = InteractiveVOS(given, make_session, open_session)
        viewer.window.add_dock_widget(dock, name="Interactive VOS")
        return dock

    return open_dock


@pytest.fixture
def dock(image, open_dock):
    """The dock with a session on the noise, at frame 0."""
    made = open_dock()
    made.controller.navigation.go_to(0)
    return made


@pytest.fixture
def controller(dock):
    return dock.controller


@pytest.fixture
def idle(qtbot, controller):
    """Wait until nothing runs."""

    def idle():
        qtbot.waitUntil(lambda: controller.jobs.kind is None, timeout=30_000)

    return idle


@pytest.fixture
def paint(qtbot, controller):
    """Paint with the brush at points (frame, y, x), as one stroke, and wait until it is taken."""

    def paint(*points):
        layer, before = controller.view.strokes, len(controller.session.strokes())
        with layer.block_history():
            for start, end in itertools.pairwise((points[0], *points)):
                for share in np.linspace(0, 1, 20):
                    point = (1 - share) * np.array(start) + share * np.array(end)
                    layer.paint(point, layer.selected_label)
        qtbot.waitUntil(lambda: len(controller.session.strokes()) > before, timeout=30_000)

    return paint


@pytest.fixture
def said(controller):
    """All that the user was told, in order."""
    sentences = []
    controller.said.connect(lambda text, _bad: sentences.append(text))
    return sentences
