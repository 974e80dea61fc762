"""Objects as a whole: merged, deleted on some frames, divided, hidden."""

import numpy as np
import pytest
from test_objects_and_undo import assert_same, snapshot

from fakes import FakeEngine
from napari_ivos.errors import StrokeError
from napari_ivos.session import Session


@pytest.fixture
def two(session, draw, run):
    """Objects 1 (row 10) and 2 (row 20) on all frames, drawn on frame 5."""
    session.add_object()
    draw(5)
    draw(5, y=20, object_id=2)
    run()
    assert is_there(session, 1) == is_there(session, 2) == list(range(20))
    return session


def is_there(session, object_id):
    return [t for t in range(20) if (session.masks[t] == object_id).any()]


def undone(session, before):
    """Undo gives what was there before, redo what is there now."""
    after = snapshot(session)
    session.undo()
    assert_same(snapshot(session), before)
    session.redo()
    assert_same(snapshot(session)[:5], after[:5])


def rows(session, frame, object_id):
    return np.flatnonzero((session.masks[frame] == object_id).any(1)).tolist()


def test_merged_objects_are_one_on_all_frames(two, draw, run):
    before = snapshot(two)
    two.merge_objects(1, [2])
    assert [item.id for item in two.objects] == [1]
    assert is_there(two, 2) == []
    assert rows(two, 3, 1) == [9, 10, 11, 19, 20, 21]
    assert {stroke.object_id for stroke in two.strokes()} == {1}
    assert two.undo_text == "merge object 2 into 1"
    undone(two, before)
    draw(12, y=2)
    run()
    assert rows(two, 5, 1) == [9, 10, 11, 19, 20, 21]
    assert rows(two, 12, 1) == [1, 2, 3, 9, 10, 11, 19, 20, 21], "what it was counts as its own"
    assert two.add_object() == 3


def test_merged_rounds_are_what_the_memory_is_rebuilt_of(two, draw, run, engine):
    rebuilt = []
    engine.rebuild = lambda _, annotations: rebuilt.extend(annotations) or (5,)
    two.merge_objects(2, [1])
    draw(12, y=2, object_id=2)
    run()
    (past,) = rebuilt
    assert past.objects == (2,)
    assert {stroke.object_id for stroke in past.strokes} == {2}


def test_objects_are_merged_on_some_frames_only(two, draw, run):
    before = snapshot(two)
    two.merge_objects(1, [2], 3, 7)
    assert is_there(two, 2) == [0, 1, 2, *range(7, 20)]
    assert rows(two, 5, 1) == [9, 10, 11, 19, 20, 21]
    assert [item.id for item in two.objects] == [1, 2]
    assert {stroke.object_id for stroke in two.strokes(5)} == {1}
    assert two.undo_text == "merge object 2 into 1 on frames 3 to 6"
    undone(two, before)
    two.merge_objects(2, [1], 0)
    assert two.undo_text == "merge object 1 into 2 on frame 0"
    assert is_there(two, 1) == list(range(1, 20))


def test_a_run_that_goes_on_while_objects_are_merged(two, draw):
    draw(12, y=2)
    plan = two.plan_propagate()
    updates = iter(plan.run())
    two.commit(next(updates))
    two.merge_objects(1, [2])
    for update in updates:
        two.commit(update)
    two.finish(plan)
    assert is_there(two, 2) == []
    assert rows(two, 13, 1) == [1, 2, 3, 9, 10, 11, 19, 20, 21]
    assert two._history.state.memory_current is False, "what the run learnt is of two objects"


def test_merging_three_in_two_steps(two, draw, run):
    two.add_object()
    draw(9, y=26, object_id=3)
    run()
    two.merge_objects(2, [3])
    two.merge_objects(1, [2])
    assert [item.id for item in two.objects] == [1]
    assert rows(two, 9, 1) == [9, 10, 11, 19, 20, 21, 25, 26, 27]
    two.undo()
    assert rows(two, 9, 2) == [19, 20, 21, 25, 26, 27]


