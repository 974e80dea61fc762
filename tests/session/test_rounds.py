"""Rounds: where a propagation goes, what it leaves alone, how it meets the round before."""

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.errors import EngineError, IvosError, StrokeError
from napari_ivos.session import Session


def test_first_round_covers_the_video_backwards_then_forwards(session, draw, run):
    draw(5)
    assert run() == [5, 4, 3, 2, 1, 0, *range(6, 20)]
    assert all(session.masks[t].any() for t in range(20))
    assert session.masks[0].dtype == np.uint16


@pytest.mark.parametrize(
    ("direction", "frames"),
    [("forward", [5, *range(6, 20)]), ("backward", [5, 4, 3, 2, 1, 0])],
)
def test_direction(session, draw, run, direction, frames):
    draw(5)
    assert run(direction=direction) == frames


def test_a_correction_stops_before_the_other_annotated_frames(session, draw, run):
    draw(5)
    run()
    before = [session.masks[t].copy() for t in range(20)]
    draw(12, y=20)
    assert run() == [12, 11, 10, 9, 8, 7, 6, *range(13, 20)]
    for t in range(6):
        np.testing.assert_array_equal(session.masks[t], before[t])


def test_results_are_blended_by_distance(session, engine, draw, run):
    draw(4)
    run()
    draw(14, y=20)
    run()
    # A pixel of the new stroke: weight 0.5 + 0.5·|g − 4| / 10, so new wins wherever it is > 0.5.
    probs = session._history.frame(9).probs
    assert session._store.get(probs)[1, 20, 12] == pytest.approx(0.75)
    assert session._store.get(session._history.frame(16).probs)[1, 20, 12] == 1


def test_range_limits_what_changes(session, draw, run):
    draw(5)
    assert run(start=3, stop=8) == [5, 4, 3, 6, 7]
    assert not session.masks[2].any()
    assert not session.masks[8].any()


def test_range_away_from_the_annotated_frame(session, draw, run):
    draw(5)
    assert run(start=10, stop=12) == [10, 11]
    assert not session.masks[9].any()
    assert session.masks[10].any()
    assert session.masks[5].any(), "the stroke's own frame shows what was drawn"


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (0, 21), (8, 3)])
def test_bad_range(session, draw, start, stop):
    draw(5)
    with pytest.raises(StrokeError, match="not a range"):
        session.propagate(start=start, stop=stop)


def test_propagate_says_at_once_what_is_missing(session):
    with pytest.raises(StrokeError, match="Nothing is annotated"):
        session.propagate()
    with pytest.raises(StrokeError, match="Frame 3 has no strokes"):
        session.propagate(3)
    with pytest.raises(StrokeError, match="direction"):
        session.propagate(direction="sideways")
    with pytest.raises(StrokeError, match="Nothing is drawn"):
        session.interact(3)


def test_without_objects_there_is_nothing_to_segment():
    with Session(np.zeros((3, 20, 20, 3), np.uint8), engine=FakeEngine()) as session:
        session.add_stroke(0, 0, [[5, 5]])
        with pytest.raises(StrokeError, match="no object"):
            session.interact(0)


def test_closing_the_generator_keeps_what_was_yielded_and_ends_the_round(session, draw):
    draw(5)
    results = session.propagate()
    seen = [next(results) for _ in range(3)]
    results.close()
    assert [update.index for update in seen] == [5, 4, 3]
    assert [bool(session.masks[t].any()) for t in range(7)] == [False] * 3 + [True] * 3 + [False]
    assert session.pending_frames == ()
    assert not session.commit(seen[-1]), "what comes of it now is too late"


def test_an_error_keeps_what_was_done():
    engine = FakeEngine(fails_at=8)
    with Session(np.zeros((20, 30, 40, 3), np.uint8), engine=engine) as session:
        session.add_object()
        session.add_stroke(5, 1, [[10, 10]], 2)
        with pytest.raises(EngineError, match="Frame 8"):
            list(session.propagate())
        assert session.masks[7].any()
        assert not session.masks[8].any()
        session.undo()
        assert not session.masks[7].any()


def test_an_error_before_any_result_leaves_the_round_open():
    class Broken(FakeEngine):
        def interact(self, request):
            raise EngineError("Out of memory.")

    with Session(np.zeros((4, 30, 40, 3), np.uint8), engine=Broken()) as session:
        session.add_object()
        session.add_stroke(1, 1, [[10, 10]], 2)
        with pytest.raises(EngineError):
            list(session.propagate())
        assert session.pending_frames == (1,)
        assert session.undo_text.startswith("stroke")


