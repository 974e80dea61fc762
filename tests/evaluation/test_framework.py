"""Against davisinteractive itself, in a process of its own: it needs names that numpy gave up."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import napari_ivos
from napari_ivos import cli
from napari_ivos.errors import IvosError
from napari_ivos.evaluation import Protocol, evaluate, open_dataset
from napari_ivos.evaluation.framework import check_framework

NEEDED = ("davisinteractive", "networkx", "pandas", "sklearn", "absl", "six")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
needs_framework = pytest.mark.skipif(
    bool(MISSING), reason=f"the DAVIS framework is not installed: no {', '.join(MISSING)}"
)
TESTS = Path(__file__).parents[1]


def answer(code, *args):
    """What a script prints as JSON on its last line."""
    paths = [TESTS, Path(napari_ivos.__file__).parents[1], os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


SAME_MASKS = """
import json
import numpy as np
from scipy.ndimage import gaussian_filter
from napari_ivos.evaluation import Protocol, Robot
from napari_ivos.evaluation.framework import _load
from napari_ivos.evaluation.metrics import score_frame
_load(Protocol())
from davisinteractive.metrics import batched_f_measure, batched_jaccard
from davisinteractive.robot.interactive_robot import InteractiveScribblesRobot

rng = np.random.default_rng(7)
out = {"metrics": [], "counts": [], "lengths": [], "distances": [], "inside": []}


def length(path):
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


for trial in range(12):
    h, w = (int(v) for v in rng.integers(50, 160, 2))
    fields = [gaussian_filter(rng.normal(size=(h, w)), rng.uniform(2, 10)) for _ in range(3)]
    fields = np.stack([field / field.std() for field in fields])
    truth = np.argmax([np.full((h, w), 0.7), *fields], 0)
    shown = np.argmax([np.full((h, w), 0.6), *np.roll(fields, rng.integers(-5, 6, 2), (1, 2))], 0)
    if trial % 6 == 0:
        shown[shown == 2] = 0
    if trial % 8 == 0:
        shown[:] = 0
    theirs = (
        batched_jaccard(truth[None], shown[None], average_over_objects=False, nb_objects=3)[0],
        batched_f_measure(truth[None], shown[None], average_over_objects=False, nb_objects=3)[0],
    )
    ours = np.array(score_frame(truth, shown, (1, 2, 3)))
    out["metrics"].append(float(max(abs(ours[:, 0] - theirs[0]).max(),
                                    abs(ours[:, 1] - theirs[1]).max())))
    robot = InteractiveScribblesRobot(kernel_size=0.2)
    found = robot.interact("x", shown[None], truth[None], nb_objects=3, frame=0)
    their_paths = [(s["object_id"], np.array(s["path"])[:, ::-1] * (h, w))
                   for s in found["scribbles"][0]]
    our_paths = [(s.object_id, s.path) for s in Robot().strokes(truth, shown, (1, 2, 3), 0)]
    out["counts"].append([sorted(n for n, _ in their_paths), sorted(n for n, _ in our_paths)])
    out["lengths"].append([sum(length(p) for _, p in paths) for paths in (their_paths, our_paths)])
    for number, path in our_paths:
        # The nearest of their strokes on the same object, from any point of ours.
        gaps = [np.sqrt(((path[::50, None] - p[None, ::50]) ** 2).sum(-1)).min(1).mean()
                for n, p in their_paths if n == number]
        out["distances"].append(float(min(gaps)))
print(json.dumps(out))
"""


@needs_framework
def test_metrics_are_equal_and_strokes_alike_on_the_same_masks():
    found = answer(SAME_MASKS)
    assert max(found["metrics"]) < 1e-6
    assert sum(len(ours) for _, ours in found["counts"]) > 50
    for theirs, ours in found["counts"]:
        assert ours == theirs
    theirs, ours = (sum(column) for column in zip(*found["lengths"], strict=True))
    assert ours == pytest.approx(theirs, rel=0.02)
    # Most are the same; of equally long paths one or the other may be taken.
    close = sum(distance < 1.5 for distance in found["distances"])
    assert close > 0.9 * len(found["distances"])


SAME_SUMMARY = """
import json, sys
import pandas
from pathlib import Path
from napari_ivos.evaluation import Protocol
from napari_ivos.evaluation.framework import _load
_, davis = _load(Protocol())
from davisinteractive.evaluation.service import EvaluationService
from davisinteractive.storage.local import LocalStorage
root, report, metric = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
davis.sets = {"train": [], "val": ["blob", "pair"], "trainval": ["blob", "pair"]}
davis.dataset = {
    name: {"name": name, "num_frames": frames, "num_objects": objects, "num_scribbles": scribbles,
           "image_size": [80, 60], "set": "val", "year": 2017, "eval_t": True, "attributes": []}
    for name, frames, objects, scribbles in (("blob", 5, 1, 2), ("pair", 6, 2, 1))
}
service = EvaluationService("val", storage=LocalStorage(), davis_root=str(root),
                            max_t=int(sys.argv[4]) or None, max_i=3, metric_to_optimize=metric)
