"""How work is given to a cluster and what is made of the answers, without a cluster."""

from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from napari_ivos.errors import EngineError, IvosError, VideoError
from napari_ivos.workers import _cluster, run_all

distributed = pytest.importorskip("distributed")


class FakeFuture:
    def __init__(self, task, ending):
        self.task, self.ending = task, ending
        self.status = "finished" if ending is None else "error"

    def result(self):
        raise self.ending


class FakeClient:
    """A cluster that has so many threads and ends tasks as it is told."""

    def __init__(self, threads, endings):
        self.threads, self.endings = threads, endings
        self.busy, self.most = 0, 0

    def nthreads(self):
        return {"tcp://a": self.threads} if self.threads else {}

    def submit(self, work, task, pure):
        assert not pure, "Dask must not take two tasks for one"
        self.busy += 1
        self.most = max(self.most, self.busy)
        return FakeFuture(task, self.endings.get(task))

    def run(self, *_, **__):
        return self.versions


@pytest.fixture
def run(monkeypatch):
    """Run tasks on a fake cluster; gives the client and the outcomes."""

    def run(client, tasks):
        def wait(futures, **_):
            client.busy -= 1
            return SimpleNamespace(done=futures[:1])

        @contextmanager
        def joined(scheduler):
            yield client

        monkeypatch.setattr(distributed, "wait", wait)
        monkeypatch.setattr(_cluster, "_joined", joined)
        return list(run_all(tasks, print, scheduler="tcp://there:1"))

    return run


def test_a_worker_gets_one_task_at_a_time(run):
    client = FakeClient(3, {})
    assert run(client, list(range(10))) == [(task, None) for task in range(10)]
    assert client.most == 3
    # One waits for the first worker to come back.
    client = FakeClient(0, {})
    assert len(run(client, [1, 2])) == 2
    assert client.most == 1


def test_what_ends_a_task(run):
    died = distributed.KilledWorker("task", None, 3)
    wrong = VideoError("Nothing can be seen.")
    outcomes = dict(run(FakeClient(1, {1: wrong, 2: died}), [1, 2, 3]))
    assert outcomes[1] is wrong
    assert isinstance(outcomes[2], EngineError)
    assert outcomes[3] is None


def test_a_fault_of_the_work_is_not_hidden(run):
    with pytest.raises(FileNotFoundError):
        run(FakeClient(1, {1: FileNotFoundError("of the program")}), [1])


@pytest.mark.parametrize("where", ["nthreads", "result"])
def test_a_lost_scheduler_gets_a_sentence(run, monkeypatch, where):
    def gone(*_):
        raise OSError("refused")

    client = FakeClient(1, {2: CancelledError()})
    if where == "nthreads":
        monkeypatch.setattr(client, "nthreads", gone)
    with pytest.raises(IvosError, match="scheduler at tcp://there:1 went away"):
        run(client, [1, 2])


@pytest.mark.parametrize(
    ("there", "word"),
    [("0.0.1", "has napari-ivos 0.0.1"), (ImportError("no such"), "has no napari-ivos")],
)
def test_other_versions_are_refused(there, word):
    client = FakeClient(1, {})
    client.versions = {"tcp://a:1": version("napari-ivos")}
    _cluster._check_versions(client)
    client.versions["tcp://b:1"] = there
    with pytest.raises(IvosError, match=f"tcp://b:1 {word}"):
        _cluster._check_versions(client)


@pytest.mark.parametrize("address", ["nonsense://x:1", "host:port:more"])
def test_an_address_that_is_none_gets_a_sentence(address):
    with pytest.raises(IvosError, match=f"no Dask scheduler at '{address}'"):
        list(run_all([1], print, scheduler=address))


def test_workers_that_cannot_start_get_a_sentence(monkeypatch):
    def failing(**_):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", failing)
    with pytest.raises(EngineError, match="while they started"):
        list(run_all([1, 2], print, workers=2))
