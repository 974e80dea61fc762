"""The evaluation by people, without a window."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from evaluation.made_data import labels_of, write_sequence
from napari_ivos.errors import IvosError
from napari_ivos.evaluation import f_measure, jaccard
from napari_ivos.evaluation.study import Phase, Study, StudyRound, StudySettings, Trial

ROUNDS = [StudyRound(2, 1.5, 0.25, 3), StudyRound(4, 2, 0.5, 1)]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def trial(clock):
    return Trial("free", clock)


@pytest.fixture
def settings(davis, tmp_path):
    return StudySettings(davis, tmp_path / "results", "ada")


@pytest.fixture
def study(settings):
    made = Study(settings)
    yield made
    made.close()


def keep(study, sequence, masks, rounds=ROUNDS):
    """All that is yielded; the masks have objects 1, 2, … whatever the ids of the truth are."""
    with sequence.open() as video:
        return list(study.keep(sequence, sequence.truth(video), masks, rounds))


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_second_has_its_place(trial, clock):
    clock.now += 50
    assert trial.phase is Phase.READY
    trial.press()
    clock.now += 4
    trial.press()
    trial.run(3)
    clock.now += 2
    trial.operated()
    clock.now += 8
    trial.choose(7)
    clock.now += 1
    trial.run(7)
    clock.now += 0.5
    trial.operated()
    clock.now += 16
    trial.satisfied()
    clock.now += 1000
    trial.satisfied()
    assert trial.phase is Phase.OVER
    assert trial.rounds == [StudyRound(3, 4, 2, 8), StudyRound(7, 1, 0.5, 16)]


def test_pressing_a_key_again_counts_once(trial, clock):
    """The authors' program took each press of a candidate for another round."""
    trial.run(0)
    clock.now += 1
    trial.operated()
    trial.operated()
    for frame in (5, 9, 9):
        clock.now += 1
        trial.choose(frame)
    assert trial.rounds == [StudyRound(0, 0, 1, 3)]
    assert (trial.phase, trial.chosen) == (Phase.SCRIBBLING, 9)
    clock.now += 1
    trial.run(9)
    with pytest.raises(IvosError, match="Wait until"):
        trial.run(9)
    clock.now += 1
    trial.operated()
    assert trial.rounds == [StudyRound(0, 0, 1, 3), StudyRound(9, 1, 1, 0)]


def test_looking_without_drawing_is_finding(clock):
    """As when the method has gone to a frame by itself, and the person is satisfied."""
    trial = Trial("rs1", clock)
    trial.run(0)
    trial.operated()
    trial.choose(4)
    clock.now += 6
    trial.satisfied()
    assert trial.rounds == [StudyRound(0, 0, 0, 6)]


def test_a_run_that_fails_is_no_round(trial, clock):
    trial.press()
    clock.now += 1
    trial.run(0)
    clock.now += 2
    trial.failed()
    assert (trial.phase, trial.rounds) == (Phase.SCRIBBLING, [])
    clock.now += 4
    trial.run(0)
    clock.now += 8
    trial.operated()
    assert trial.rounds == [StudyRound(0, 5, 10, 0)]


def test_one_frame_a_round(trial):
    """The authors' program took strokes on a second frame for strokes on the first."""
    trial.press()
    trial.check_stroke(3, None)
    with pytest.raises(IvosError, match=r"on frame 3\. Run"):
        trial.check_stroke(4, drawn=3)
    trial.run(3)
    with pytest.raises(IvosError, match="Wait until the run has ended"):
        trial.check_stroke(3, None)
    trial.operated()
    with pytest.raises(IvosError, match="Choose a frame first"):
        trial.check_stroke(3, None)
    trial.choose(5)
    with pytest.raises(IvosError, match="Space to choose this one"):
        trial.check_stroke(3, None)
    trial.check_stroke(5, None)


def test_what_cannot_be_done_is_refused_and_changes_nothing(trial, clock):
    with pytest.raises(IvosError, match="no result yet"):
        trial.satisfied()
    with pytest.raises(IvosError, match="Draw a stroke first"):
        trial.run(None)
    with pytest.raises(IvosError, match="shows the objects best"):
        trial.choose(1)
    assert trial.phase is Phase.READY
    trial.run(0)
    with pytest.raises(IvosError, match="not ready yet"):
        trial.satisfied()
    trial.operated()
    with pytest.raises(IvosError, match="Choose a frame first"):
        trial.run(0)
    trial.choose(2)
    with pytest.raises(IvosError, match="not run"):
        trial.satisfied(drawn=2)
    with pytest.raises(IvosError, match="undo"):
        trial.choose(3, drawn=2)
    assert (trial.phase, trial.chosen) == (Phase.SCRIBBLING, 2)


