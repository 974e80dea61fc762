"""A person's word over a method's: painted pixels, accepted frames, locked and absent objects."""

import csv

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.errors import StrokeError
from napari_ivos.masks import probs_from_labels
from napari_ivos.methods import FrameResult
from napari_ivos.session import Session
from napari_ivos.session._relabel import read_human


class Everything(FakeEngine):
    """Says that every pixel of every frame is the last object."""

    def interact(self, request):
        _, memory = super().interact(request)
        return FrameResult(request.frame, self._all(request), 1.0), memory

    def propagate(self, request):
        for index in (*request.backward, *request.forward):
            yield FrameResult(index, self._all(request), 0.5)

    def _all(self, request):
        labels = np.full(request.video.shape[1:3], request.objects[-1])
        return probs_from_labels(labels, request.objects)


@pytest.fixture
def greedy():
    """A session of 10 frames of 30 × 40 pixels whose method wants all for the last object."""
    with Session(np.zeros((10, 30, 40, 3), np.uint8), engine=Everything()) as session:
        session.add_object()
        yield session


def test_strokes_are_law_for_flow(greedy):
    greedy.add_stroke(4, 1, [[5, 5]], 2)
    greedy.add_stroke(4, 0, [[20, 0], [20, 39]])
    mask = greedy.interact(4)
    assert (mask[20] == 0).all()
    assert (mask[19] == 1).all()


def test_strokes_are_a_hint_when_the_session_says_so():
    with Session(
        np.zeros((3, 30, 40, 3), np.uint8), strokes="hint", engine=Everything()
    ) as session:
        session.add_object()
        session.add_stroke(1, 0, [[20, 0], [20, 39]])
        assert (session.interact(1) == 1).all()
    with pytest.raises(StrokeError, match="'hint' or 'law'"):
        Session(np.zeros((3, 30, 40, 3), np.uint8), strokes="order")


def test_imported_mask_is_kept_with_its_ids(greedy):
    labels = np.zeros((30, 40), np.int64)
    labels[3:9, 3:9] = 700
    greedy.add_mask(4, labels)
    assert [item.id for item in greedy.objects] == [1, 700]
    np.testing.assert_array_equal(greedy.masks[4], labels)
    results = [r.index for r in greedy.propagate()]
    assert results == [4, 3, 2, 1, 0, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(greedy.masks[4], labels)
    assert greedy.add_object() == 701


def test_unlocked_mask_is_evidence_only(greedy):
    greedy.add_mask(4, np.eye(30, 40, dtype=bool), lock=False)
    assert greedy.masks[4].sum() == 30
    list(greedy.propagate())
    assert (greedy.masks[4] == 1).all()


def test_an_object_added_later_may_take_imported_background(greedy):
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 3:9] = 1
    greedy.add_mask(4, labels)
    greedy.add_object()
    greedy.add_stroke(4, 2, [[20, 20]], 2)
    mask = greedy.interact(4)
    assert (mask[labels == 1] == 1).all()
    assert (mask[labels == 0] == 2).all()


def test_painted_pixels_are_never_changed(greedy):
    where = np.zeros((30, 40), bool)
    where[:, :5] = True
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    greedy.interact(4)
    greedy.paint(4, np.zeros((30, 40), int), where)
    assert (greedy.masks[4][:, :5] == 0).all()
    greedy.interact(4)
    assert (greedy.masks[4][:, :5] == 0).all()
    assert (greedy.masks[4][:, 5:] == 1).all()


def test_of_strokes_and_paint_the_later_word_counts(greedy):
    stroke, row = [[20, 0], [20, 39]], np.zeros((30, 40), bool)
    row[20, :10] = True
    greedy.add_stroke(4, 1, [[5, 5]], 2)
    greedy.add_stroke(4, 0, stroke)
    greedy.interact(4)
    greedy.paint(4, np.ones((30, 40), int), row)
    greedy.interact(4)
    assert (greedy.masks[4][row] == 1).all(), "painted over a stroke"
    list(greedy.propagate())
    assert (greedy.masks[4][row] == 1).all()
    assert (greedy.masks[4][20, 10:] == 0).all(), "where nothing is painted a stroke is law as ever"
    greedy.add_stroke(4, 0, stroke)
    assert (greedy.interact(4)[20] == 0).all(), "drawn over what was painted"
    row[:] = False
    row[25] = True
    greedy.paint(4, np.zeros((30, 40), int), row)
    list(greedy.propagate())
    assert (greedy.masks[4][20] == 0).all(), "painting elsewhere is no word about this"


