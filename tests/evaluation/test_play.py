import json

import numpy as np
import pytest

from evaluation.made_data import HEIGHT, WIDTH, labels_of, write_sequence
from napari_ivos.errors import EngineError, IvosError, StrokeError
from napari_ivos.evaluation import Protocol, Robot, open_dataset, play
from napari_ivos.evaluation.metrics import score_frame
from napari_ivos.evaluation.protocol import candidates, worst_unused


def ticking(step=0.25):
    now = iter(np.arange(0, 1e6, step))
    return lambda: float(next(now))


@pytest.fixture
def blob(davis):
    return open_dataset(davis, sequences=["blob"])[0]


@pytest.fixture
def pair(davis):
    return open_dataset(davis, sequences=["pair"])[0]


def test_each_round_is_scored_on_all_frames_and_objects(pair, shifting):
    labels = labels_of(2, 6)
    engine = shifting(labels)
    sample = play(pair, 1, Protocol(rounds=3), ticking())
    assert len(sample.rows) == 3 * 6 * 2
    keys = [(r.interaction, r.frame, r.object_id) for r in sample.rows]
    assert keys == [(i, f, o) for i in (1, 2, 3) for f in range(6) for o in (1, 2)]
    for row in sample.rows:
        assert (row.sequence, row.scribble_idx, row.timing) == ("pair", 1, 0.25)
        assert row.j_and_f == pytest.approx((row.jaccard + row.contour) / 2)
    probs = engine._result(4, (1, 2), 1).probs
    first = score_frame(labels[4], probs.argmax(0), (1, 2))
    found = [(r.jaccard, r.contour) for r in sample.rows if (r.interaction, r.frame) == (1, 4)]
    assert found == first
    assert sample.quality == sorted(sample.quality)


def test_round_1_is_what_people_drew(blob, shifting):
    shifting(labels_of(1, 5))
    for number, frame in ((1, 2), (2, 4)):
        sample = play(blob, number, Protocol(rounds=1))
        assert sample.frames == [frame]
        assert sample.strokes == [1]


def test_without_scribbles_the_robot_begins_on_the_clearest_frame(tmp_path, shifting):
    labels = labels_of(2, 6)
    labels[5][labels[5] == 2] = 0
    shifting(labels)
    write_sequence(tmp_path, "pair", labels)
    [pair] = open_dataset(tmp_path)
    sample = play(pair, 1, Protocol(rounds=1))
    # The last frame has the largest object 1, but no object 2.
    assert sample.frames == [4]
    assert sample.strokes == [2]
    starts = {play(pair, number, Protocol(rounds=1)).frames[0] for number in range(2, 12)}
    assert len(starts) > 1
    assert 5 not in starts


def test_the_oracle_goes_to_the_worst_frame_not_drawn_on_by_the_robot(blob, shifting):
    shifting(labels_of(1, 5))
    protocol = Protocol(rounds=4, metric="J", robot=Robot(nodes=2))
    sample = play(blob, 1, protocol, ticking())
    used = []
    for number in (1, 2, 3):
        rows = [row for row in sample.rows if row.interaction == number]
        quality = {row.frame: row.jaccard for row in rows if row.frame not in used}
        assert sample.frames[number] == min(quality, key=lambda frame: (quality[frame], frame))
        used.append(sample.frames[number])


def test_only_annotated_frames_are_scored_and_drawn_on(tmp_path, shifting):
    labels = labels_of(1, 8)
    write_sequence(tmp_path, "sparse", labels, keep=(1, 4, 6))
    [sparse] = open_dataset(tmp_path)
    for guidance in ("oracle", "rs1", "rs4", "uniform", "random"):
        shifting(labels, reliability=lambda frame: 0.1 if frame == 0 else 0.9 - frame / 100)
        sample = play(sparse, 1, Protocol(rounds=3, guidance=guidance, robot=Robot(nodes=2)))
        assert {row.frame for row in sample.rows} == {1, 4, 6}
        assert set(sample.frames) <= {1, 4, 6}


def test_objects_keep_the_ids_of_the_data_set(tmp_path, shifting):
    labels = labels_of(2, 4) * 40
    shifting(labels)
    write_sequence(tmp_path, "cells", labels)
    [cells] = open_dataset(tmp_path)
    sample = play(cells, 1, Protocol(rounds=2))
    assert {row.object_id for row in sample.rows} == {40, 80}
    assert sample.quality[0] > 0.2


def test_a_time_limit_drops_the_round_that_overruns_it(pair, shifting):
    shifting(labels_of(2, 6))
    # Two objects: 2 × 0.3 seconds, at a quarter of a second for each round.
    sample = play(pair, 1, Protocol(rounds=8, time_limit=0.3), ticking())
    assert len(sample.quality) == 2
    assert max(row.interaction for row in sample.rows) == 2


def test_it_is_the_same_each_time(blob):
    protocol = Protocol(rounds=3, guidance="random")
    first, again = (play(blob, 1, protocol, ticking()) for _ in range(2))
    assert first.rows == again.rows
    assert first.frames == again.frames
    assert first.quality[0] > 0.8


