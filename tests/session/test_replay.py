"""The journal once more: the same masks, byte for byte, from what people said alone."""

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.errors import ProjectError
from napari_ivos.masks import probs_from_labels
from napari_ivos.methods import FrameResult
from napari_ivos.sample_data import cells
from napari_ivos.session import Session, replay
from napari_ivos.session._frame_file import encode
from projects import FRAMES, STEPS, begin, draw, everything, reopen


class Sensitive(FakeEngine):
    """Results depend on all that a method is given, and on the order of its rounds."""

    offset = 0

    def interact(self, request):
        result, memory = super().interact(request)
        seed = [self.offset, request.frame, len(memory), *memory]
        given = (request.prior, request.shown, request.human, request.video[request.frame])
        seed += [0 if array is None else int(np.abs(array * 97.0).sum()) for array in given]
        return self._shaken(result, request, seed), memory

    def propagate(self, request):
        for result in super().propagate(request):
            previous = request.previous(result.index)
            seed = [self.offset, result.index, *request.memory, len(request.absent(result.index))]
            seed.append(0 if previous is None else int(previous.sum(axis=(1, 2))[0]))
            seed.append(int(request.start.probs[0].sum()))
            yield self._shaken(result, request, seed)

    def _shaken(self, result, request, seed):
        random = np.random.default_rng(seed)
        labels = np.array([0, *request.objects])[result.probs.argmax(0)]
        labels = np.where(random.random(labels.shape) < 0.1, random.choice(request.objects), labels)
        return FrameResult(result.index, probs_from_labels(labels, request.objects), 0.5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.ivos"


def again(path, engine=None):
    return replay(path, FRAMES, engine=engine or Sensitive())


def check(path, before):
    """Nothing comes out differently, and the project is not touched."""
    content = {f: f.read_bytes() for f in path.rglob("*") if f.is_file()}
    found = again(path)
    with found.session:
        assert found.different == ()
        assert everything(found.session)[:6] == before[:6]
    assert {f: f.read_bytes() for f in path.rglob("*") if f.is_file()} == content
    return found


def test_everything_comes_out_the_same(path):
    with Session(FRAMES, engine=Sensitive(), project=path) as session:
        for step in STEPS:
            step(session)
            if session.undo_text.startswith("stroke"):
                session.interact(session.pending_frames[-1])
        # At the end masks that were computed, not masks that a person's step rewrote.
        draw(session, 5, y=8)
        list(session.propagate())
        before = everything(session)
    found = check(path, before)
    assert found.runs > 30
    assert found.frames == 20


def test_opening_again_in_the_middle_counts_as_it_was(path):
    Session(FRAMES, engine=Sensitive(), project=path).close()
    for step in STEPS:
        with Session.open(path, FRAMES, engine=Sensitive()) as session:
            step(session)
            if session.undo_text.startswith("stroke"):
                session.interact(session.pending_frames[-1])
            before = everything(session)
    check(path, before)


def test_steps_that_were_taken_back_for_good_are_passed_over(path):
    with Session(FRAMES, engine=Sensitive(), project=path) as session:
        session.add_object()
        draw(session, 5)
        session.interact(5)
        list(session.propagate())
        session.undo()
        draw(session, 5, y=20)
        session.interact(5)
        list(session.propagate())
        session.accept(7)
        session.add_mask(9, np.eye(30, 40, dtype=int))
        list(session.propagate(9))
        session.undo()
        session.undo()
        draw(session, 11)
        list(session.propagate())
        session.undo()
        before = everything(session)
    check(path, before)


def test_painting_after_painting_that_was_taken_back_before_a_restart(path):
    for row in (3, 9):
        with Session(FRAMES, engine=Sensitive(), project=path) as session:
            session.undo()
            session.accept(2)
            session._store.settle()
        with Session.open(path, FRAMES, engine=Sensitive()) as session:
            square = np.zeros((30, 40), int)
            square[row:, :5] = 1
            session.add_mask(5, square, lock=False)
            list(session.propagate())
            session.undo()
            session.undo()
            session.add_mask(5, np.roll(square, 7, axis=1), lock=False)
            list(session.propagate())
            before = everything(session)
    check(path, before)


def test_what_was_painted_over_a_preview_is_kept_for_it(path):
    square = np.zeros((30, 40), int)
    square[20:25, 3:9] = 1
    with Session(FRAMES, engine=Sensitive(), project=path) as session:
        session.add_object()
        for frame, put in (
            (3, lambda: session.paint(3, square, square > 0)),
            (8, lambda: session.add_mask(8, square, lock=False)),
        ):
            draw(session, frame)
            session.interact(frame)
            put()
            session.interact(frame)
    with Session.open(path, FRAMES, engine=Sensitive()) as session:
        before = everything(session)
    check(path, before)


def test_runs_that_were_cancelled_or_met_by_other_work(path):
    with Session(FRAMES, engine=Sensitive(), project=path) as session:
        session.add_object()
        draw(session, 5)
        run = session.plan_propagate()
        updates = run.run()
        session.commit(next(updates))
        session.accept(8)
        draw(session, 12)
        preview = session.plan_interact(12)
        for update in preview.run():
            session.commit(update)
        session.finish(preview)
        session.lock_object(1)
        for _ in range(9):
            session.commit(next(updates))
        session.finish(run)
        session.add_object()
        draw(session, 2, object_id=2)
        run = session.propagate()
        next(run), next(run)
        session.undo()
        run.close()
        session.redo()
        before = everything(session)
    check(path, before)


def test_a_project_that_was_saved_late_can_be_replayed(path):
    with Session(FRAMES, engine=Sensitive()) as session:
        for step in STEPS[:8]:
            step(session)
        session.save(path)
        for step in STEPS[8:]:
            step(session)
        before = everything(session)
    check(path, before)


def test_a_real_method_goes_on_after_restarts_as_if_there_had_been_none(tmp_path):
    clip = cells()
    ys, xs = np.nonzero(clip.labels[0])
    area = (
        slice(None, 4),
        slice(max(ys[0] - 20, 0), ys[0] + 60),
        slice(max(xs[0] - 40, 0), xs[0] + 40),
    )
    frames, truth = clip.frames[area], clip.labels[area] == clip.labels[0, ys[0], xs[0]]

    def work(path, restarts):
        session = Session(frames, project=path)
        session.add_object()
        for frame in (1, 3):
            rows, columns = np.nonzero(truth[frame])
            middle = len(rows) // 2
            session.add_stroke(frame, 1, [[rows[middle], columns[middle]]], 2)
            session.interact(frame)
            for _ in range(restarts):
                session.close()
                session = Session.open(path, frames)
            list(session.propagate(frame))
        with session:
            return np.asarray(session.masks)

    once = work(tmp_path / "once.ivos", 0)
    often = work(tmp_path / "often.ivos", 2)
    assert once.any()
    np.testing.assert_array_equal(often, once)
    found = replay(tmp_path / "often.ivos", frames)
    with found.session as session:
        assert found.different == ()
        np.testing.assert_array_equal(np.asarray(session.masks), once)


def test_another_result_is_noticed(path):
    with Session(FRAMES, engine=Sensitive(), project=path) as session:
        session.add_object()
        draw(session, 5)
        list(session.propagate(start=4, stop=9))
    engine = Sensitive()
    engine.offset = 1
    found = again(path, engine)
    found.session.close()
    assert found.different == (4, 5, 6, 7, 8)


def test_a_project_without_its_folder_of_frames_is_replayed_as_far_as_it_goes(path):
    with Session(FRAMES, engine=Sensitive(), project=path) as session:
        session.add_object()
    # Empty folders get lost where projects are packed or synchronised.
    (path / "frames").rmdir()
    found = again(path)
    assert (found.runs, found.different) == (0, ())
    found.session.close()
    (path / "frames").touch()
    with pytest.raises(ProjectError, match="frames' cannot be read"):
        again(path)


def test_a_changed_file_is_noticed(path):
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
        list(session.propagate(start=4, stop=9))
        key = session._history.frame(7).mask
        other = session._store.get(session._history.frame(7).probs)
    (path / "frames" / f"{key:08d}.blosc").write_bytes(encode((other[1] * 0 + 3).astype("u2")))
    found = again(path, FakeEngine())
    found.session.close()
    assert found.different == (7,)
    with reopen(path) as session:
        assert session.masks[7].all()
