import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evaluation.made_data import labels_of, write_sequence
from napari_ivos import cli
from napari_ivos.evaluation.rows import read_rows


@pytest.fixture
def invoke():
    """Run ``napari-ivos evaluate``; gives .exit_code, .stdout and .stderr."""

    def invoke(*args):
        words = ["evaluate", *map(str, args)]
        return CliRunner().invoke(cli.app, words, catch_exceptions=False)

    return invoke


def test_the_command_writes_a_report(invoke, davis, tmp_path):
    report = tmp_path / "report"
    result = invoke(
        davis, "--report", report, "--method", "flow", "--guidance", "uniform", "--metric", "J",
        "--rounds", "2", "--sequences", "pair",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    summary = json.loads((report / "summary.json").read_text())
    assert summary["metric_at_threshold"]["threshold"] == 60
    assert set(summary["curve"]) == {"time", "J"}
    [line] = result.stdout.splitlines()
    assert line == (
        f"{report / 'index.html'}: AUC of J {summary['auc']:.4f}, "
        f"J after 60 s {summary['metric_at_threshold']['J']:.4f}"
    )
    [told] = result.stderr.splitlines()
    assert told.startswith("1 of 1: pair, scribbles 1: J ")
    rows = read_rows(report / "report.csv")
    assert {row.sequence for row in rows} == {"pair"}
    assert {row.interaction for row in rows} == {1, 2}


def test_a_pair_of_folders_and_points(invoke, tmp_path):
    write_sequence(tmp_path, "dog", labels_of(1, 4), keep=(0, 2))
    frames, labels = tmp_path / "JPEGImages/480p/dog", tmp_path / "Annotations/480p/dog"
    result = invoke(
        frames, "--labels", labels, "--report", tmp_path / "report", "--rounds", "1",
        "--points", "5", "--starts", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    rows = read_rows(tmp_path / "report" / "report.csv")
    assert [(row.sequence, row.scribble_idx, row.frame) for row in rows] == [
        ("dog", 1, 0), ("dog", 1, 2), ("dog", 2, 0), ("dog", 2, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"DATASET": "nowhere"}, "nowhere"),
        ({"DATASET": "."}, "layout of DAVIS"),
        ({"--method": "magic"}, "magic"),
        ({"--sequences": "cat"}, "blob, pair"),
        ({"--subset": "test"}, "'test'"),
        ({"--labels": "nowhere"}, "nowhere"),
        ({"--points": "nowhere.json"}, "nowhere.json"),
        ({"--method": "flow", "--checkpoint": "x.pth"}, "takes no checkpoint"),
        ({"--checkpoint": "x.pth"}, "x.pth'. Check its path"),
        ({"--checkpoint": "~/x.pth"}, f"'{Path.home() / 'x.pth'}'. Check its path"),
        ({"--report": "davis"}, "holds other files"),
        ({"--time-limit": "-1"}, "positive"),
        ({"--short-side": "2"}, "short side"),
    ],
)
def test_a_bad_argument_gets_one_sentence(invoke, davis, tmp_path, monkeypatch, change, word):
    monkeypatch.chdir(tmp_path)
    given = {"DATASET": "davis", "--report": "report", "--rounds": "1"} | change
    dataset = given.pop("DATASET")
    result = invoke(dataset, *(part for pair in given.items() for part in pair))
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert word in line


@pytest.mark.parametrize("option", [("--guidance", "magic"), ("--rounds", "0"), ("--workers", "x")])
def test_a_bad_choice_is_status_2(invoke, davis, tmp_path, option):
    result = invoke(davis, "--report", tmp_path / "report", *option)
    assert result.exit_code == 2
    assert option[0] in result.stderr
    assert not (tmp_path / "report").exists()
