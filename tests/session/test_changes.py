"""What a run changed, and taking a run back without what came after it."""

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.errors import StrokeError
from napari_ivos.session import Change, Session, replay
from projects import FRAMES, begin, draw, everything, reopen


def masks(session):
    return np.asarray(session.masks)


def test_nothing_was_run_and_nothing_can_be_taken_back(session, draw):
    assert session.changes() is None
    draw(5)
    assert session.changes() is None
    with pytest.raises(StrokeError, match="no propagation"):
        session.reject()
    assert session.undo_text.startswith("stroke")


def test_the_changes_of_a_run_are_those_of_the_masks(session, draw, run):
    draw(5)
    run()
    before = masks(session)
    draw(12, y=20)
    session.interact(12)
    drawn = session.masks[12].copy()
    run(start=9, stop=15)
    changes = session.changes()
    assert changes.frames == (9, 10, 11, 12, 13, 14)
    assert changes.refresh(10)
    after = masks(session)
    expected = [t for t in range(20) if t != 12 and (before[t] != after[t]).any()]
    assert list(changes.changed) == expected
    assert len(expected) == 5
    gained = (before[13] == 0) & (after[13] > 0)
    np.testing.assert_array_equal(changes.difference(13) == Change.GAINED, gained)
    assert not changes.difference(12).any(), "the preview was there before"
    np.testing.assert_array_equal(drawn, after[12])
    assert not changes.difference(2).any()
    assert changes.difference(13).dtype == np.uint8


def test_pixels_are_gained_lost_or_go_to_another_object(session, draw, run):
    session.add_object()
    draw(5)
    run()
    session.add_stroke(0, 2, [[10, 10], [10, 14]], 1)
    session.add_stroke(0, 0, [[10, 17], [10, 19]], 1)
    session.add_stroke(0, 1, [[25, 5], [25, 9]], 1)
    before = masks(session)[0]
    run()
    after, found = masks(session)[0], session.changes().difference(0)
    assert {Change(value) for value in np.unique(found)} == set(Change)
    np.testing.assert_array_equal(found == Change.LOST, (before > 0) & (after == 0))
    np.testing.assert_array_equal(found == Change.MOVED, (before == 1) & (after == 2))


def test_changes_follow_a_run_that_goes_on_and_take_their_time(session, draw):
    draw(5)
    run = session.propagate()
    next(run), next(run)
    changes = session.changes()
    assert changes.frames == (4, 5)
    assert not changes.refresh(0)
    assert changes.refresh(10)
    assert changes.changed == (4, 5)
    list(run)
    assert len(changes.frames) == 20
    assert changes.refresh(10)
    assert len(changes.changed) == 20


def test_removed_objects_are_no_difference(session, draw, run):
    draw(5)
    run()
    session.add_object()
    session.remove_object(1)
    changes = session.changes()
    assert changes.refresh(10)
    assert changes.changed == ()


# --- taking back ------------------------------------------------------------------------------


def test_a_rejected_run_is_gone_and_its_strokes_are_not(session, draw, run):
    draw(5)
    session.interact(5)
    before, pending = masks(session), session.pending_frames
    run()
    after = masks(session)
    assert session.reject() == 20
    np.testing.assert_array_equal(masks(session), before)
    assert session.pending_frames == pending == (5,)
    assert len(session.strokes()) == 1
    assert session.changes() is None, "it was taken back"
    session.undo()
    np.testing.assert_array_equal(masks(session), after)
    assert session.pending_frames == ()
    session.redo()
    np.testing.assert_array_equal(masks(session), before)
    assert run() == [5, *range(4, -1, -1), *range(6, 20)]
    np.testing.assert_array_equal(masks(session), after)


def test_what_was_done_since_stays(session, engine, draw, run):
    draw(2)
    run()
    first = masks(session)
    draw(10, y=20)
    run()
    session.accept(8)
    accepted = session.masks[8].copy()
    draw(15, y=5)
    session.interact(15)
    drawn = session.masks[15].copy()
    session.reject()
    now = masks(session)
    for t in set(range(20)) - {8, 10, 15}:
        np.testing.assert_array_equal(now[t], first[t])
    np.testing.assert_array_equal(now[8], accepted)
    np.testing.assert_array_equal(now[15], drawn)
    assert len(session.strokes()) == 3
    assert set(session.pending_frames) == {10, 15}
    # And the rounds go on as if it had not been.
    run(15)
    run(10)
    assert session.pending_frames == ()
    assert engine.requests[-1].memory == (2, 15, 10)


def test_a_run_of_which_nothing_can_go_back_stays(session, draw, run):
    draw(5)
    run(start=4, stop=7)
    session.accept(4, 7)
    text = session.undo_text
    with pytest.raises(StrokeError, match="changed since"):
        session.reject()
    assert session.undo_text == text
    assert session.pending_frames == ()


def test_several_runs_go_back_as_one_step(session, draw, run):
    draw(2)
    draw(15, y=20)
    session.interact(2)
    session.interact(15)
    before, steps = masks(session), session.rounds
    run(2)
    run(15)
    assert session.changes(2).frames == tuple(range(20))
    session.reject(session.rounds - steps)
    np.testing.assert_array_equal(masks(session), before)
    assert session.pending_frames == (2, 15)
    session.undo()
    assert session.rounds == 2


def test_rejecting_ends_a_run_that_goes_on(session, draw):
    draw(5)
    run = session.propagate()
    next(run), next(run)
    session.reject()
    assert list(run) == []
    assert not masks(session).any()


def test_rejecting_lives_in_the_project(tmp_path):
    path = tmp_path / "cells.ivos"
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
        session.interact(5)
        list(session.propagate())
        draw(session, 12, y=20)
        list(session.propagate())
    with reopen(path) as session:
        assert len(session.changes().frames) == 14
        session.reject()
        draw(session, 9, y=25)
        list(session.propagate())
        before = everything(session)
    with reopen(path) as session:
        assert everything(session) == before
        session.undo()
        session.undo()
        session.undo()
        assert session.masks[19][20, 12] == 1
    played = replay(path, FRAMES, engine=FakeEngine())
    with played.session:
        assert played.different == ()


def test_the_latest_run_after_an_undo_is_the_one_before(session, draw, run):
    draw(5)
    run()
    draw(12, y=20)
    run()
    session.undo()
    assert len(session.changes().frames) == 20


def test_sessions_without_frames_to_compare_cost_nothing():
    with Session(np.zeros((4, 6, 8, 3), np.uint8), engine=FakeEngine()) as session:
        session.add_object()
        session.add_stroke(0, 1, [[2, 2]])
        list(session.propagate())
        changes = session.changes()
        assert changes.refresh(10)
        for _ in session.propagate():
            pass
        again = session.changes()
        assert again.refresh(10)
        assert again.changed == (), "the same once more"
