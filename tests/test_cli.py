import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_ivos import cli, doctor
from napari_ivos.errors import IvosError
from napari_ivos.sample_data import cells
from napari_ivos.scribbles import make_stroke, to_davis, write_davis
from napari_ivos.session import Session
from programs import started

COMMAND = [sys.executable, "-m", "napari_ivos"]
LENGTH, HEIGHT, WIDTH = 6, 48, 64


@pytest.fixture
def invoke():
    """Run a command within this process; gives .exit_code, .stdout and .stderr."""

    def invoke(*args):
        return CliRunner().invoke(cli.app, [str(arg) for arg in args], catch_exceptions=False)

    return invoke


@pytest.fixture
def movie(tmp_path):
    """A small stack with a bright square that moves to the right."""
    frames = np.full((LENGTH, HEIGHT, WIDTH, 3), 40, np.uint8)
    for index, frame in enumerate(frames):
        frame[14:30, 10 + 2 * index : 26 + 2 * index] = 200
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, photometric="rgb")
    return path


def strokes_file(path: Path, *marks):
    """Scribble file of horizontal strokes (frame, object, row)."""
    strokes = [make_stroke(f, o, [[y, 14 + 2 * f], [y, 22 + 2 * f]], 1.5) for f, o, y in marks]
    write_davis(path, to_davis(strokes, (HEIGHT, WIDTH), LENGTH, "movie"))
    return path


@pytest.fixture
def strokes(tmp_path):
    return strokes_file(tmp_path / "strokes.json", (0, 1, 22), (0, 0, 42))


def refused(result, *words):
    """Whether a mistake was answered by one sentence on stderr, and by status 2."""
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    for word in words:
        assert word in lines[0]
    return True


# --- segment -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["masks.tif", "masks.npz", "masks"])
def test_segment_writes_masks_of_the_whole_video(invoke, movie, strokes, tmp_path, name):
    out = tmp_path / name
    result = invoke("segment", movie, "--strokes", strokes, "--out", out)
    assert result.exit_code == 0, result.stderr
    if name == "masks.tif":
        masks = tifffile.imread(out)
        assert masks.dtype == np.uint16
        assert masks.shape == (LENGTH, HEIGHT, WIDTH)
        for index, mask in enumerate(masks):
            truth = np.zeros((HEIGHT, WIDTH), bool)
            truth[14:30, 10 + 2 * index : 26 + 2 * index] = True
            assert ((mask == 1) & truth).sum() > 0.8 * ((mask == 1) | truth).sum()
    assert out.exists()
    lines = result.stdout.splitlines()
    assert len(lines) == 1
    assert f"{name}: 6 frames of 48 × 64, 1 object, method lite" in lines[0]


def test_segment_takes_a_round_for_each_annotated_frame(invoke, movie, tmp_path, monkeypatch):
    seen = []
    plan = Session.plan_propagate

    def spy(self, frame, direction):
        seen.append((frame, direction, [s.frame for s in self.strokes()]))
        return plan(self, frame, direction)

    monkeypatch.setattr(Session, "plan_propagate", spy)
    marks = strokes_file(tmp_path / "two.json", (4, 2, 26), (1, 1, 18), (1, 0, 42))
    out = tmp_path / "out.npz"
    result = invoke("segment", movie, "--strokes", marks, "--out", out, "--direction", "forward")
    assert result.exit_code == 0, result.stderr
    assert seen == [(1, "forward", [1, 1]), (4, "forward", [1, 1, 4])]
    assert "Round 1 of 2, from frame 1" in result.stderr
    assert "Round 2 of 2, from frame 4" in result.stderr
    with np.load(out) as archive:
        assert archive["object_ids"].tolist() == [1, 2]
        assert not archive["masks"][0].any()
        assert archive["masks"][5].any()