def test_an_imported_mask_stays_where_strokes_were_before(greedy):
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 3:9] = 1
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    list(greedy.propagate())
    greedy.add_mask(4, labels)
    greedy.interact(4)
    list(greedy.propagate(4))
    np.testing.assert_array_equal(greedy.masks[4], labels)


def test_accepted_frames_are_never_changed_and_stop_a_run(greedy):
    greedy.accept(7)
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    assert [r.index for r in greedy.propagate()] == [4, 3, 2, 1, 0, 5, 6]
    assert not greedy.masks[7].any()
    assert greedy.reliability[7] == 1


def test_strokes_that_were_there_when_a_frame_was_accepted_do_not_change_it(greedy):
    """Whoever accepts has the last word, also over strokes that no preview has shown yet."""
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    list(greedy.propagate())
    shown = greedy.masks[6].copy()
    greedy.add_stroke(6, 0, [[15, 20]], 2)
    greedy.accept(6)
    list(greedy.propagate(6))
    np.testing.assert_array_equal(greedy.masks[6], shown)


def test_a_stroke_on_an_accepted_frame_counts(greedy, tmp_path):
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    list(greedy.propagate())
    greedy.add_stroke(6, 0, [[15, 20]], 1)
    greedy.accept(6)
    accepted = greedy.masks[6].copy()
    greedy.add_stroke(6, 0, [[5, 5]], 1)
    greedy.save(tmp_path / "p.ivos")
    greedy.close()
    with Session.open(tmp_path / "p.ivos", np.zeros((10, 30, 40, 3), np.uint8)) as again:
        again._runs.use(Everything())
        again.interact(6)
        assert again.masks[6][5, 5] == 0
        assert again.masks[6][15, 20] == accepted[15, 20] == accepted[5, 5] == 1
        # Without the early one the later one is not taken for it.
        again.remove_strokes(again.strokes(6)[:1])
        again.interact(6)
        assert again.masks[6][5, 5] == 0
        assert again.masks[6][15, 20] == 1


def test_accepting_writes_no_mask_anew_and_keeps_what_is_shown(session, draw, run):
    for number in (1, 2, 3):
        if number > 1:
            session.add_object()
        draw(5, 7 * number, number)
    run()
    session.merge_objects(1, [2], 3, 9)
    session.mark_absent(3, 0, 6)
    shown = np.array(session.masks)
    assert [sorted(np.unique(shown[t])) for t in (4, 7, 10)] == [[0, 1], [0, 1, 3], [0, 1, 2, 3]]
    keys = set(session._store._keys)
    session.accept(2, 12)
    assert session._store._keys == keys
    np.testing.assert_array_equal(session.masks, shown)
    for index in range(2, 12):
        human = read_human(session._store, session._history.frame(index))
        assert human.dtype == np.int32
        np.testing.assert_array_equal(human, shown[index])


def test_an_exported_table_says_who_made_each_mask(greedy, tmp_path):
    greedy.add_stroke(4, 1, [[5, 5], [5, 15]])
    list(greedy.propagate())
    greedy.accept(6)
    greedy.export(tmp_path / "masks.csv")
    with (tmp_path / "masks.csv").open(newline="") as file:
        rows = {int(row["frame"]): row for row in csv.DictReader(file)}
    assert [t for t in rows if rows[t]["annotated"] == "1"] == [4]
    assert [t for t in rows if rows[t]["source"] == "accepted"] == [6]


def test_a_frame_accepted_during_a_run_is_left_alone(greedy):
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    plan = greedy.plan_propagate()
    updates = list(plan.run())
    greedy.accept(6)
    greedy.add_stroke(8, 1, [[1, 1]], 1)
    committed = {update.index for update in updates if greedy.commit(update)}
    greedy.finish(plan)
    assert committed == {0, 1, 2, 3, 4, 5, 7, 9}
    assert not greedy.masks[6].any()
    assert not greedy.masks[8].any()


