"""``segment --project`` and ``replay``."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_ivos import cli
from napari_ivos.scribbles import make_stroke, to_davis, write_davis
from napari_ivos.session import Session
from programs import started

LENGTH, HEIGHT, WIDTH = 8, 48, 64


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run a command within this process, in the folder of the files."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args):
        return CliRunner().invoke(cli.app, [str(arg) for arg in args], catch_exceptions=False)

    return invoke


@pytest.fixture(autouse=True)
def files(tmp_path):
    """A movie with a bright square that moves to the right, and strokes on two of its frames."""
    frames = np.full((LENGTH, HEIGHT, WIDTH, 3), 40, np.uint8)
    for index, frame in enumerate(frames):
        frame[14:30, 10 + 2 * index : 26 + 2 * index] = 200
    tifffile.imwrite(tmp_path / "movie.tif", frames, photometric="rgb")
    write_strokes(tmp_path / "one.json", 2)
    write_strokes(tmp_path / "two.json", 2, 5)


def write_strokes(path, *frames):
    strokes = [make_stroke(f, 1, [[22, 14 + 2 * f], [22, 22 + 2 * f]], 1.5) for f in frames]
    strokes += [make_stroke(f, 0, [[42, 14], [42, 40]], 1.5) for f in frames]
    write_davis(path, to_davis(strokes, (HEIGHT, WIDTH), LENGTH, "movie"))


SEGMENT = ("segment", "movie.tif", "--project", "movie.ivos", "--out", "masks.tif", "--strokes")


def test_a_project_keeps_what_segment_did_and_goes_on(invoke, tmp_path):
    result = invoke(*SEGMENT, "one.json")
    assert result.exit_code == 0, result.stderr
    first = tifffile.imread(tmp_path / "masks.tif")
    result = invoke(*SEGMENT, "two.json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == ["Round 2 of 2, from frame 5"]
    with Session.open("movie.ivos") as session:
        assert session.annotated_frames == (2, 5)
        assert session.undo_text == "propagate from frame 5"
        np.testing.assert_array_equal(np.asarray(session.masks), tifffile.imread("masks.tif"))
        session.undo()
        np.testing.assert_array_equal(np.asarray(session.masks), first)


def test_replay_gives_the_same_masks(invoke, tmp_path):
    assert invoke(*SEGMENT, "two.json").exit_code == 0
    result = invoke("replay", "movie.ivos", "--out", "again.tif")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        "movie.ivos: 13 results computed again; the masks of all 8 frames are the same\n"
    )
    again, masks = (tifffile.imread(tmp_path / name) for name in ("again.tif", "masks.tif"))
    np.testing.assert_array_equal(again, masks)


def test_replay_says_what_is_different(invoke, tmp_path):
    assert invoke(*SEGMENT, "two.json").exit_code == 0
    with Session.open("movie.ivos") as session:
        file = tmp_path / "movie.ivos" / "frames" / f"{session._history.frame(4).mask:08d}.blosc"
        other = session._store._folder / f"{session._history.frame(0).mask:08d}.blosc"
    file.write_bytes(other.read_bytes())
    result = invoke("replay", "movie.ivos")
    assert result.exit_code == 1
    assert "1 of 8 frames came out differently, the first is frame 4" in result.stderr


def test_replay_finds_a_video_that_moved(invoke, tmp_path):
    assert invoke(*SEGMENT, "one.json").exit_code == 0
    (tmp_path / "movie.tif").rename(tmp_path / "moved.tif")
    result = invoke("replay", "movie.ivos")
    assert result.exit_code == 2
    assert "--video" in result.stderr
    assert invoke("replay", "movie.ivos", "--video", "moved.tif").exit_code == 0


def test_replay_refuses_what_is_no_project(invoke, tmp_path):
    result = invoke("replay", tmp_path)
    assert result.exit_code == 2
    assert "no project of napari-ivos" in result.stderr


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("missing/again.tif", "no folder"),
        ("again.xyz", "cannot be written as"),
        ("movie.tif", "made from"),
    ],
)
def test_replay_looks_at_where_to_write_before_it_begins(invoke, monkeypatch, out, says):
    def play(*_, **__):
        raise AssertionError("it has begun")

    monkeypatch.setattr("napari_ivos.session.replay", play)
    result = invoke("replay", "movie.ivos", "--video", "movie.tif", "--out", out)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_method_without_its_weights_leaves_no_project(invoke, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_ivos.checkpoints.find", lambda _: None)
    result = invoke(*SEGMENT, "one.json", "--method", "gis")
    assert result.exit_code == 2
    assert "needs its authors' weights" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "movie.ivos").exists()


# The command, which stands still in the middle of its run until it is told to end.
HELD = """
import time
from napari_ivos import cli
from napari_ivos.session import Session

commit = Session.commit

def hold(session, update):
    told = commit(session, update)
    if update.index == 9:
        print("held", flush=True)
        time.sleep(600)
    return told

Session.commit = hold
cli.main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_segment_goes_on_after_it_was_stopped(tmp_path, how):
    frames = np.full((20, 90, 130, 3), 40, np.uint8)
    frames[:, 40:80, 50:110] = 200
    np.save(tmp_path / "long.npy", frames)
    strokes = [make_stroke(2, 1, [[60, 60], [70, 100]], 5)]
    write_davis(tmp_path / "s.json", to_davis(strokes, (90, 130), 20, "long"))
    words = ["segment", "long.npy", "--strokes", "s.json"]
    words += ["--project", "long.ivos", "--out", "masks.npz"]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started([sys.executable, "-c", HELD, *words], cwd=tmp_path, **pipes) as running:
        assert running.stdout.readline() == "held\n"
        running.send_signal(how)
        rest = running.stderr.read()
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert rest.splitlines() == [
            "Round 1 of 1, from frame 2",
            "Stopped; what was done is in long.ivos, and the same command goes on from there.",
        ]
    with Session.open(tmp_path / "long.ivos") as session:
        assert session.masks[2].any()
        assert session.interrupted_frames == (2,)
        done = [index for index in range(20) if session.masks[index].any()]
        assert 0 < len(done) < 20
    command = [sys.executable, "-m", "napari_ivos", *words]
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert again.stderr.splitlines() == ["Round 1 of 1, from frame 2"]
    with np.load(tmp_path / "masks.npz") as archive:
        assert archive["masks"].any(axis=(1, 2)).all()