def test_segment_reads_a_movie(invoke, strokes, tmp_path):
    path = tmp_path / "movie.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for level in range(LENGTH):
            picture = np.full((HEIGHT, WIDTH, 3), 20 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    out = tmp_path / "out.tif"
    result = invoke("segment", path, "--strokes", strokes, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert tifffile.imread(out).shape == (LENGTH, HEIGHT, WIDTH)


def test_segment_takes_axes_and_channels(invoke, strokes, tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.zeros((2, LENGTH, HEIGHT, WIDTH), np.uint8))
    out = tmp_path / "out.tif"
    args = ("--strokes", strokes, "--out", out, "--axes", "CTYX", "--channels", "1")
    result = invoke("segment", path, *args)
    assert result.exit_code == 0, result.stderr
    assert tifffile.imread(out).shape == (LENGTH, HEIGHT, WIDTH)


def test_segment_replaces_an_earlier_result(invoke, movie, strokes, tmp_path):
    out = tmp_path / "out.tif"
    out.write_bytes(b"old")
    assert invoke("segment", movie, "--strokes", strokes, "--out", out).exit_code == 0
    assert tifffile.imread(out).shape == (LENGTH, HEIGHT, WIDTH)


GOOD = {"path": [[0.3, 0.4], [0.4, 0.4]], "object_id": 1}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "not valid JSON"),
        ("[]", "holds no scribbles"),
        ('"scribbles"', "holds no scribbles"),
        ({"sequence": "x"}, "scribbles"),
        ({"scribbles": {"0": [GOOD]}}, "scribbles"),
        ({"scribbles": [GOOD]}, "frame 0"),
        ({"scribbles": [[{"object_id": 1}]]}, "path"),
        ({"scribbles": [[]] * 6 + [[GOOD]]}, "frame 6"),
        ({"scribbles": []}, "no strokes"),
        ({"scribbles": [[], []]}, "no strokes"),
        ({"scribbles": [[GOOD | {"object_id": 0}]]}, "only background"),
        ({"scribbles": [[GOOD | {"object_id": "1"}]]}, "object_id"),
        ({"scribbles": [[GOOD | {"object_id": 1.5}]]}, "object_id"),
        ({"scribbles": [[GOOD | {"object_id": True}]]}, "object_id"),
        ({"scribbles": [[GOOD | {"object_id": -1}]]}, "object_id"),
        ({"scribbles": [[GOOD | {"object_id": 70_000}]]}, "object_id"),
        ({"scribbles": [[GOOD | {"path": [[0.3, 1.4]]}]]}, "frame 0"),
        ({"scribbles": [[GOOD | {"path": [[-0.1, 0.4]]}]]}, "frame 0"),
        ({"scribbles": [[GOOD | {"path": [[float("nan"), 0.4]]}]]}, "finite"),
        ({"scribbles": [[GOOD | {"path": []}]]}, "path"),
        ({"scribbles": [[GOOD | {"path": [[0.1]]}]]}, "path"),
        ({"scribbles": [[GOOD | {"path": "abc"}]]}, "path"),
        ({"scribbles": [[GOOD | {"path": None}]]}, "path"),
    ],
)
def test_a_bad_scribble_file_gets_one_sentence(invoke, movie, tmp_path, content, word):
    file = tmp_path / "bad.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    out = tmp_path / "out.tif"
    assert refused(invoke("segment", movie, "--strokes", file, "--out", out), word)
    assert not out.exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"video": "nowhere.mp4"}, "nowhere.mp4"),
        ({"video": "strokes.json"}, ".json cannot be opened as a video"),
        ({"--strokes": "nowhere.json"}, "nowhere.json"),
        ({"--strokes": "movie.tif"}, "movie.tif"),
        ({"--out": "out.avi"}, ".npz, .tif, .tiff"),
        ({"--out": "nowhere/out.tif"}, "no folder"),
        ({"--out": "."}, "other files"),
        ({"--out": "place", "--project": "place"}, "into 'place'"),
        ({"--out": "strokes.json"}, "into 'strokes.json'"),
        ({"--out": "a" * 250 + ".tif"}, "too long"),
        ({"video": "a" * 300 + ".tif"}, "cannot be read"),
        ({"--method": "magic"}, "Choose one of: "),
        ({"--device": "gpu"}, "does not run on 'gpu'"),
        ({"--method": "flow", "--checkpoint": "weights.pth"}, "takes no checkpoint"),
        ({"--checkpoint": "weights.pth"}, "no checkpoint 'weights.pth'"),
        ({"--channels": "red"}, "--channels 0,2"),
        ({"--channels": "7"}, "no channel 7"),
        ({"--axes": "TTT"}, "TTT"),
    ],
)
def test_a_bad_argument_gets_one_sentence(
    invoke, movie, strokes, tmp_path, monkeypatch, change, word
):
    monkeypatch.chdir(tmp_path)
    given = {"video": movie.name, "--strokes": strokes.name, "--out": "out.tif"} | change
    before = sorted(tmp_path.iterdir())
    video = given.pop("video")
    args = [part for pair in given.items() for part in pair]
    assert refused(invoke("segment", video, *args), word)
    assert sorted(tmp_path.iterdir()) == before


def test_ids_that_the_output_cannot_hold_are_found_before_the_run(
    invoke, movie, tmp_path, monkeypatch
):
    monkeypatch.delattr(Session, "plan_propagate")
    marks = strokes_file(tmp_path / "strokes.json", (0, 300, 22))
    result = invoke("segment", movie, "--strokes", marks, "--out", tmp_path / "png")
    assert refused(result, "object 300")


def test_a_missing_option_is_status_2(invoke, movie):
    result = invoke("segment", movie)
    assert result.exit_code == 2
    assert "--out" in result.stderr
    assert refused(invoke("segment", movie, "--out", "out.tif"), "Give --strokes, --masks, or both")


