"""What a method says of how good each object is: kept, shown, and told to it in later rounds."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.session import Session

NEARLY = {"rtol": 1e-6}


class Judging(FakeEngine):
    """Trusts the first object less the farther it is, and all others always."""

    def propagate(self, request):
        for result in super().propagate(request):
            away = abs(result.index - request.frame)
            scores = (1 - away / 10, *(0.9 for _ in request.objects[1:]))
            yield replace(result, object_reliability=scores, reliability=float(np.mean(scores)))


@pytest.fixture
def session():
    with Session(np.zeros((6, 20, 30, 3), np.uint8), engine=Judging()) as made:
        for object_id in (1, 2):
            made.add_object()
            made.add_stroke(0, object_id, [[5 * object_id, 5], [5 * object_id, 15]])
        list(made.propagate(0))
        yield made


def scores(session):
    overview = session.overview()
    while not overview.refresh():
        pass
    return overview.reliability


def test_each_object_has_its_own(session):
    expected = [1 - np.arange(1, 6) / 10, np.full(5, 0.9)]
    np.testing.assert_allclose(scores(session)[:, 1:], expected, **NEARLY)
    np.testing.assert_allclose(session.reliability[1:], np.mean(expected, axis=0))


def test_the_next_round_is_told_what_the_rounds_before_had(session):
    engine = Judging()
    other = Session(np.zeros((6, 20, 30, 3), np.uint8), engine=engine)
    other.add_object()
    other.add_stroke(0, 1, [[5, 5], [5, 15]])
    list(other.propagate(0))
    assert np.isnan(engine.requests[-1].previous_reliability(3)).all()
    other.add_object()
    other.add_stroke(5, 1, [[5, 5], [5, 15]])
    list(other.propagate(5))
    # The second object is new: of it no more is known than of the frame.
    assert engine.requests[-1].previous_reliability(3) == pytest.approx((0.7, 0.7))
    other.close()


def test_what_became_one_object_has_the_least_of_both(session):
    session.merge_objects(1, [2])
    np.testing.assert_allclose(scores(session)[0, 1:], [0.9, 0.8, 0.7, 0.6, 0.5], **NEARLY)


def test_a_person_who_answers_for_a_frame_is_trusted(session):
    session.accept(2, 4)
    np.testing.assert_allclose(scores(session)[0, 1:], [0.9, 1, 1, 0.6, 0.5], **NEARLY)
    session.undo()
    np.testing.assert_allclose(scores(session)[0, 1:], [0.9, 0.8, 0.7, 0.6, 0.5], **NEARLY)


def test_it_is_there_again_when_the_project_is_opened_again(session, tmp_path):
    session.save(tmp_path / "cells.ivos")
    before = scores(session)
    session.close()
    video = np.zeros((6, 20, 30, 3), np.uint8)
    with Session.open(tmp_path / "cells.ivos", video, engine=Judging()) as again:
        np.testing.assert_array_equal(scores(again), before)


def test_a_table_has_that_of_each_object(session, tmp_path):
    session.export(tmp_path / "table.csv")
    with open(tmp_path / "table.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["frame"] == "3"]
    found = {row["object"]: float(row["reliability"]) for row in rows}
    assert found == pytest.approx({"1": 0.7, "2": 0.9})
