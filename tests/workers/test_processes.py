import multiprocessing
import os

import pytest

from napari_ivos.errors import EngineError
from napari_ivos.workers import patiently, run_all
from napari_ivos.workers._attempt import environment
from workers.tasks import begun, write


@pytest.fixture
def plain(monkeypatch):
    """As where Dask distributed is not installed."""
    monkeypatch.setattr("napari_ivos.workers.find_spec", lambda name: None)


def test_here_one_task_comes_after_the_other(tmp_path):
    tasks = [tmp_path / name for name in ("a", "wrong", "b")]
    outcomes = list(run_all(tasks, write))
    assert [task for task, _ in outcomes] == tasks
    assert [str(error) for _, error in outcomes] == [
        "None", "Nothing can be seen. Switch the light on.", "None",
    ]  # fmt: skip
    assert tasks[0].read_text() == str(os.getpid())


def test_what_shows_progress_is_used_here_only(tmp_path, plain):
    tasks, seen = [tmp_path / "a", tmp_path / "b"], []
    list(run_all(tasks, write, here=seen.append))
    assert seen == tasks
    list(run_all(tasks, write, workers=2, here=seen.append))
    assert seen == tasks
    assert all(task.exists() for task in tasks)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_death_costs_nobody_else_anything(tmp_path, plain):
    tasks = [tmp_path / name for name in ("deadly", "once", "wrong", "a", "b", "c")]
    outcomes = {task.name: error for task, error in run_all(tasks, write, workers=2)}
    assert outcomes.keys() == {task.name for task in tasks}
    assert isinstance(outcomes["deadly"], EngineError)
    assert "again and again" in str(outcomes["deadly"])
    assert outcomes["wrong"].hint == "Switch the light on."
    assert [outcomes[name] for name in ("once", "a", "b", "c")] == [None] * 4
    assert begun(tmp_path, "deadly") == 3
    assert begun(tmp_path, "once") == 2
    # What ran beside the dying ones was not begun twice.
    assert [begun(tmp_path, name) for name in ("a", "b", "c", "wrong")] == [1] * 4
    assert str(os.getpid()) not in {(tmp_path / name).read_text() for name in "abc"}
    assert multiprocessing.active_children() == []


def test_workers_share_the_cores_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for name in ("OMP_NUM_THREADS", "PYTHONWARNINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    before = dict(os.environ)
    with environment(3):
        assert os.environ["OMP_NUM_THREADS"] == "2"
        assert os.environ["MKL_NUM_THREADS"] == "7"
    assert dict(os.environ) == before
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with environment(9):
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert os.environ["PYTHONWARNINGS"].startswith("error,")
    assert os.environ["PYTHONWARNINGS"] == "error"


def test_leaving_early_ends_the_workers(tmp_path, plain):
    running = run_all([tmp_path / name for name in "abcdef"], write, workers=2)
    next(running)
    running.close()
    assert multiprocessing.active_children() == []


def test_what_is_written_late_is_waited_for(monkeypatch):
    monkeypatch.setattr("napari_ivos.workers.time.sleep", lambda _: None)
    looks = iter([None, None, "there"])
    assert patiently(lambda: next(looks)) == "there"
    monkeypatch.setattr("napari_ivos.workers._PATIENCE", 0)
    assert patiently(lambda: None) is None
