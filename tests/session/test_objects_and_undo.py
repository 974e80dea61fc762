"""Objects at any time, and undo over everything."""

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.errors import ExportError, ProjectError, StrokeError
from napari_ivos.session import Session


def snapshot(session):
    return (
        np.asarray(session.masks),
        session.reliability,
        session.objects,
        session.strokes(),
        session.pending_frames,
        session._history.state.memory,
    )


def assert_same(one, other):
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])
    assert one[2:] == other[2:]


def test_objects_get_ids_in_order_that_are_not_used_again(session):
    assert session.add_object("nucleus") == 2
    session.remove_object(2)
    assert session.add_object() == 3
    assert [(o.id, o.name) for o in session.objects] == [(1, "object 1"), (3, "object 3")]
    session.rename_object(3, "vacuole")
    assert session.objects[1].name == "vacuole"


def test_an_object_added_in_a_later_round_leaves_the_others_alone(session, draw, run):
    draw(5)
    run()
    before = np.asarray(session.masks)
    session.add_object()
    draw(9, y=25, object_id=2)
    run()
    after = np.asarray(session.masks)
    np.testing.assert_array_equal(after == 1, before == 1)
    assert (after[9] == 2).any()
    assert (after[15] == 2).any()
    assert (after[3] == 2).any(), "nothing was known of it on frame 5, so it goes on"


def test_removed_object_goes_from_all_frames_and_comes_back_with_undo(session, draw, run):
    session.add_object()
    draw(5)
    draw(5, y=20, object_id=2)
    run()
    before = snapshot(session)
    session.remove_object(1)
    assert not (np.asarray(session.masks) == 1).any()
    assert (session.masks[0] == 2).any()
    assert [s.object_id for s in session.strokes()] == [2]
    assert run(5) == before_order(5)
    assert not (np.asarray(session.masks) == 1).any()
    session.undo()
    session.undo()
    assert_same(snapshot(session), before)


def before_order(frame):
    return [frame, *range(frame - 1, -1, -1), *range(frame + 1, 20)]


def test_unknown_objects_and_frames(session):
    for action in (
        lambda: session.add_stroke(0, 9, [[1, 1]]),
        lambda: session.remove_object(9),
        lambda: session.lock_object(9),
        lambda: session.mark_absent(9, 0, 1),
    ):
        with pytest.raises(StrokeError, match="no object 9"):
            action()
    for action in (
        lambda: session.add_stroke(20, 1, [[1, 1]]),
        lambda: session.accept(-1),
        lambda: session.add_mask(20, np.zeros((30, 40), int)),
    ):
        with pytest.raises(StrokeError, match="no frame"):
            action()
    assert session.undo_text == "add object 1"


def test_undo_and_redo_go_all_the_way(session, draw, run):
    states = [snapshot(session)]

    def step(action):
        action()
        states.append(snapshot(session))

    step(lambda: draw(5))
    step(run)
    step(lambda: draw(12, y=20))
    step(session.add_object)
    step(lambda: session.add_mask(15, np.eye(30, 40, dtype=int) * 2))
    step(run)
    step(lambda: session.accept(3))
    step(lambda: session.mark_absent(1, 17, 20))
    step(lambda: session.remove_object(1))
    for expected in reversed(states[:-1]):
        session.undo()
        assert_same(snapshot(session), expected)
    for expected in states[1:]:
        session.redo()
        assert_same(snapshot(session), expected)
    assert not session.can_redo


def test_undo_takes_a_stroke_back_with_its_preview(session, draw):
    draw(5)
    session.interact(5)
    first = session.masks[5].copy()
    draw(5, y=20)
    session.interact(5)
    session.undo()
    np.testing.assert_array_equal(session.masks[5], first)
    assert len(session.strokes(5)) == 1
    session.redo()
    assert session.masks[5].sum() == 2 * first.sum()
    session.undo(), session.undo()
    assert not session.masks[5].any()


def test_a_stale_preview_is_dropped_and_ends_no_redo(session, draw):
    draw(5)
    plan = session.plan_interact(5)
    updates = list(plan.run())
    draw(5, y=20)
    assert [session.commit(update) for update in updates] == [False]
    session.finish(plan)
    assert not session.masks[5].any()
    session.undo()
    assert session.can_redo
    plan = session.plan_interact(5)
    late = list(plan.run())
    session.undo()
    assert [session.commit(update) for update in late] == [False]
    session.finish(plan)
    assert session.can_redo


def test_undoing_a_run_that_goes_on_ends_it(session, draw):
    draw(5)
    plan = session.plan_propagate()
    run = plan.run()
    assert session.commit(next(run))
    assert session.commit(next(run))
    session.undo()
    assert not session.masks[5].any()
    assert not session.commit(next(run))
    session.finish(plan)
    assert session.pending_frames == (5,)
    assert not session.masks.__array__().any()


def test_strokes_drawn_during_a_run_belong_to_the_next_round(session, draw):
    draw(5)
    plan = session.plan_propagate()
    updates = iter(plan.run())
    session.commit(next(updates))
    draw(12)
    for update in updates:
        session.commit(update)
    session.finish(plan)
    assert session.pending_frames == (12,)
    assert not session.masks[12].any()
    session.undo()
    assert session.strokes(12) == ()
    assert session.undo_text == "propagate from frame 5"


def test_redo_ends_with_a_new_step_and_its_files_go(session, draw, run):
    draw(5)
    run()
    folder = session._store._folder
    stored = len(list(folder.iterdir()))
    session.undo()
    draw(9)
    assert not session.can_redo
    plan = session.plan_interact(9)
    session.finish(plan)
    session._store.settle()
    assert len(list(folder.iterdir())) < stored
    session.undo(), session.undo()
    assert not session.masks.__array__().any()