def test_locked_object_keeps_its_pixels_everywhere(greedy):
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 3:9] = 1
    for t in (2, 5):
        greedy.add_mask(t, labels, lock=False)
    greedy.lock_object(1)
    greedy.add_object()
    greedy.add_stroke(5, 2, [[20, 20]], 2)
    list(greedy.propagate())
    assert greedy.objects[0].locked
    np.testing.assert_array_equal(greedy.masks[5] == 1, labels == 1)
    assert (greedy.masks[6] == 2).all(), "it was not there, so it does not come"
    np.testing.assert_array_equal(greedy.masks[2] == 1, labels == 1)


def test_strokes_of_others_take_nothing_from_a_locked_object(greedy):
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 3:9] = 1
    greedy.add_mask(4, labels, lock=False)
    greedy.lock_object(1)
    greedy.add_object()
    greedy.add_stroke(4, 2, [[6, 0], [6, 39]], 1)
    greedy.add_stroke(4, 0, [[4, 0], [4, 39]])
    mask = greedy.interact(4)
    np.testing.assert_array_equal(mask == 1, labels == 1)
    assert (mask[6, 9:] == 2).all()


def test_absent_object_vanishes_and_stays_away(greedy):
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    list(greedy.propagate())
    greedy.mark_absent(1, 6, 8)
    assert not greedy.masks[6].any()
    assert not greedy.masks[7].any()
    assert greedy.masks[8].all()
    greedy.add_stroke(4, 1, [[15, 25]], 2)
    list(greedy.propagate())
    assert not greedy.masks[7].any()
    assert greedy.masks[8].all()
    greedy.undo(), greedy.undo(), greedy.undo()
    assert greedy.masks[7].all()


def test_who_is_put_on_a_frame_again_is_there_again(greedy):
    greedy.add_stroke(4, 1, [[15, 20]], 2)
    list(greedy.propagate())
    labels = np.zeros((30, 40), np.uint16)
    labels[5:9, 5:9] = 1
    puts = {
        "stroke": lambda: (greedy.add_stroke(7, 1, [[6, 6]], 1), greedy.interact(7)),
        "mask": lambda: greedy.add_mask(7, labels),
        "masks": lambda: greedy.add_masks(labels, 7),
        "paint": lambda: greedy.paint(7, labels, labels > 0),
    }
    for how, put in puts.items():
        greedy.mark_absent(1, 6, 9)
        put()
        assert greedy.masks[7][6, 6] == 1, how
        assert not greedy.masks[6].any(), how
        assert not greedy.masks[8].any(), how
        while greedy.undo_text != "object 1 absent":
            greedy.undo()
        assert not greedy.masks[7].any(), how
        greedy.undo()
    greedy.paint(7, labels, labels > 0)
    greedy.mark_absent(1, 6, 9)
    greedy.add_object()
    greedy.paint(7, np.full((30, 40), 2), labels[::-1] > 0)
    assert set(np.unique(greedy.masks[7])) == {0, 2}, "only what is painted now is put there"


@pytest.mark.parametrize("where", [np.ones((9, 9), bool), np.ones((30, 40)), "all"])
def test_what_is_painted_has_the_frames_size(greedy, where):
    with pytest.raises(StrokeError, match="pixels to paint"):
        greedy.paint(4, np.ones((30, 40), int), where)
    with pytest.raises(StrokeError, match="labels have the shape"):
        greedy.paint(4, np.ones((9, 9), int), np.ones((30, 40), bool))


def test_absence_marked_during_a_run_counts(greedy):
    greedy.add_object()
    greedy.add_stroke(4, 2, [[15, 20]], 2)
    plan = greedy.plan_propagate()
    updates = list(plan.run())
    greedy.lock_object(2)
    for update in updates:
        greedy.commit(update)
    greedy.finish(plan)
    assert not greedy.masks[6].any(), "a locked object does not spread"


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (5, 11)])
def test_ranges_outside_of_the_video(greedy, start, stop):
    with pytest.raises(StrokeError, match="not a range"):
        greedy.mark_absent(1, start, stop)
    with pytest.raises(StrokeError, match="not a range"):
        greedy.accept(start, stop)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros((3, 3), int), "shape"),
        (np.zeros((30, 40)), "whole numbers"),
        (np.full((30, 40), -1), "between 1 and"),
        (np.full((30, 40), 70_000), "between 1 and"),
    ],
)
def test_bad_masks(greedy, labels, says):
    with pytest.raises(StrokeError, match=says):
        greedy.add_mask(0, labels)
    assert not greedy.can_undo or greedy.undo_text == "add object 1"
