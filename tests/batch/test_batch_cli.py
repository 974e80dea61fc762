import json
import multiprocessing
import os
import shutil

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_ivos import cli
from napari_ivos.batch import run
from napari_ivos.batch.record import claimed
from napari_ivos.errors import EngineError
from napari_ivos.session import Session


@pytest.fixture
def batch(table):
    """Run ``napari-ivos batch`` on the table; gives .exit_code, .stdout and .stderr."""

    def batch(*args):
        words = ["batch", str(table.path), *args]
        return CliRunner().invoke(cli.app, words, catch_exceptions=False)

    return batch


@pytest.fixture
def segmented(monkeypatch):
    """Which videos are segmented, in order."""
    seen = []
    real = run.segment

    def spy(job, watch):
        seen.append(job.video.stem)
        return real(job, watch)

    monkeypatch.setattr(run, "segment", spy)
    return seen


def test_each_line_is_segmented(table, batch, monkeypatch, tmp_path_factory):
    first = table.add("a")
    second = table.add("b", out="b.npz", project="work")
    # Paths are those of the table's folder, wherever the command is given.
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    result = batch()
    assert result.exit_code == 0, result.stderr
    assert tifffile.imread(first).any()
    with np.load(second) as archive:
        assert (archive["masks"] == tifffile.imread(first)).all()
    with Session.open(table.folder / "work") as session:
        assert session.masks[3].any()
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"1 of 2: {first}: 4 frames of 40 × 48, 1 object, method lite")
    assert lines[1].startswith(f"2 of 2: {second}: ")
    assert result.stdout == f"{table.path}: 2 jobs, 2 done now, 0 before, 0 failed\n"


def test_finished_jobs_are_not_done_again(table, batch, segmented):
    out = table.add("a")
    assert batch().exit_code == 0
    first = out.stat().st_mtime_ns
    table.add("b")
    result = batch()
    assert result.stdout == f"{table.path}: 2 jobs, 1 done now, 1 before, 0 failed\n"
    assert segmented == ["a", "b"]
    result = batch()
    assert result.exit_code == 0
    assert result.stdout == f"{table.path}: 2 jobs, 0 done now, 2 before, 0 failed\n"
    assert out.stat().st_mtime_ns == first
    batch("--again")
    assert segmented == ["a", "b", "a", "b"]


@pytest.mark.parametrize("change", ["video", "strokes", "option", "out", "record"])
def test_a_job_is_done_again_when_what_it_depends_on_changed(table, batch, segmented, change):
    out = table.add("a")
    batch()
    if change == "option":
        table.rows[0]["direction"] = "forward"
        table.write()
    elif change == "out":
        out.unlink()
    elif change == "record":
        for file in (table.folder / "jobs.csv.done").glob("*.json"):
            file.write_text("{")
    else:
        os.utime(table.folder / {"video": "a.tif", "strokes": "a.json"}[change], (1, 1))
    assert batch().exit_code == 0
    assert segmented == ["a", "a"]
    assert batch().exit_code == 0
    assert segmented == ["a", "a"]


def test_a_moved_folder_is_still_finished(table, batch, segmented):
    table.add("a")
    batch()
    folder = table.folder.with_name("moved")
    shutil.copytree(table.folder, folder)
    table.path = folder / "jobs.csv"
    assert batch().stdout.endswith("1 job, 0 done now, 1 before, 0 failed\n")
    assert segmented == ["a"]


