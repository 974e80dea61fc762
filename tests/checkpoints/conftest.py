import threading

import pytest
from bad_server import DATA, Server

from napari_ivos.checkpoints import Checkpoint, Patience, WeightFile


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.leaving.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def checkpoint(server):
    """One file on that server."""
    file = WeightFile(
        name="weights.pth",
        url=f"{server.url}/uc?export=download&id=1",
        page="https://example.org/by-hand",
        numbers=len(DATA) // 4,
        entries=(2,),
    )
    return Checkpoint("made-up", "gis", (file,), "tests", "none", "MIT", "MIT", "")


@pytest.fixture
def patience():
    return Patience(connect=10, read=10, window=10, least=1000, tries=3, pause=0.001)
