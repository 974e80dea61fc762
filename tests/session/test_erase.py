"""Strokes taken away again: of this round and of those before."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session, replay
from projects import FRAMES, draw, everything, reopen


class Telling(FakeEngine):
    """Puts a dot into the first row of its results for each round that it remembers."""

    def propagate(self, request):
        for result in super().propagate(request):
            probs = result.probs.copy()
            probs[:, 0, : len(request.memory)] = [[0], [1]]
            yield replace(result, probs=probs)


def masks(session):
    return np.asarray(session.masks)


def test_a_stroke_goes_with_what_it_did_and_comes_back_with_undo(session, draw):
    draw(5)
    session.interact(5)
    draw(5, y=20)
    session.interact(5)
    both = session.masks[5].copy()
    first, second = session.strokes()
    session.remove_strokes([second])
    assert session.strokes() == (first,)
    session.interact(5)
    assert session.masks[5][10, 12] == 1
    assert session.masks[5][20, 12] == 0
    session.undo()
    assert session.strokes() == (first, second)
    np.testing.assert_array_equal(session.masks[5], both)


def test_the_last_stroke_leaves_the_frame_as_it_was_before(session, draw, run):
    draw(5)
    run()
    before = masks(session)
    draw(12, y=20)
    session.interact(12)
    assert session.masks[12][20, 12] == 1
    session.remove_strokes(session.strokes(12))
    np.testing.assert_array_equal(masks(session), before)
    assert session.annotated_frames == (5,)
    assert session.pending_frames == ()


@pytest.mark.parametrize("accumulate", [True, False])
def test_a_stroke_of_an_earlier_round(accumulate):
    engine = FakeEngine()
    with Session(FRAMES, engine=engine, accumulate=accumulate) as session:
        session.add_object()
        draw(session, 5)
        draw(session, 5, y=20)
        list(session.propagate())
        draw(session, 12, y=25)
        list(session.propagate())
        before = masks(session)
        first, second, _ = session.strokes()
        session.remove_strokes([second])
        assert not session.masks[5].any(), "as it was before that round"
        np.testing.assert_array_equal(np.delete(masks(session), 5, 0), np.delete(before, 5, 0))
        assert session.pending_frames == (5,)
        session.interact(5)
        assert engine.requests[-1].strokes == (first,)
        assert engine.requests[-1].prior is None
        assert engine.requests[-1].memory == (5, 12), "rebuilt"
        list(session.propagate())
        assert session.masks[5][10, 12] == 1
        assert not (masks(session)[:6, 20, 12]).any()
        session.undo()
        session.undo()
        np.testing.assert_array_equal(masks(session), before)
        assert session.pending_frames == ()


def test_a_round_of_which_nothing_is_left_is_forgotten(session, engine, draw, run):
    draw(5)
    run()
    draw(12, y=20)
    run()
    before = masks(session)
    session.remove_strokes(session.strokes(5))
    assert session.annotated_frames == (12,)
    assert session.pending_frames == ()
    assert not session.masks[5].any()
    np.testing.assert_array_equal(session.masks[3], before[3])
    assert run() == [12, *range(11, -1, -1), *range(13, 20)]
    assert engine.requests[-1].memory == (12, 12)


def test_painted_pixels_and_accepted_frames_stay(session, draw, run):
    draw(5)
    session.interact(5)
    labels = np.zeros((30, 40), int)
    labels[25:28, 3:6] = 1
    session.paint(5, labels, labels > 0)
    session.remove_strokes(session.strokes())
    np.testing.assert_array_equal(session.masks[5], labels)
    assert session.annotated_frames == (5,)
    session.interact(5)
    np.testing.assert_array_equal(session.masks[5], labels)

    draw(9)
    session.interact(9)
    session.accept(9)
    accepted = session.masks[9].copy()
    session.remove_strokes(session.strokes())
    np.testing.assert_array_equal(session.masks[9], accepted)
    assert session.trusted_frames == (5, 9)
    draw(9, 24)
    assert (session.interact(9) != accepted).any(), "drawn on after it was accepted"
    session.remove_strokes(session.strokes())
    np.testing.assert_array_equal(session.masks[9], accepted)
    session.undo()
    assert (session.masks[9] != accepted).any()


def test_strokes_that_are_not_there_are_no_step(session, draw):
    draw(5)
    text = session.undo_text
    session.remove_strokes([make_stroke(5, 1, [[1, 1]]), make_stroke(900, 1, [[1, 1]])])
    session.remove_strokes([])
    assert session.undo_text == text
    assert len(session.strokes()) == 1
    session.remove_strokes(session.strokes()[0])
    assert not session.strokes(), "a single one is taken as well"


def test_a_late_preview_of_an_erased_stroke_does_not_count(session, draw):
    draw(5)
    plan = session.plan_interact(5)
    (update,) = plan.run()
    session.remove_strokes(session.strokes())
    assert not session.commit(update)
    session.finish(plan)
    assert not session.masks[5].any()


def test_a_run_does_not_bring_an_erased_stroke_back(session, engine, draw):
    draw(5)
    plan = session.plan_propagate()
    results = plan.run()
    seed = next(results)
    session.remove_strokes(session.strokes())
    assert not session.commit(seed)
    session.finish(plan)
    assert not session.masks[5].any()
    draw(7)
    session.interact(7)
    assert engine.requests[-1].memory is None


def test_erasing_lives_in_the_project(tmp_path):
    path = tmp_path / "cells.ivos"
    with Session(FRAMES, engine=Telling(), project=path) as session:
        session.add_object()
        draw(session, 5)
        draw(session, 5, y=20)
        list(session.propagate())
        draw(session, 16)
        list(session.propagate())
        session.remove_strokes(session.strokes(16))
        session.remove_strokes(session.strokes(5)[1:])
        session.interact(5)
        draw(session, 9, y=25)
        session.interact(9)
        list(session.propagate())
        assert session.masks[19][0, :4].tolist() == [1, 1, 0, 0], "rounds on 5 and 9"
        before = everything(session)
    with reopen(path) as session:
        assert everything(session) == before
    played = replay(path, FRAMES, engine=Telling())
    with played.session:
        assert played.different == ()