def test_ctrl_c_leaves_nothing_behind(invoke, movie, strokes, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "commit", interrupted)
    before = sorted(tmp_path.iterdir())
    result = invoke("segment", movie, "--strokes", strokes, "--out", tmp_path / "out.tif")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "Stopped; nothing was written."
    assert sorted(tmp_path.iterdir()) == before


def test_a_fault_of_the_program_keeps_its_traceback(movie, strokes, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Session, "commit", broken)
    args = ["segment", str(movie), "--strokes", str(strokes), "--out", str(tmp_path / "out.tif")]
    result = CliRunner().invoke(cli.app, args)
    assert isinstance(result.exception, ZeroDivisionError)


# --- the same as its users run it --------------------------------------------------------------


def cells_on_disk(folder: Path, length: int):
    """The cells clip as a stack, its first strokes as a file, and its truth."""
    clip = cells()
    tifffile.imwrite(folder / "cells.tif", clip.frames[:length], photometric="rgb")
    davis = to_davis(clip.strokes, clip.labels.shape[1:], length, "cells")
    write_davis(folder / "strokes.json", davis)
    return clip.labels[:length]


def mean_jaccard(masks, truth, ids):
    scores = []
    for object_id in ids:
        for mask, true in zip(masks == object_id, truth == object_id, strict=True):
            union = (mask | true).sum()
            scores.append((mask & true).sum() / union if union else 1.0)
    return float(np.mean(scores))