def test_closing_removes_the_files():
    session = Session(np.zeros((2, 20, 20, 3), np.uint8), engine=FakeEngine())
    folder = session._store._folder
    assert folder.exists()
    session.close()
    assert not folder.exists()


def test_what_is_deleted_ahead_of_a_run_is_undone_without_its_results(session, draw):
    draw(5)
    list(session.propagate())
    before = snapshot(session)
    draw(5, 20)
    drawn = snapshot(session)
    for result in session.propagate(direction="forward"):
        if result.index == 7:
            session.delete_objects([1], 9, 12)
    assert session.masks[10].any(), "the run put it there again"
    done = snapshot(session)
    session.undo()
    np.testing.assert_array_equal(np.asarray(session.masks), done[0], "of the run nothing is lost")
    session.undo()
    assert_same(snapshot(session), drawn)
    session.redo()
    session.redo()
    assert_same(snapshot(session), done)
    for _ in range(3):
        session.undo()
    assert_same(snapshot(session), before)


def test_masks_are_a_lazily_read_array(session, draw, run):
    draw(5)
    run()
    masks = session.masks
    assert masks.shape == (20, 30, 40)
    assert masks.ndim == 3
    assert masks.size == 24_000
    assert len(masks) == 20
    whole = np.asarray(masks)
    for index in (3, -1, slice(2, 9, 3), [1, 4], (5, slice(3, 12)), (slice(0, 2), 10), Ellipsis):
        np.testing.assert_array_equal(masks[index], whole[index])
    np.testing.assert_array_equal(masks[np.array([True] + [False] * 19)], whole[:1])
    with pytest.raises(IndexError):
        masks[20]
    assert sum(1 for _ in masks) == 20


def test_masks_held_in_memory_are_bounded(engine):
    with Session(
        np.zeros((40, 100, 100, 3), np.uint8), engine=engine, cache_bytes=200_000
    ) as session:
        session.add_object()
        session.add_stroke(0, 1, [[50, 50]], 9)
        for _ in session.propagate():
            assert session._store.held <= 200_000
        # Probabilities are larger by far, and do not drive the masks out.
        assert len(session._store._caches[0]._arrays) == 5
        assert all(session.masks[t].any() for t in range(40))
        assert session._store.held <= 200_000


def test_scribbles_are_added_once(session):
    davis = {
        "sequence": "x",
        "scribbles": [[], [{"path": [[0.5, 0.5]], "object_id": 2}], *[[] for _ in range(18)]],
    }
    assert session.add_scribbles(davis) == 1
    assert session.add_scribbles(davis) == 0
    assert [item.id for item in session.objects] == [1, 2]
    np.testing.assert_allclose(session.strokes(1)[0].path, [[15, 20]])
    session.undo()
    assert session.strokes() == ()
    assert [item.id for item in session.objects] == [1]


def test_what_is_no_whole_number_names_no_frame(session, draw):
    draw(5)
    for wrong in (
        lambda: session.interact(5.5),
        lambda: session.accept("5"),
        lambda: session.accept(5, 7.5),
        lambda: session.mark_absent(1, 0.5, 3),
        lambda: session.mark_absent(1, 0, "x"),
        lambda: session.propagate(start=1.5),
        lambda: session.propagate(stop="x"),
        lambda: session.add_masks(np.zeros((20, 30, 40), int), start=1.5),
    ):
        with pytest.raises(StrokeError, match="number of a frame"):
            wrong()


@pytest.mark.parametrize("name", [5, b"cell"])
def test_names_that_a_project_could_not_keep_are_refused(session, name):
    before = snapshot(session)
    for wrong in (session.add_object, lambda name: session.rename_object(1, name)):
        with pytest.raises(StrokeError, match="name"):
            wrong(name)
    assert_same(snapshot(session), before)
    assert not session.can_undo or session.undo_text == "add object 1"


def test_a_closed_session_says_that_it_is(session, tmp_path):
    session.close()
    for wrong in (session.save, session.plan_save, lambda path: session.export(path / "a.tif")):
        with pytest.raises(ProjectError, match="session is closed"):
            wrong(tmp_path)
    assert not list(tmp_path.iterdir())


def test_masks_that_went_with_a_closed_session_are_told_so(session, draw):
    draw(5)
    list(session.propagate())
    session.close()
    with pytest.raises(ProjectError, match="closed, and its masks are gone"):
        np.asarray(session.masks)


def test_masks_are_indexed_as_an_array(session, draw):
    draw(5)
    list(session.propagate(stop=9))
    masks = np.asarray(session.masks)
    for key in (
        (),
        True,
        ([3, 5, 3], [10, 10, 0], [12, 11, 0]),
        ([[3], [5]], 10, [11, 12]),
        (np.array([7, 3]), slice(8, 12), [11, 12]),
        masks > 0,
        masks.any(axis=2),
        (slice(None, None, -2), [10, 11], 12),
    ):
        np.testing.assert_array_equal(session.masks[key], masks[key])
    with pytest.raises(IndexError, match="does not fit"):
        session.masks[masks[:3] > 0]


def test_what_is_of_another_kind_is_refused(session):
    for wrong, says in (
        (lambda: session.rename_object(1, None), "is a text, not None"),
        (lambda: session.divide(1, 3, 5), "no object 5"),
        (lambda: session.remove_strokes(None), "is not a stroke"),
        (lambda: session.add_scribbles([[]]), "A list is no scribble file"),
    ):
        with pytest.raises(StrokeError, match=says):
            wrong()
    with pytest.raises(ExportError, match="no place for a file"):
        session.export(None)