print(json.dumps(service.summarize_report(pandas.read_csv(report, index_col=0))))
"""


@needs_framework
def test_its_own_summary_code_takes_our_report(davis, tmp_path):
    metric, limit = "J", 30
    protocol = Protocol(rounds=3, metric=metric, time_limit=limit)
    ours = evaluate(open_dataset(davis), protocol, tmp_path / "report")
    args = (davis, tmp_path / "report" / "report.csv", metric, limit or 0)
    theirs = answer(SAME_SUMMARY, *args)
    assert theirs["auc"] == pytest.approx(ours["auc"], abs=1e-9)
    assert theirs["metric_at_threshold"] == pytest.approx(ours["metric_at_threshold"])
    for name in ("time", metric):
        assert theirs["curve"][name] == pytest.approx(ours["curve"][name], abs=1e-9)


SAME_GAME = """
import json, sys
from evaluation.made_data import labels_of
from evaluation.made_engine import ShiftEngine
from napari_ivos.evaluation import Protocol, Robot, open_dataset, play
from napari_ivos.evaluation.framework import play_framework

module = sys.modules[play.__module__]
out = []
for sequence in open_dataset(sys.argv[1]):
    labels = labels_of(2 if sequence.name == "pair" else 1, 6 if sequence.name == "pair" else 5)
    module.create_engine = lambda *_: ShiftEngine(labels)
    for guidance in ("oracle", "rs4"):
        protocol = Protocol(rounds=4, guidance=guidance, robot=Robot(nodes=2))
        games = [game(sequence, 1, protocol) for game in (play, play_framework)]
        out.append([[[row[:-1] for row in game.rows] for game in games],
                    [game.frames for game in games],
                    [game.strokes for game in games]])
print(json.dumps(out))
"""


@needs_framework
def test_the_framework_and_our_loop_play_the_same_game(davis):
    for (ours, theirs), frames, strokes in answer(SAME_GAME, davis):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert mine[:5] == other[:5]
            # Strokes are law here, and one of two equally long paths may be another.
            tolerance = 0.05 if mine[4] in frames[0] else 1e-9
            assert mine[5:] == pytest.approx(other[5:], abs=tolerance)
        # A round in which the robot finds nothing to draw does not tell its frame.
        pairs = list(zip(*frames, *strokes, strict=True))
        drawn = [(a, b) for a, b, _, count in pairs if count]
        assert len(drawn) >= 2
        assert all(a == b for a, b in drawn)
        assert [a for _, _, a, _ in pairs] == [b for _, _, _, b in pairs]


@pytest.mark.slow
@needs_framework
def test_the_command_drives_the_framework(davis, tmp_path):
    report = tmp_path / "report"
    args = ["evaluate", str(davis), "--report", str(report), "--rounds", "2", "--sequences", "pair"]
    code = "import sys; from napari_ivos.cli import app; app(sys.argv[1:], standalone_mode=False)"
    code += "; print(1)"
    answer(code, *args, "--via-davisinteractive")
    assert json.loads((report / "settings.json").read_text())["via_davisinteractive"] is True
    assert json.loads((report / "summary.json").read_text())["auc"] > 0.3


@pytest.mark.skipif(not MISSING, reason="davisinteractive is installed")
def test_without_the_framework_there_is_a_sentence_about_it(davis, tmp_path):
    from typer.testing import CliRunner

    args = ["evaluate", str(davis), "--report", str(tmp_path / "r"), "--via-davisinteractive"]
    result = CliRunner().invoke(cli.app, args)
    assert result.exit_code == 2
    assert "davisinteractive cannot be used" in result.stderr
    assert "--no-build-isolation" in result.stderr


def test_what_the_framework_cannot_do_is_said_at_once():
    with pytest.raises(IvosError, match="at most 16 rounds"):
        check_framework(Protocol(rounds=17))
