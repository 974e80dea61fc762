import json
import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from evaluation.made_data import labels_of, write_sequence
from napari_ivos.errors import EngineError, IvosError
from napari_ivos.evaluation import Protocol, evaluate, open_dataset, play
from napari_ivos.evaluation.rows import read_rows
from napari_ivos.evaluation.run import list_jobs, run_jobs
from napari_ivos.evaluation.store import Store
from programs import started

COMMAND = [sys.executable, "-m", "napari_ivos", "evaluate"]


def scores(folder):
    """A report without the times, which differ from run to run."""
    return [row[:-1] for row in read_rows(folder / "report.csv")]


@pytest.fixture
def played(monkeypatch):
    """Which samples are played, in order."""
    seen = []

    def spy(sequence, number, protocol, **options):
        seen.append((sequence.name, number))
        return play(sequence, number, protocol, **options)

    monkeypatch.setattr("napari_ivos.evaluation.run.play", spy)
    return seen


def test_finished_samples_are_not_played_again(davis, tmp_path, played):
    folder = tmp_path / "report"
    evaluate(open_dataset(davis, sequences=["pair"]), Protocol(rounds=1), folder)
    first = (folder / "report.csv").read_text()
    evaluate(open_dataset(davis), Protocol(rounds=1), folder)
    assert played == [("pair", 1), ("blob", 1), ("blob", 2)]
    names = [(row.sequence, row.scribble_idx) for row in read_rows(folder / "report.csv")]
    assert names == [("blob", 1)] * 5 + [("blob", 2)] * 5 + [("pair", 1)] * 12
    evaluate(open_dataset(davis, sequences=["pair"]), Protocol(rounds=1), folder)
    assert (folder / "report.csv").read_text() == first
    assert len(played) == 3


def test_a_failure_keeps_what_is_finished(davis, tmp_path, played, monkeypatch):
    folder = tmp_path / "report"
    file = davis / "Annotations" / "480p" / "pair" / "00002.png"
    content = file.read_bytes()
    file.write_bytes(content[:50])
    with pytest.raises(IvosError, match=r"00002\.png"):
        evaluate(open_dataset(davis), Protocol(rounds=1), folder)
    assert not (folder / "report.csv").exists()
    file.write_bytes(content)
    evaluate(open_dataset(davis), Protocol(rounds=1), folder)
    assert played == [("blob", 1), ("blob", 2), ("pair", 1), ("pair", 1)]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"rounds": 2}, "rounds = 1, not 2"), ({"guidance": "uniform"}, "guidance = oracle")],
)
def test_other_settings_are_refused(davis, tmp_path, change, word):
    evaluate(open_dataset(davis), Protocol(rounds=1), tmp_path / "report")
    with pytest.raises(IvosError, match=word):
        evaluate(open_dataset(davis), Protocol(**{"rounds": 1} | change), tmp_path / "report")


def test_settings_of_which_nothing_came_do_not_spoil_the_folder(davis, tmp_path):
    torn = tmp_path / "weights.pth"
    torn.write_bytes(b"no weights")
    with pytest.raises(IvosError, match="not a file that torch wrote"):
        evaluate(
            open_dataset(davis), Protocol("gis", checkpoint=torn, rounds=1), tmp_path / "report"
        )
    evaluate(open_dataset(davis), Protocol(rounds=1), tmp_path / "report")


def test_two_evaluations_do_not_write_to_one_folder(davis, tmp_path):
    protocol, folder = Protocol(rounds=1), tmp_path / "report"
    with (
        Store(folder).claimed({}),
        pytest.raises(IvosError, match="Another evaluation"),
    ):
        evaluate(open_dataset(davis), protocol, folder)


def test_a_damaged_sample_gets_a_sentence(davis, tmp_path):
    folder = tmp_path / "report"
    evaluate(open_dataset(davis), Protocol(rounds=1), folder)
    (folder / "samples" / "blob.001" / "sample.json").write_text("{}")
    with pytest.raises(IvosError, match=r"blob\.001 does not hold a finished sample"):
        evaluate(open_dataset(davis), Protocol(rounds=1), folder)


@pytest.fixture
def three(tmp_path):
    """Three sequences of one object."""
    for name in "abc":
        write_sequence(tmp_path / "three", name, labels_of(1, 3))
    return tmp_path / "three"


@pytest.fixture
def plain(monkeypatch):
    """Workers are plain processes, as where Dask distributed is not installed."""
    monkeypatch.setattr("napari_ivos.workers.find_spec", lambda name: None)


def test_a_worker_that_dies_is_replaced(three, tmp_path, plain):
    protocol, store = Protocol(rounds=1), Store(tmp_path / "report")
    jobs = list_jobs(open_dataset(three), protocol)
    seen = []
    with store.claimed({}):
        for sample in run_jobs(jobs, protocol, store, workers=2):
            seen.append(sample.sequence)
            if len(seen) == 1:
                # One of two workers is killed, as the system does it that runs out of memory.
                os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    assert sorted(seen) == list("abc")
    assert multiprocessing.active_children() == []
    alone = tmp_path / "alone"
    evaluate(open_dataset(three), protocol, alone)
    together = sorted(row[:-1] for job in seen for row in store.find(job, 1).rows())
    assert together == scores(alone)


def test_workers_that_die_again_and_again_end_it(three, tmp_path, plain, monkeypatch):
    monkeypatch.setattr("napari_ivos.workers._processes._start_worker", sys.exit)
    protocol, store = Protocol(rounds=1), Store(tmp_path / "report")
    jobs = list_jobs(open_dataset(three), protocol)
    with store.claimed({}), pytest.raises(EngineError, match="again and again"):
        list(run_jobs(jobs, protocol, store, workers=2))


def test_a_sample_that_a_lost_worker_finished_after_all_stays_as_it_is(davis, tmp_path):
    protocol, store = Protocol(rounds=1), Store(tmp_path / "report")
    (sequence,) = open_dataset(davis, sequences=["pair"])
    sample = play(sequence, 1, protocol)
    store.add(sample)
    file = store.find("pair", 1).folder / "rows.csv"
    first = file.stat().st_mtime_ns
    store.add(sample)
    assert file.stat().st_mtime_ns == first


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("how", "workers"),
    [(signal.SIGINT, 1), pytest.param(signal.SIGKILL, 2, marks=pytest.mark.slow)],
)
def test_an_interrupted_command_goes_on_where_it_was(three, tmp_path, how, workers):
    psutil = pytest.importorskip("psutil")
    folder = tmp_path / "report"
    # The last one takes long enough to be interrupted on any machine.
    write_sequence(three, "d", labels_of(1, 24))
    args = [*COMMAND, three, "--report", folder, "--rounds", "1", "--workers", str(workers)]
    with started(args, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        first = running.stderr.readline()
        assert first.startswith("1 of 4: ")
        orphans = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(how)
        rest = running.stderr.read()
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert "finished. The same command goes on from there." in rest
        assert "Traceback" not in rest
    assert not (folder / "report.csv").exists()
    done = {path: path.stat().st_mtime_ns for path in (folder / "samples").glob("*/sample.json")}
    assert done
    # They end by themselves; one may just have finished its sample.
    assert psutil.wait_procs(orphans, timeout=60)[1] == []
    again = subprocess.run(args, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert len(again.stderr.splitlines()) == 4
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in done.items())
    rows = read_rows(folder / "report.csv")
    assert len(rows) == 3 * 3 + 24
    assert len({row[:5] for row in rows}) == len(rows)
    assert not list((folder / "samples").glob(".*"))
    assert json.loads((folder / "summary.json").read_text())["auc"] > 0.1