def test_what_is_merged_is_absent_only_where_both_were(two):
    two.mark_absent(1, 5, 20)
    two.mark_absent(2, 0, 3)
    two.mark_absent(2, 15, 20)
    before = snapshot(two)
    two.merge_objects(1, [2])
    assert is_there(two, 1) == list(range(15))
    assert rows(two, 1, 1) == [9, 10, 11], "what was hidden stays hidden"
    assert rows(two, 4, 1) == [9, 10, 11, 19, 20, 21]
    assert rows(two, 9, 1) == [19, 20, 21]
    undone(two, before)


def test_merging_on_a_range_where_one_was_absent(two):
    two.mark_absent(1, 5, 20)
    two.merge_objects(1, [2], 8, 10)
    assert is_there(two, 1) == [0, 1, 2, 3, 4, 8, 9]
    assert rows(two, 8, 1) == [19, 20, 21]


def test_painted_pixels_of_merged_objects_are_still_the_persons(two, draw, run):
    labels = np.zeros((30, 40), int)
    labels[25:28, 5:9] = 2
    two.paint(12, labels, labels > 0)
    two.merge_objects(1, [2])
    draw(12, y=2, object_id=0)
    run()
    assert (two.masks[12][25:28, 5:9] == 1).all()
    labels[:] = 0
    two.paint(12, labels, np.eye(30, 40, dtype=bool))
    assert (two.masks[12][25:28, 5:9] == 1).all()


def test_an_object_is_deleted_on_a_frame_on_a_range_and_everywhere(two):
    before = snapshot(two)
    two.delete_objects([2], 3)
    assert is_there(two, 2) == [0, 1, 2, *range(4, 20)]
    assert two.undo_text == "delete object 2 on frame 3"
    undone(two, before)
    before = snapshot(two)
    two.delete_objects([2], 4, 20)
    assert is_there(two, 2) == [0, 1, 2]
    assert [stroke.object_id for stroke in two.strokes()] == [1]
    assert is_there(two, 1) == list(range(20))
    undone(two, before)
    two.delete_objects([2])
    assert [item.id for item in two.objects] == [1]


def test_a_run_may_put_a_deleted_object_there_again(two, run, draw):
    two.delete_objects([1], 8, 20)
    draw(5)
    run(5, "forward")
    assert is_there(two, 1) == list(range(20))
    assert rows(two, 12, 1) == [9, 10, 11]


def test_a_deleted_object_stays_away_from_a_preview_that_showed_it(session, draw, run):
    session.add_object()
    draw(5)
    draw(5, y=20, object_id=2)
    session.interact(5)
    session.delete_objects([2], 5)
    assert rows(session, 5, 2) == []
    run()
    assert is_there(session, 2) == []
    assert is_there(session, 1) == list(range(20))


def test_deleted_pixels_are_background_on_accepted_frames_and_else_nobodys(two):
    two.accept(5)
    two.delete_objects([2], 5)
    frame = two._history.frame(5)
    assert frame.trusted
    assert not (two._origin(frozenset(), 5).human < 0).any()
    labels = np.zeros((30, 40), int)
    labels[25:28, 5:9] = 2
    two.paint(12, labels, labels > 0)
    two.delete_objects([2], 12)
    assert (two._origin(frozenset(), 12).human == -1).all()
    assert is_there(two, 2) == [t for t in range(20) if t not in (5, 12)]