def test_frames_can_be_scaled_for_the_method(blob, shifting):
    small = labels_of(1, 5)[:, ::2, ::2]
    engine = shifting(small)
    engine.fresh = lambda: engine
    sample = play(blob, 1, Protocol(rounds=1, short_side=30))
    assert engine.strokes[0][0].path.max() < 40
    moved = engine._result(0, (1,), 1).probs.argmax(0)
    large = np.kron(moved, np.ones((2, 2), int))
    [(j, f)] = score_frame(labels_of(1, 5)[0], large, (1,))
    assert (sample.rows[0].jaccard, sample.rows[0].contour) == (j, f)


def points_file(path, **change):
    entry = {"fr": "00003.png", "points": [[[20, 30], [30, 35]], [[16], [62]]]} | change
    path.write_text(json.dumps({"pair": entry}))
    return path


def test_round_1_by_points_of_a_youtube_file(pair, tmp_path, shifting):
    engine = shifting(labels_of(2, 6))
    engine.fresh = lambda: engine
    file = points_file(tmp_path / "points.json")
    sample = play(pair, 1, Protocol(rounds=1, points=file))
    assert sample.frames == [3]
    found = [(s.object_id, s.path.tolist()) for s in engine.strokes[0]]
    assert found == [
        (1, [pytest.approx([20, 30])]),
        (1, [pytest.approx([30, 35])]),
        (2, [pytest.approx([16, 62])]),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"fr": "00099.png"},
        {"points": [[[1], [2]]] * 3},
        {"points": [[[HEIGHT], [2]]]},
        {"points": [[[1], [WIDTH]]]},
        {"points": [[[-1], [2]]]},
        {"points": [[1, 2]]},
        {"points": [[[1, 2], [3]]]},
        {"points": "x"},
        {"points": None},
    ],
)
def test_bad_points_get_a_sentence(pair, tmp_path, shifting, change):
    shifting(labels_of(2, 6))
    file = points_file(tmp_path / "points.json", **change)
    with pytest.raises(StrokeError, match="pair"):
        play(pair, 1, Protocol(rounds=1, points=file))


@pytest.mark.parametrize("count", [5, 50])
def test_points_at_random_lie_within_their_objects(pair, shifting, count):
    labels = labels_of(2, 6)
    engine = shifting(labels)
    engine.fresh = lambda: engine
    sample = play(pair, 1, Protocol(rounds=1, points=count))
    assert sample.strokes == [2 * count]
    for stroke in engine.strokes[0]:
        [[y, x]] = np.round(stroke.path).astype(int).tolist()
        assert labels[sample.frames[0], y, x] == stroke.object_id


def test_empty_scribbles_get_a_sentence(blob, davis, shifting):
    shifting(labels_of(1, 5))
    file = davis / "Scribbles" / "blob" / "001.json"
    file.write_text(json.dumps({"sequence": "blob", "scribbles": [[]] * 5}))
    with pytest.raises(StrokeError, match="hold no strokes"):
        play(blob, 1, Protocol(rounds=1))


def test_scribbles_of_an_object_that_the_truth_lacks_get_a_sentence(blob, davis, shifting):
    shifting(labels_of(1, 5))
    file = davis / "Scribbles" / "blob" / "001.json"
    file.write_text(file.read_text().replace('"object_id": 1', '"object_id": 3'))
    with pytest.raises(StrokeError, match=r"blob are of object 3, .* show: 1\."):
        play(blob, 1, Protocol(rounds=1))


# --- which frame is next -----------------------------------------------------------------------

RELIABILITY = np.array([0.9, 0.2, 0.3, 0.8, 0.1, 0.7])


def next_by(guidance, visited, used, frames=range(6), seed=(0,)):
    return candidates(guidance, list(frames), RELIABILITY, visited, used, seed)


def test_rs1_takes_the_least_reliable_frame_whose_truth_is_known():
    assert next_by("rs1", [0], []) == [4]
    assert next_by("rs1", [0], [], frames=(0, 1, 2)) == [1]


def test_rs4_takes_four():
    assert sorted(next_by("rs4", [0], [])) == [1, 2, 4, 5]


def test_uniform_goes_to_the_middle_of_the_widest_gap():
    assert next_by("uniform", [0], []) == [5]
    assert next_by("uniform", [0, 5], [5]) == [2]
    assert next_by("uniform", [2, 5], [5]) == [0]


def test_random_leaves_out_used_frames_until_all_are_used():
    found = {next_by("random", [0], [1, 2, 3], seed=(n,))[0] for n in range(40)}
    assert found == {0, 4, 5}
    assert next_by("random", [0], range(6))[0] in range(6)


def test_of_the_candidates_the_worst_unused_one_is_drawn_on():
    quality = {0: 0.5, 1: 0.1, 2: 0.3, 3: 0.3}
    assert worst_unused(None, quality, []) == 1
    assert worst_unused(None, quality, [1]) == 2
    assert worst_unused([0, 3], quality, []) == 3
    assert worst_unused([0, 3], quality, [0, 3]) == 3


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"guidance": "magic"}, "oracle, rs1"),
        ({"metric": "IoU"}, "J, F, J_AND_F"),
        ({"rounds": 0}, "round"),
        ({"time_limit": 0}, "positive"),
        ({"time_limit": float("nan")}, "positive"),
        ({"points": 0}, "point"),
        ({"short_side": 2}, "short side"),
    ],
)
def test_impossible_settings_get_a_sentence(settings, word):
    with pytest.raises(IvosError, match=word):
        Protocol(**settings)


def test_an_unknown_method_is_found_at_once():
    with pytest.raises(EngineError, match="magic"):
        Protocol(method="magic")
