import signal

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.session import Session

# Shells let what they start in the background ignore Ctrl-C, and so would all commands that tests
# start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def projects_folder(tmp_path, monkeypatch):
    """Where the dock keeps what nobody gave a place; not with the work of who runs the tests."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("NAPARI_IVOS_PROJECTS", str(folder))
    return folder


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def session(engine):
    """A session of 20 black frames of 30 × 40 pixels with one object, run by the fake engine."""
    with Session(np.zeros((20, 30, 40, 3), np.uint8), engine=engine) as made:
        made.add_object()
        yield made


@pytest.fixture
def draw(session):
    """Draw a horizontal stroke of 3 × 11 pixels: ``draw(frame, y, object_id)``."""

    def draw(frame, y=10, object_id=1):
        session.add_stroke(frame, object_id, [[y, 10], [y, 19]], 1.5)

    return draw


@pytest.fixture
def run(session):
    """Propagate and give the frames that results came for."""

    def run(*args, **kwargs):
        return [result.index for result in session.propagate(*args, **kwargs)]

    return run