@pytest.mark.parametrize(
    ("action", "verb"),
    [
        (lambda s: s.merge_objects(1, [2]), "merged"),
        (lambda s: s.merge_objects(2, [1], 3, 5), "merged"),
        (lambda s: s.delete_objects([2], 3), "deleted"),
        (lambda s: s.delete_objects([1, 2]), "deleted"),
        (lambda s: s.remove_object(2), "removed"),
        (lambda s: s.divide(2, 5), "divided"),
        (lambda s: s.divide(1, 5, [2, 3]), "divided"),
    ],
)
def test_locked_objects_are_left_alone(two, action, verb):
    two.add_object()
    two.lock_object(2)
    before = snapshot(two)
    with pytest.raises(StrokeError, match=f"Object 2 .* is locked and cannot be {verb}"):
        action(two)
    assert_same(snapshot(two), before)
    assert two.undo_text == "lock object 2"


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (lambda s: s.merge_objects(1, []), "two objects or more"),
        (lambda s: s.merge_objects(1, [1]), "two objects or more"),
        (lambda s: s.merge_objects(1, [9]), "no object 9"),
        (lambda s: s.merge_objects(1, [2], 5, 5), "not a range"),
        (lambda s: s.delete_objects([1], 20), "no frame 20"),
        (lambda s: s.delete_objects([1], 5, 21), "not a range"),
        (lambda s: s.divide(1, 0), "first frame"),
        (lambda s: s.divide(1, 20), "no frame 20"),
        (lambda s: s.divide(1, 5, [2]), "two different daughters"),
        (lambda s: s.divide(1, 5, [2, 2]), "two different daughters"),
        (lambda s: s.divide(1, 5, [1, 2]), "cannot be a daughter"),
        (lambda s: s.show_objects([1, 9], False), "no object 9"),
    ],
)
def test_what_cannot_be_is_refused(two, action, says):
    before = snapshot(two)
    with pytest.raises(StrokeError, match=says):
        action(two)
    assert_same(snapshot(two), before)


def test_a_division_ends_the_parent_and_begins_its_daughters(two, draw, run):
    two.rename_object(1, "cell")
    before = snapshot(two)
    assert two.divide(1, 8) == (3, 4)
    assert [(o.id, o.name, o.parent) for o in two.objects] == [
        (1, "cell", 0),
        (2, "object 2", 0),
        (3, "cell.1", 1),
        (4, "cell.2", 1),
    ]
    assert is_there(two, 1) == list(range(8))
    undone(two, before)
    draw(8, y=9, object_id=3)
    draw(8, y=13, object_id=4)
    run()
    assert is_there(two, 1) == list(range(8))
    assert is_there(two, 3) == is_there(two, 4) == list(range(8, 20))
    assert is_there(two, 2) == list(range(20))


def test_daughters_that_are_there_already(two):
    two.add_object()
    two.divide(1, 8, [2, 3])
    assert is_there(two, 1) == list(range(8))
    assert is_there(two, 2) == list(range(8, 20))
    assert two.strokes() == tuple(s for s in two.strokes() if s.object_id == 1)
    with pytest.raises(StrokeError, match="divides already, into 2 and 3"):
        two.divide(1, 12)
    two.add_object()
    with pytest.raises(StrokeError, match="Object 1 cannot be a daughter of object 2"):
        two.divide(2, 12, [1, 4])
    with pytest.raises(StrokeError, match="Object 2 cannot be a daughter of object 4"):
        two.divide(4, 12, [2, 3])


def test_where_a_painted_parent_is_no_more_its_daughters_may_be(two, draw, run):
    where = np.zeros((30, 40), bool)
    where[8:14, 5:25] = True
    two.paint(8, np.where(where, 1, 0), where)
    two.divide(1, 8)
    draw(8, y=9, object_id=3)
    run()
    assert (two.masks[8][8:11, 10:19] == 3).all()


def test_lineage_after_merging_and_removing(two):
    first = two.divide(1, 5)
    second = two.divide(first[0], 10)
    parents = lambda: {o.id: o.parent for o in two.objects}  # noqa: E731
    assert parents() == {1: 0, 2: 0, 3: 1, 4: 1, 5: 3, 6: 3}
    two.merge_objects(4, [3])
    assert parents() == {1: 0, 2: 0, 4: 1, 5: 4, 6: 4}
    two.merge_objects(5, [4])
    assert parents() == {1: 0, 2: 0, 5: 1, 6: 5}, "no object is its own parent"
    two.merge_objects(2, [6])
    assert parents() == {1: 0, 2: 5, 5: 1}
    two.merge_objects(1, [2])
    assert parents() == {1: 0, 5: 1}, "nor its own grandparent"
    two.remove_object(1)
    assert parents() == {5: 0}
    assert second == (5, 6)


def test_hiding_changes_no_mask(two):
    before = snapshot(two)
    two.show_objects([1], False)
    assert [item.visible for item in two.objects] == [False, True]
    assert two.undo_text == "hide object 1"
    np.testing.assert_array_equal(np.asarray(two.masks), before[0])
    two.undo()
    assert two.objects[0].visible