def test_preview_refines_and_is_not_computed_twice(session, engine, draw):
    draw(5)
    first = session.interact(5)
    assert first.any()
    np.testing.assert_array_equal(session.masks[5], first)
    assert engine.interacted == [5]
    session.interact(5)
    assert engine.interacted == [5], "nothing new was drawn"
    draw(5, y=20)
    second = session.interact(5)
    assert engine.interacted == [5, 5]
    assert second.sum() > first.sum()
    list(session.propagate())
    assert engine.interacted == [5, 5], "the preview is up to date"


def test_previous_mask_is_the_prior_of_a_later_round(session, engine, draw, run):
    draw(5)
    run()
    draw(9, y=20)
    session.interact(9)
    draw(9, y=25)
    session.interact(9)
    request = engine.requests[-1]
    assert request.prior[1, 10, 12] == 1
    assert request.prior[1, 20, 12] == 0, "the prior is from before this round"
    assert request.shown[1, 20, 12] == 1, "what the stroke before made of it"
    assert request.memory == (5,)


@pytest.mark.parametrize(("accumulate", "count"), [(True, 2), (False, 1)])
def test_strokes_of_earlier_rounds_count_again_or_not(accumulate, count):
    engine = FakeEngine()
    with Session(np.zeros((5, 30, 40, 3), np.uint8), engine=engine, accumulate=accumulate) as s:
        s.add_object()
        s.add_stroke(2, 1, [[5, 5]])
        list(s.propagate())
        s.add_stroke(2, 1, [[9, 9]])
        list(s.propagate())
        assert len([r for r in engine.requests if hasattr(r, "strokes")][-1].strokes) == count


def test_all_frames_drawn_on_are_segmented_and_kept(session, draw, run):
    draw(3)
    draw(12, y=20)
    assert session.pending_frames == (3, 12)
    assert run() == [12, *range(11, 3, -1), *range(13, 20)]
    assert session.masks[3][10, 12] == 1
    assert session.masks[3][20, 12] == 0
    assert session.pending_frames == (3,)
    assert run(3) == [3, 2, 1, 0, *range(4, 12)]
    assert session.pending_frames == ()


def test_memory_holds_the_rounds_in_order(session, draw, run):
    for frame in (5, 12, 2):
        draw(frame)
        run()
    assert session._history.state.memory == (5, 12, 2)


def test_reliability_and_recommendation(session, draw, run):
    assert np.isnan(session.reliability).all()
    assert session.recommend(1) == []
    draw(5)
    run()
    assert session.reliability.dtype == np.float64
    assert session.reliability[5] == 1
    assert session.recommend(1) == [19]
    assert len(session.recommend(4)) == 4
    session.accept(19)
    assert session.recommend(1) == [18]


def test_changing_the_method_rebuilds_its_memory(session, engine, draw, run):
    draw(5)
    run()
    draw(12)
    run()
    masks = np.asarray(session.masks)
    session.set_method("flow")
    np.testing.assert_array_equal(session.masks, masks)
    draw(15)
    session.interact(15)
    assert engine.requests[-1].memory == (5, 12)


def test_unknown_method_and_device():
    video = np.zeros((2, 20, 20, 3), np.uint8)
    with pytest.raises(EngineError, match=r"no method called 'magic'.*flow"):
        Session(video, method="magic")
    with pytest.raises(EngineError, match="does not run on 'abacus'"):
        Session(video, method="flow", device="abacus")
    with pytest.raises(EngineError, match="takes no checkpoint"):
        Session(video, method="flow", checkpoint="weights.pth")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"device": None}, "None is no device"),
        ({"checkpoint": 5}, "5 is not a path"),
        ({"project": 5}, "5 is not a path"),
        ({"cache_bytes": None}, "None is no number of bytes"),
        ({"cache_bytes": -1}, "-1 is no number of bytes"),
    ],
)
def test_values_of_another_kind_get_a_sentence(given, word):
    with pytest.raises(IvosError, match=word):
        Session(np.zeros((2, 20, 20, 3), np.uint8), **{"method": "flow"} | given)


@pytest.mark.parametrize("strokes", [[5], 5, None])
def test_what_is_no_stroke_gets_a_sentence(session, strokes):
    with pytest.raises(StrokeError, match="is not a stroke"):
        session.add_strokes(strokes)


def test_one_frame_video(engine):
    with Session(np.zeros((1, 20, 20, 3), np.uint8), engine=engine) as session:
        session.add_object()
        session.add_stroke(0, 1, [[5, 5]], 2)
        assert [r.index for r in session.propagate()] == [0]
