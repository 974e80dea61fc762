"""Commands on real Dask clusters, of which parts are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import tifffile

from batch.made_table import Table
from evaluation.made_data import labels_of, write_sequence
from napari_ivos.evaluation.rows import read_rows

psutil = pytest.importorskip("psutil", reason="comes with Dask distributed")
pytest.importorskip("distributed")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals")]

COMMAND = [sys.executable, "-m", "napari_ivos"]
FRAMES = 12


@pytest.fixture
def evaluate(tmp_path):
    """The command ``evaluate`` on six sequences."""
    for name in "abcdef":
        write_sequence(tmp_path / "data", name, labels_of(1, FRAMES))
    args = ["evaluate", tmp_path / "data", "--report", tmp_path / "report", "--rounds", "2"]
    return [*COMMAND, *map(str, args)]


@contextmanager
def started(args, **options):
    """A process that is ended with the block, with all its children."""
    with subprocess.Popen(args, text=True, **options) as running:
        try:
            yield running
        finally:
            with_children(running.pid, lambda process: process.kill())


def with_children(pid, do):
    try:
        own = psutil.Process(pid)
        every = [*own.children(recursive=True), own]
    except psutil.NoSuchProcess:
        return
    for process in every:
        do(process)


@contextmanager
def command(args):
    with started(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        yield running


def workers_of(pid):
    """Worker processes below a process."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@contextmanager
def cluster(folder):
    """A scheduler and a pair of workers, apart from each other; gives address and processes."""
    place = folder / f"scheduler-{time.monotonic_ns()}.json"
    dask = [sys.executable, "-m", "distributed.cli"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    file = ["--scheduler-file", str(place)]
    head = [f"{dask[-1]}.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    more = [f"{dask[-1]}.dask_worker", "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    with (
        started([*dask[:2], *head, *file], **quiet) as scheduler,
        started([*dask[:2], *more, *file], **quiet) as workers,
    ):
        while not place.exists():
            assert scheduler.poll() is None
            time.sleep(0.1)
        yield place, scheduler, workers


def address(place):
    return json.loads(place.read_text(encoding="utf-8"))["address"]


def finished(report):
    """Samples that are there, and when they were written."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in (report / "samples").glob("[!.]*/sample.json")
    }


def assert_whole(report):
    """Every frame of every sequence is counted, and once."""
    keys = [row[:5] for row in read_rows(report / "report.csv")]
    assert len(keys) == len(set(keys)) == 6 * FRAMES * 2
    assert not list((report / "samples").glob(".*"))


def test_a_local_worker_that_is_killed_is_replaced(evaluate, tmp_path):
    report = tmp_path / "report"
    with command([*evaluate, "--workers", "2"]) as running:
        assert running.stderr.readline().startswith("1 of 6: ")
        pair = workers_of(running.pid)
        assert len(pair) == 2
        before = finished(report)
        pair[0].send_signal(signal.SIGKILL)
        _, errors = running.communicate()
    assert running.returncode == 0, errors
    # Dask's own account of what it mended is not shown.
    assert "distributed" not in errors
    assert [line[:6] for line in errors.splitlines()[:5]] == [f"{n} of 6" for n in range(2, 7)]
    assert before.items() <= finished(report).items()
    assert_whole(report)
    assert not any(worker.is_running() for worker in pair)


def test_when_the_scheduler_is_killed_the_command_goes_on_with_another(evaluate, tmp_path):
    report = tmp_path / "report"
    with (
        cluster(tmp_path) as (place, scheduler, _),
        command([*evaluate, "--scheduler", address(place)]) as running,
    ):
        assert running.stderr.readline().startswith("1 of 6: ")
        scheduler.send_signal(signal.SIGKILL)
        _, errors = running.communicate()
        assert running.returncode == 2
        last = errors.splitlines()[-1]
        assert last.startswith(f"Error: The Dask scheduler at {address(place)} went away. ")
        assert "Traceback" not in errors
    before = finished(report)
    assert before
    assert not (report / "report.csv").exists()
    with cluster(tmp_path) as (place, _, workers):
        # A worker of the cluster is killed as well.
        with command([*evaluate, "--scheduler", address(place)]) as running:
            for _ in range(len(before) + 1):
                running.stderr.readline()
            workers_of(workers.pid)[0].send_signal(signal.SIGKILL)
            _, errors = running.communicate()
        assert running.returncode == 0, errors
    assert before.items() <= finished(report).items()
    assert_whole(report)


def test_when_the_command_is_killed_the_next_one_goes_on(evaluate, tmp_path):
    report = tmp_path / "report"
    with cluster(tmp_path) as (place, _, _):
        with command([*evaluate, "--scheduler", address(place)]) as running:
            assert running.stderr.readline().startswith("1 of 6: ")
            running.send_signal(signal.SIGKILL)
        before = finished(report)
        again = subprocess.run(
            [*evaluate, "--scheduler", address(place)], capture_output=True, text=True, check=False
        )
    assert again.returncode == 0, again.stderr
    assert before.items() <= finished(report).items()
    assert_whole(report)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_local_worker_outlives_its_command(evaluate, tmp_path, how):
    with command([*evaluate, "--workers", "2"]) as running:
        assert running.stderr.readline().startswith("1 of 6: ")
        pair = workers_of(running.pid)
        # Ctrl-C in a terminal reaches the whole group.
        for process in (running, *pair) if how == signal.SIGINT else (running,):
            process.send_signal(how)
        _, errors = running.communicate()
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert errors.splitlines()[-1].endswith("The same command goes on from there.")
        assert "Traceback" not in errors
    _, alive = psutil.wait_procs(pair, timeout=30)
    assert alive == []
    assert finished(tmp_path / "report")


def test_a_table_of_jobs_survives_its_workers_and_its_command(tmp_path):
    table = Table(tmp_path)
    outs = [table.add(name, length=40) for name in "abcd"]
    args = [*COMMAND, "batch", str(table.path), "--workers", "2"]
    with command(args) as running:
        assert running.stderr.readline().startswith("1 of 4: ")
        pair = workers_of(running.pid)
        running.send_signal(signal.SIGKILL)
    psutil.wait_procs(pair, timeout=30)
    before = {out: out.stat().st_mtime_ns for out in outs if out.exists()}
    assert before
    with command(args) as running:
        running.stderr.readline()
        workers_of(running.pid)[1].send_signal(signal.SIGKILL)
        told, errors = running.communicate()
    assert running.returncode == 0, errors
    noted = len(list((tmp_path / "jobs.csv.done").glob("*.json")))
    assert noted == 4
    assert told.startswith(f"{table.path}: 4 jobs, ")
    assert told.endswith(" 0 failed\n")
    # A result that was written but not noted yet is written once more.
    assert sum(out.stat().st_mtime_ns != stamp for out, stamp in before.items()) <= 2
    assert all(len(tifffile.imread(out)) == 40 for out in outs)
    assert not list(tmp_path.glob(".*part*"))


def test_no_scheduler_there_gets_a_sentence(evaluate):
    done = subprocess.run(
        [*evaluate, "--scheduler", "tcp://127.0.0.1:1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: There is no Dask scheduler at 'tcp://127.0.0.1:1'.")