def test_the_command_segments_the_cells(tmp_path):
    truth = cells_on_disk(tmp_path, length=12)
    args = ["segment", "cells.tif", "--strokes", "strokes.json", "--out", "masks.tif"]
    done = subprocess.run(
        [*COMMAND, *args], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    masks = tifffile.imread(tmp_path / "masks.tif")
    assert masks.dtype == np.uint16
    assert masks.shape == truth.shape
    ids = [int(v) for v in np.unique(truth[0]) if v]
    assert mean_jaccard(masks, truth, ids) > 0.8
    # Not a terminal: no bar, no carriage returns, one line for the round.
    assert done.stderr.splitlines() == ["Round 1 of 1, from frame 0"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupt_ends_the_command_cleanly(tmp_path):
    cells_on_disk(tmp_path, length=64)
    before = sorted(tmp_path.iterdir())
    args = ["segment", "cells.tif", "--strokes", "strokes.json", "--out", "masks.tif"]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started([*COMMAND, *args], cwd=tmp_path, **pipes) as running:
        assert running.stderr.readline().startswith("Round 1 of 1")
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        assert running.stdout.read() == ""
    assert running.returncode == 130
    assert rest == "Stopped; nothing was written.\n"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("encoding", ["cp437", "cp1252"])
def test_terminals_without_every_letter(movie, strokes, tmp_path, encoding):
    told = subprocess.run(
        [sys.executable, "-m", "napari_ivos", "segment", movie, "--strokes", strokes]
        + ["--method", "flow", "--out", tmp_path / "größe ☃.npz"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert "größe" in told.stdout.decode(encoding)
    assert rb"\u2603" in told.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("command", ["methods", "--help"])
def test_a_full_device_gets_one_sentence(command):
    with open("/dev/full", "w") as full:
        told = subprocess.run(
            [*COMMAND, command], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert told.returncode == 2
    assert told.stderr == "Error: Nothing more can be written: No space left on device.\n"


@pytest.mark.parametrize(("fault", "status"), [(KeyboardInterrupt(), 130), (IvosError("No."), 2)])
def test_what_ends_outside_of_a_command_is_no_traceback(monkeypatch, capsys, fault, status):
    def end(**_):
        raise fault

    monkeypatch.setattr(cli, "app", end)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == status
    assert capsys.readouterr().err.count("\n") == 1


def test_help_loads_neither_torch_nor_napari():
    code = (
        "import sys; from typer.testing import CliRunner; from napari_ivos.cli import app;"
        "r = CliRunner().invoke(app, ['--help']); assert 'segment' in r.stdout;"
        "assert not {'torch', 'napari', 'cv2', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_script_is_installed():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="napari-ivos")
    assert script.load() is cli.main


# --- the other commands ------------------------------------------------------------------------


def test_version(invoke):
    assert invoke("--version").stdout.strip() == (
        f"napari-ivos {importlib.metadata.version('napari-ivos')}"
    )


def test_methods_are_listed_with_licence_and_checkpoint(invoke):
    lines = invoke("methods").stdout.splitlines()
    assert lines[0].split() == ["NAME", "TITLE", "WEIGHTS", "LICENCE", "DEVICES", "CHECKPOINT"]
    (flow,) = [line for line in lines if line.startswith("flow ")]
    assert "BSD-3-Clause" in flow
    assert "not needed" in flow


@pytest.fixture
def fake_demo(monkeypatch):
    """A stand-in for the window; gives the calls."""
    calls = []
    fake = SimpleNamespace(open_demo=lambda clip, out: calls.append((clip, out)))
    monkeypatch.setitem(sys.modules, "napari_ivos.gui.demo", fake)
    monkeypatch.setenv("DISPLAY", ":99")
    return calls


def test_demo_opens_the_cells(invoke, fake_demo):
    assert invoke("demo").exit_code == 0
    assert fake_demo == [("cells", None)]


def test_demo_takes_a_clip_and_a_folder(invoke, fake_demo, tmp_path):
    out = tmp_path / "new" / "folder"
    result = invoke("demo", "--clip", "natural", "--out", out)
    assert result.exit_code == 0
    assert fake_demo == [("natural", out)]
    assert result.stdout == f"The demo's results are in {out}\n"


def test_demo_refuses_a_file_in_the_folders_place(invoke, fake_demo, tmp_path):
    (tmp_path / "file").write_text("x")
    assert refused(invoke("demo", "--out", tmp_path / "file"), "cannot be made")
    assert fake_demo == []


def test_demo_refuses_an_unknown_clip(invoke, fake_demo):
    assert refused(invoke("demo", "--clip", "dogs"), "cells, natural")
    assert fake_demo == []


def test_demo_without_napari_says_how_to_get_it(invoke, fake_demo, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "napari" else find(name)
    )
    assert refused(invoke("demo"), 'pip install "napari-ivos[all]"')
    assert fake_demo == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has displays by name")
def test_demo_without_a_display_says_so(invoke, fake_demo, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert refused(invoke("demo"), "no display", "xvfb-run")
    assert fake_demo == []


# --- doctor ------------------------------------------------------------------------------------


@pytest.fixture
def packages(monkeypatch):
    """What doctor believes to be installed: change the dictionary, None for what is missing."""
    changed = {}
    real = doctor._installed
    spec = importlib.util.find_spec
    monkeypatch.setattr(
        doctor, "_installed", lambda name: changed[name] if name in changed else real(name)
    )
    monkeypatch.setattr(
        doctor,
        "find_spec",
        lambda name: changed[name] and spec("sys") if name in changed else spec(name),
    )
    # Another process, and a window, are not what is tested here.
    monkeypatch.setattr(doctor, "_opengl", lambda: doctor.Finding("ok", "OpenGL 9.9"))
    return changed


def states(findings, word):
    return [finding for finding in findings if word in finding.text]


def test_doctor_finds_nothing_broken_here(invoke, packages):
    result = invoke("doctor")
    assert result.exit_code == 0, result.stdout
    words = {line.split()[0] for line in result.stdout.splitlines()}
    assert words <= {"ok", "note"}
    for part in ("Python 3.", "numpy ", "torch ", "opencv-python-headless ", "devices: cpu"):
        assert part in result.stdout
    assert "method flow is ready" in result.stdout


def test_doctor_without_napari_says_how_to_get_it(invoke, packages):
    packages["napari"] = None
    result = invoke("doctor")
    assert result.exit_code == 0
    assert (
        'napari is not installed, so there is no window → Run: pip install "napari-ivos[all]"'
        in (result.stdout)
    )


def test_doctor_reports_two_opencvs(invoke, packages):
    packages["opencv-python"] = "5.0"
    result = invoke("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("problem")]
    assert "pip uninstall -y opencv-python-headless opencv-python" in line


def test_doctor_reports_opencv_with_pyqt5(packages):
    packages |= {"opencv-python-headless": None, "opencv-python": "5.0", "PyQt5": "5.15"}
    (finding,) = states(doctor.examine(), "opencv-python 5.0")
    assert finding.state == "problem"
    assert "PyQt5" in finding.text


def test_doctor_reports_a_missing_and_a_broken_package(packages, monkeypatch):
    packages["zarr"] = None
    monkeypatch.setitem(sys.modules, "tifffile", None)
    findings = list(doctor.examine())
    assert [f.state for f in states(findings, "zarr is missing")] == ["problem"]
    assert [f.state for f in states(findings, "cannot be loaded")] == ["problem"]


def test_doctor_reports_napari_without_qt(packages):
    packages |= dict.fromkeys(("PyQt6", "PySide6", "PyQt5", "PySide2"))
    (finding,) = states(doctor.examine(), "no Qt binding")
    assert finding.state == "problem"


@pytest.mark.parametrize(("code", "state"), [("print('4.6')", "ok"), ("import nothing", "problem")])
def test_doctor_asks_for_opengl_in_another_process(monkeypatch, code, state):
    monkeypatch.setattr(doctor, "_OPENGL", code)
    finding = doctor._opengl()
    assert finding.state == state
    assert ("4.6" if state == "ok" else "ModuleNotFoundError") in finding.text