def test_a_job_that_fails_leaves_the_others_alone(table, batch, monkeypatch):
    outs = [table.add(name) for name in "abc"]
    real = run.segment

    def failing(job, watch):
        if job.video.stem == "a":
            raise EngineError("Out of memory.", "Take smaller frames.")
        if job.video.stem == "b":
            raise ZeroDivisionError("by zero")
        return real(job, watch)

    monkeypatch.setattr(run, "segment", failing)
    result = batch()
    assert result.exit_code == 1
    assert [out.exists() for out in outs] == [False, False, True]
    assert result.stderr.splitlines()[:2] == [
        f"1 of 3: {outs[0]}: failed",
        f"2 of 3: {outs[1]}: failed",
    ]
    assert result.stderr.splitlines()[3:] == [
        "Error: line 2 of jobs.csv: Out of memory. Take smaller frames.",
        "Error: line 3 of jobs.csv: The program failed: ZeroDivisionError: by zero. "
        "'napari-ivos segment' with the same options shows where.",
    ]
    assert result.stdout.endswith("3 jobs, 1 done now, 0 before, 2 failed\n")
    monkeypatch.setattr(run, "segment", real)
    result = batch()
    assert result.exit_code == 0
    assert result.stdout.endswith("3 jobs, 2 done now, 1 before, 0 failed\n")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"video": "nowhere.mp4"}, "nowhere.mp4"),
        ({"strokes": "nowhere.json"}, "nowhere.json"),
        ({"strokes": "a.tif"}, "a.tif"),
        ({"out": "b.avi"}, ".npz, .tif, .tiff"),
        ({"out": "nowhere/b.tif"}, "no folder"),
        ({"method": "magic"}, "Choose one of: "),
        ({"device": "gpu"}, "does not run on 'gpu'"),
        ({"method": "flow", "checkpoint": "b.json"}, "takes no checkpoint"),
        ({"checkpoint": "nowhere.pth"}, "nowhere.pth"),
        ({"channels": "7"}, "no channel 7"),
        ({"axes": "TTT"}, "TTT"),
        ({"project": "."}, "no project"),
        ({"project": "nowhere/b"}, "no folder"),
    ],
)
def test_nothing_is_begun_when_a_line_is_wrong(table, batch, segmented, change, word):
    table.add("a")
    table.add("b", **change)
    result = batch()
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: Line 3 of 'jobs.csv': ")
    assert word in line
    assert segmented == []


def test_two_commands_are_not_at_work_on_one_table(table, batch):
    table.add("a")
    with claimed(table.path, []):
        result = batch()
    assert result.exit_code == 2
    said = f"Error: Another command is at work on '{table.path}'. Wait for it, or stop it.\n"
    assert result.stderr == said


def test_ctrl_c_keeps_what_is_finished(table, batch, segmented, monkeypatch):
    outs = [table.add(name) for name in "ab"]
    commit = Session.commit

    def interrupted(self, update):
        if segmented == ["a", "b"]:
            raise KeyboardInterrupt
        return commit(self, update)

    monkeypatch.setattr(Session, "commit", interrupted)
    result = batch()
    assert result.exit_code == 130
    stopped = "Stopped; 1 of 2 jobs were finished. The same command goes on from there."
    assert result.stderr.splitlines()[1:] == [stopped]
    assert [out.exists() for out in outs] == [True, False]
    assert not list(table.folder.glob(".*part*"))
    monkeypatch.undo()
    assert batch().stdout.endswith("2 jobs, 1 done now, 1 before, 0 failed\n")


def test_several_workers_and_what_dead_ones_left(table, batch, monkeypatch):
    monkeypatch.setattr("napari_ivos.workers.find_spec", lambda name: None)
    outs = [table.add(name) for name in "ab"]
    left = table.folder / ".a-masks.0123abcd.part.tif"
    left.write_bytes(b"half")
    other = table.folder / ".a-masks.mine.part.tif"
    other.write_bytes(b"mine")
    result = batch("--workers", "2")
    assert result.exit_code == 0, result.stderr
    assert all(out.exists() for out in outs)
    assert not left.exists()
    assert other.exists()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("args", "there", "word"),
    [
        (("--scheduler", "tcp://127.0.0.1:1"), False, 'pip install "napari-ivos[cluster]"'),
        (("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), True, "either"),
    ],
)
def test_a_cluster_that_cannot_be_gets_a_sentence(table, batch, monkeypatch, args, there, word):
    monkeypatch.setattr("napari_ivos.workers.find_spec", lambda name: there)
    table.add("a")
    result = batch(*args)
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert word in line


def test_the_record_tells_what_was_done(table, batch):
    out = table.add("a")
    batch()
    [file] = (table.folder / "jobs.csv.done").glob("*.json")
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["out"] == str(out)
    assert "1 object, method lite" in content["result"]