def test_a_finished_sequence_is_in_the_tables(study, settings):
    blob, pair = study.sequences
    assert study.unfinished == [blob, pair]
    truth = labels_of(2, 6)
    masks = truth.astype(np.uint16)
    masks[4][masks[4] == 1] = 0
    assert keep(study, pair, masks) == [1, 2, 3, 4, 5, 6]
    assert study.unfinished == [blob]
    first, second = table(settings.place / "result_ada.csv")
    assert list(first) == [
        "sequence",
        "obj_id",
        "N_rounds",
        "final_J",
        "final_F",
        "scribble_time",
        "operation_time",
        "finding_time",
        "total_time",
    ]
    assert list(first.values())[:3] == ["pair", "1", "2"]
    assert list(first.values())[5:] == ["3.5", "0.75", "4.0", "8.25"]
    for row, number in ((first, 1), (second, 2)):
        pairs = [(truth[t] == number, masks[t] == number) for t in range(6)]
        assert float(row["final_J"]) == pytest.approx(np.mean([jaccard(*p) for p in pairs]))
        assert float(row["final_F"]) == pytest.approx(np.mean([f_measure(*p) for p in pairs]))
    assert float(second["final_J"]) == 1 > float(first["final_J"])
    rounds = table(settings.place / "rounds.csv")
    assert [list(row.values()) for row in rounds] == [
        ["pair", "1", "2", "1.5", "0.25", "3.0"],
        ["pair", "2", "4", "2.0", "0.5", "1.0"],
    ]
    files = sorted((settings.place / "masks" / "pair").iterdir())
    assert [file.name for file in files] == [f"{t:05d}.png" for t in range(6)]
    with Image.open(files[4]) as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(picture, masks[4])


def test_ids_are_those_of_the_truth(davis, tmp_path):
    gaps = labels_of(2, 4)
    gaps[gaps == 2] = 7
    write_sequence(davis, "gaps", gaps, keep=(0, 3))
    study = Study(StudySettings(davis, tmp_path / "results", "ada"))
    keep(study, study.sequences[1], labels_of(2, 4).astype(np.uint16))
    study.close()
    rows = table(study.settings.place / "result_ada.csv")
    assert [(row["obj_id"], row["final_J"]) for row in rows] == [("1", "1.0"), ("7", "1.0")]
    with Image.open(study.settings.place / "masks" / "gaps" / "00002.png") as picture:
        np.testing.assert_array_equal(picture, gaps[2])


def test_it_goes_on_at_the_first_unfinished_sequence(study, settings):
    blob, pair = study.sequences
    keep(study, blob, labels_of(1, 5).astype(np.uint16))
    # The program ends before the tables are written, or while they are.
    (settings.place / "result_ada.csv").unlink()
    study.close()
    again = Study(settings)
    assert again.unfinished == [pair]
    assert [row["sequence"] for row in table(settings.place / "result_ada.csv")] == ["blob"]
    keep(again, pair, labels_of(2, 6).astype(np.uint16))
    assert again.unfinished == []
    names = [row["sequence"] for row in table(settings.place / "result_ada.csv")]
    assert names == ["blob", "pair", "pair"]
    again.close()


def test_what_cannot_be_written_is_not_finished(study, settings):
    blob = study.sequences[0]
    target = settings.place / "masks" / "blob"
    target.mkdir()
    (target / "mine.txt").write_text("dear to me")
    with pytest.raises(IvosError, match="other files"):
        keep(study, blob, labels_of(1, 5).astype(np.uint16))
    assert blob in study.unfinished
    assert not (settings.place / "result_ada.csv").exists()


def test_one_window_at_a_time(study, settings):
    with pytest.raises(IvosError, match="another window"):
        Study(settings)


def test_it_does_not_go_on_with_other_settings(study, settings, davis):
    study.close()
    write_sequence(davis, "more", labels_of(1, 3))
    with pytest.raises(IvosError, match="another list of sequences"):
        Study(settings)
    with pytest.raises(IvosError, match="another device: auto"):
        Study(StudySettings(davis, settings.folder, "ada", device="cpu"))
    # Another person, or another guidance, has results of their own.
    for other in (
        StudySettings(davis, settings.folder, "bob"),
        StudySettings(davis, settings.folder, "ada", guidance="rs4"),
    ):
        Study(other).close()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "../up", ".hidden", "dot.", "x" * 65])
def test_a_participants_name_is_a_plain_one(davis, tmp_path, name):
    with pytest.raises(IvosError, match=r"letters, digits"):
        StudySettings(davis, tmp_path, name)


def test_guidance_needs_a_method_that_knows_where_it_is_doubtful(davis, tmp_path):
    with pytest.raises(IvosError, match="does not estimate"):
        StudySettings(davis, tmp_path, "ada", guidance="rs4", method="atnet")


@pytest.mark.parametrize("content", ["[]", "{", '{"sequence": "blob"}', '{"rounds": [1]}'])
def test_a_damaged_file_is_said_plainly(study, settings, content):
    keep(study, study.sequences[0], labels_of(1, 5).astype(np.uint16))
    study.close()
    (settings.place / "sequences" / "blob.json").write_text(content)
    with pytest.raises(IvosError, match=r"blob\.json"):
        Study(settings)


def test_results_hold_all_digits(study, settings):
    masks = np.roll(labels_of(1, 5), 1, axis=2).astype(np.uint16)
    keep(study, study.sequences[0], masks)
    content = json.loads((settings.place / "sequences" / "blob.json").read_text())
    (row,) = table(settings.place / "result_ada.csv")
    assert [float(row["final_J"]), float(row["final_F"])] == content["scores"][0]