def test_ids_of_former_objects_name_new_ones(two):
    labels = np.zeros((30, 40), int)
    labels[25:28, 5:9] = 2
    two.merge_objects(1, [2])
    two.add_mask(12, labels)
    assert is_there(two, 2) == [12]
    assert rows(two, 3, 1) == [9, 10, 11, 19, 20, 21], "what was merged stays so"
    two.undo()
    two.undo()
    two.remove_object(2)
    before = snapshot(two)
    two.add_mask(12, labels)
    assert is_there(two, 2) == [12], "what was removed does not come back"
    assert {stroke.object_id for stroke in two.strokes()} == {1}
    undone(two, before)


def test_ids_above_255(two, draw, run):
    labels = np.zeros((30, 40), int)
    labels[2:5, 5:9], labels[2:5, 20:29] = 700, 40_000
    two.add_mask(12, labels)
    run()
    two.merge_objects(40_000, [700])
    assert is_there(two, 700) == []
    assert two.divide(40_000, 15) == (40_001, 40_002)
    assert 14 in is_there(two, 40_000)
    two.delete_objects([40_000], 14)
    assert 14 not in is_there(two, 40_000)


def test_the_highest_number_there_can_be():
    with Session(np.zeros((2, 5, 6, 3), np.uint8), engine=FakeEngine()) as session:
        session.add_mask(0, np.full((5, 6), 65_534))
        with pytest.raises(StrokeError, match="above 65534"):
            session.add_object()
        with pytest.raises(StrokeError, match="above 65534"):
            session.divide(65_534, 1)
        assert len(session.objects) == 1


def test_the_overview_follows_without_reading_a_mask_again(two):
    read, overview = [], two.overview()
    overview._read = lambda index, f=overview._read: read.append(index) or f(index)

    def areas():
        while not overview.refresh():
            pass
        return {i: overview.areas[row].tolist() for row, i in enumerate(overview.ids)}

    assert areas() == {1: [36] * 20, 2: [36] * 20}
    two.merge_objects(1, [2])
    assert areas() == {1: [72] * 20}
    two.undo()
    two.remove_object(1)
    assert areas() == {2: [36] * 20}
    two.undo()
    two.mark_absent(1, 0, 19)
    assert areas() == {1: [0] * 19 + [36], 2: [36] * 20}
    assert sorted(read) == list(range(20))
    two.delete_objects([2], 7)
    assert areas()[2] == [36] * 7 + [0] + [36] * 12
    two.merge_objects(1, [2], 0, 20)
    two.accept(3, 6)
    assert areas()[1] == [36] * 7 + [0] + [36] * 11 + [72]
    assert len(read) == 20, "no mask is read from the disk once more"


@pytest.mark.parametrize(
    "action",
    [
        lambda session: session.merge_objects(1, [2], 0, 20),
        lambda session: session.delete_objects([2], 0, 20),
        lambda session: session.accept(0, 20),
    ],
)
def test_the_journal_grows_by_a_line_not_by_a_frame(two, action, tmp_path):
    two.save(tmp_path / "p.ivos")
    journal = tmp_path / "p.ivos" / "journal.jsonl"
    begun = journal.stat().st_size
    action(two)
    assert journal.stat().st_size - begun < 40 * 20
    after = snapshot(two)
    two.close()
    with Session.open(tmp_path / "p.ivos", two.video, engine=FakeEngine()) as again:
        assert_same(snapshot(again)[:5], after[:5])
        again.undo()
        assert is_there(again, 2) == list(range(20))


def test_one_object_may_be_named_without_a_list_and_what_is_none_gets_a_sentence(two):
    for other in (None, "two", ["two"], 1.5):
        with pytest.raises(StrokeError, match="not the number of an object"):
            two.merge_objects(1, other)
    with pytest.raises(StrokeError, match="no object 5"):
        two.merge_objects(1, 5)
    two.merge_objects(1, 2)
    assert [item.id for item in two.objects] == [1]
