"""Objects that people mark on different frames, each where it is seen best."""

import numpy as np
import pytest

from napari_ivos.session import Session, replay

LENGTH, HEIGHT, WIDTH = 10, 60, 90


def made():
    """Two discs that pass each other: (T, H, W, 3) frames and (T, H, W) truth."""
    rng = np.random.default_rng(0)
    ground = rng.integers(20, 60, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    frames = np.repeat(ground[None], LENGTH, axis=0)
    truth = np.zeros(frames.shape[:3], np.uint16)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for t in range(LENGTH):
        for number, colour in ((1, (220, 60, 60)), (2, (60, 200, 80))):
            row, column = middle(number, t)
            inside = np.hypot(y - row, x - column) < 9
            frames[t][inside], truth[t][inside] = colour, number
    return frames, truth


def middle(number, t):
    return (18, 20 + 4 * t) if number == 1 else (42, 70 - 4 * t)


FRAMES, TRUTH = made()


@pytest.fixture
def session(tmp_path):
    with Session(FRAMES, method="flow", project=tmp_path / "two.ivos") as opened:
        opened.add_object()
        opened.add_object()
        yield opened


def draw(session, frame, *numbers):
    for number in numbers:
        row, column = middle(number, frame)
        session.add_stroke(frame, number, [(row, column - 5), (row, column + 5)], radius=1)


def run(session, frame, **options):
    return [result.index for result in session.propagate(frame, **options)]


def right(session, number):
    """Frames on which an object is where it should be."""
    masks = np.asarray(session.masks)
    found, true = masks == number, number == TRUTH
    shared = (found & true).sum(axis=(1, 2)) / (found | true).sum(axis=(1, 2))
    return np.flatnonzero(shared > 0.8).tolist()


ALL = list(range(LENGTH))


def test_each_object_is_marked_on_another_frame_before_anything_is_run(session):
    draw(session, 0, 1)
    draw(session, 6, 2)
    session.interact(0)
    session.interact(6)
    for frame in session.pending_frames:
        run(session, frame)
    assert right(session, 1) == ALL
    assert right(session, 2) == ALL
    assert session.annotated_frames == (0, 6)


def test_a_frame_that_is_passed_keeps_what_is_known_there_and_its_round_is_still_to_come(session):
    draw(session, 0, 1, 2)
    draw(session, 6, 1)
    session.interact(6)
    drawn = np.asarray(session.masks[6]) == 1
    assert run(session, 0) == ALL
    passed = np.asarray(session.masks[6])
    assert np.array_equal(passed == 1, drawn)
    assert (passed == 2).any()
    assert session.pending_frames == (6,)
    # Both are known on the frame now, so the next run ends in front of it.
    assert run(session, 0) == list(range(6))
    run(session, 6)
    assert right(session, 1) == right(session, 2) == ALL


def test_behind_a_passed_frame_its_own_run_stays(session):
    draw(session, 0, 1, 2)
    run(session, 0, stop=4)
    draw(session, 6, 1)
    run(session, 6)
    before = np.asarray(session.masks) == 1
    assert right(session, 2) == [0, 1, 2, 3]
    run(session, 0)
    assert right(session, 2) == ALL
    after = np.asarray(session.masks) == 1
    assert np.array_equal(after[6:], before[6:]), "object 1 was run from frame 6"


def test_strokes_stay_law_on_a_passed_frame(session):
    draw(session, 6, 1)
    row, column = middle(2, 6)
    session.add_stroke(6, 0, [(row, column - 3), (row, column + 3)], radius=1)
    session.interact(6)
    draw(session, 0, 2)
    run(session, 0)
    there = np.asarray(session.masks[6])
    assert (there == 2).any()
    assert there[row, column] == 0, "said to be background"


def test_a_locked_absent_or_accepted_one_is_no_reason_to_go_on(session):
    draw(session, 6, 1)
    session.interact(6)
    draw(session, 0, 1, 2)
    session.mark_absent(2, 5, LENGTH)
    assert run(session, 0) == list(range(6))
    session.undo()
    session.undo()
    session.accept(6)
    assert run(session, 0) == list(range(6))
    assert not (np.asarray(session.masks[6]) == 2).any()


def test_who_draws_on_a_passed_frame_meanwhile_has_the_last_word(session):
    draw(session, 0, 1, 2)
    draw(session, 6, 1)
    session.interact(6)
    for result in session.propagate(0):
        if result.index == 3:
            draw(session, 6, 2)
            session.interact(6)
            shown = np.asarray(session.masks[6])
    assert np.array_equal(np.asarray(session.masks[6]), shown)


def test_it_is_undone_as_one_step_and_replayed_to_the_same_pixel(session, tmp_path):
    draw(session, 0, 1, 2)
    draw(session, 6, 1)
    session.interact(6)
    before = np.asarray(session.masks)
    run(session, 0)
    session.undo()
    assert np.array_equal(np.asarray(session.masks), before)
    session.redo()
    run(session, 6)
    masks = np.asarray(session.masks)
    session.close()
    found = replay(tmp_path / "two.ivos", FRAMES)
    with found.session:
        assert found.different == ()
        assert np.array_equal(np.asarray(found.session.masks), masks)


def test_a_passed_frame_that_goes_back_to_what_was_brought_is_replayed(session, tmp_path):
    draw(session, 0, 1, 2)
    draw(session, 6, 1)
    session.interact(6)
    run(session, 0)
    session.remove_strokes(session.strokes(6))
    session.undo()
    session.add_object()
    session.remove_strokes(session.strokes(6))
    assert (np.asarray(session.masks[6]) == 2).any()
    session.close()
    found = replay(tmp_path / "two.ivos", FRAMES)
    with found.session:
        assert found.different == ()


def test_a_frame_whose_own_run_was_stopped_at_once_is_passed(session):
    draw(session, 0, 1)
    draw(session, 3, 1)
    stopped = session.plan_propagate(3)
    update = next(stopped.run())
    assert update.index == 0, "pending as well, and so first"
    session.commit(update)
    session.finish(stopped)
    draw(session, 6, 2)
    assert 3 in run(session, 6)
    assert (np.asarray(session.masks[3]) == 2).any()
