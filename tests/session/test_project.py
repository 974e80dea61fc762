"""A project folder: what was done is there again, with the way back, in another program too."""

import time

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.errors import EngineError, ProjectError
from napari_ivos.session import Session
from napari_ivos.session._state import FrameState
from napari_ivos.video import open_video
from projects import FRAMES, STEPS, begin, draw, everything, reopen, work


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.ivos"


@pytest.fixture
def movie(tmp_path):
    """The frames as a file."""
    np.save(tmp_path / "cells.npy", FRAMES)
    return tmp_path / "cells.npy"


# --- opening again ------------------------------------------------------------------------------


def test_a_project_is_opened_as_it_was_left_after_any_step(path):
    session = begin(path)
    for step in STEPS:
        step(session)
        if session.undo_text.startswith("stroke"):
            session.interact(session.pending_frames[-1])
        before = everything(session)
        session.close()
        session = reopen(path)
        assert everything(session) == before
    session.close()


def test_undo_and_redo_cross_restarts(path):
    session = begin(path)
    states = [everything(session)]
    for step in STEPS:
        step(session)
        states.append(everything(session))
    for state in reversed(states):
        session.close()
        session = reopen(path)
        assert everything(session)[:7] == state[:7], state[6]
        session.undo()
    assert not session.can_undo
    for state in states[1:]:
        session.close()
        session = reopen(path)
        session.redo()
        assert everything(session)[:7] == state[:7], state[6]
    assert not session.can_redo
    session.close()


def test_the_memory_is_rebuilt_when_it_is_needed_next(path):
    with begin(path) as session:
        session.add_object()
        for frame in (5, 12):
            draw(session, frame)
            list(session.propagate())
    with reopen(path) as session:
        assert session._history.state.memory is None
        draw(session, 9, y=20)
        list(session.propagate())
        assert session._history.state.memory == (5, 12, 9)
        session.undo()
        assert session._history.state.memory is None
        session.undo()
        session.undo()
        assert session.annotated_frames == (5, 12)
        assert session.pending_frames == (12,)
        list(session.propagate())
        assert session._history.state.memory == (5, 12)


def test_a_preview_is_refined_from_where_its_round_began(path):
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
        list(session.propagate())
        draw(session, 9, y=20)
        session.interact(9)
    engine = FakeEngine()
    with Session.open(path, FRAMES, engine=engine) as session:
        draw(session, 9, y=25)
        session.interact(9)
    request = engine.requests[-1]
    assert request.prior[1, 10, 12] == 1
    assert request.prior[1, 20, 12] == 0, "the prior is from before this round"
    assert request.shown[1, 20, 12] == 1
    assert request.memory == (5,)


def test_a_new_step_after_opening_ends_redo_and_its_files_go(path):
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
        list(session.propagate())
        session.undo()
    with reopen(path) as session:
        assert session.can_redo
        draw(session, 9)
        assert not session.can_redo
        session._store.settle()
        assert list((path / "frames").iterdir()) == []


def test_keys_are_not_used_again_although_their_files_are_gone(path):
    with begin(path) as session:
        session.add_mask(5, np.eye(30, 40, dtype=int))
        first = session._history.frame(5).human
        session.undo()
        session.add_object()
        session._store.settle()
        assert list((path / "frames").iterdir()) == []
    with reopen(path) as session:
        session.add_mask(5, np.eye(30, 40, dtype=int))
        assert session._history.frame(5).human > first


def test_what_a_run_wrote_and_nobody_took_is_swept_up(path):
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
        kept = len(list((path / "frames").iterdir()))
        plan = session.plan_propagate()
        list(plan.run())
    (path / "frames" / "00000999.blosc.part").write_bytes(b"torn")
    (path / "frames" / "notes.txt").write_text("mine")
    with reopen(path) as session:
        session._store.settle()
        assert [f.name for f in (path / "frames").iterdir()] == ["notes.txt"]
        assert kept == 0
        assert session.interrupted_frames == (5,)
        assert len(list(session.propagate(5))) == 20
        assert session.interrupted_frames == ()
        assert len(list((path / "frames").iterdir())) > 20
    with reopen(path) as session:
        assert session.interrupted_frames == ()
        assert session.masks[19].any()


def test_settings_and_method_come_back(path):
    with begin(path, strokes="hint", accumulate=False) as session:
        session.set_method("flow", "cpu")
    with reopen(path) as session:
        assert session.device == "cpu"
        assert (session._runs._strokes, session._runs._accumulate) == ("hint", False)
    with begin(path) as session:
        assert session.device == "auto", "what the call says holds"
        session.undo()
        assert session.device == "cpu"


def test_no_method_runs_when_a_project_is_opened(path):
    with begin(path) as session:
        work(session)
    engine = FakeEngine()
    engine.interact = engine.propagate = engine.rebuild = None
    with Session.open(path, FRAMES, engine=engine) as session:
        assert session.masks[5].any()
        session.undo()


# --- saving -------------------------------------------------------------------------------------


def test_a_session_without_a_project_is_saved_with_all_its_history(path):
    session = Session(FRAMES, engine=FakeEngine())
    work(session)
    session.undo()
    session.undo()
    temporary = session._project._folder
    before = everything(session)
    session.save(path)
    assert session.project == path
    assert not temporary.exists()
    assert everything(session) == before
    session.redo()
    after = everything(session)
    session.close()
    with reopen(path) as again:
        assert everything(again) == after
        again.undo()
        assert everything(again) == before


def test_saving_a_project_elsewhere_leaves_the_first_as_it_is(path, tmp_path):
    session = begin(path)
    session.add_object()
    session.save(path)
    session.save(tmp_path / "copy.ivos")
    draw(session, 5)
    session.close()
    with reopen(path) as first, reopen(tmp_path / "copy.ivos") as second:
        assert first.strokes() == ()
        assert len(second.strokes()) == 1


def test_a_run_goes_on_while_the_session_is_saved(path):
    session = Session(FRAMES, engine=FakeEngine())
    session.add_object()
    draw(session, 5)
    run = session.propagate()
    next(run), next(run)
    session.save(path)
    list(run)
    before = everything(session)
    session.close()
    with reopen(path) as again:
        assert everything(again) == before
        assert again.interrupted_frames == ()


# --- the video ----------------------------------------------------------------------------------


def test_the_video_is_found_again_when_both_move(path, movie, tmp_path):
    begin(path, movie).close()
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    tmp_path.rename(elsewhere)
    with Session.open(elsewhere / path.name) as session:
        assert session.video.source == elsewhere / movie.name


def test_the_video_is_found_again_when_the_project_moves(path, movie, tmp_path):
    begin(path, movie).close()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    path.rename(tmp_path / "deep" / "er" / "p.ivos")
    with Session.open(tmp_path / "deep" / "er" / "p.ivos") as session:
        assert session.video.source == movie


def test_axes_and_channels_are_as_they_were_chosen(path, tmp_path):
    stack = np.random.default_rng(0).integers(0, 4000, (3, 6, 30, 40), np.uint16)
    np.save(tmp_path / "stack.npy", stack)
    video = open_video(tmp_path / "stack.npy", axes="CTYX", channels=(2, 0))
    begin(path, video.reopen()).close()
    with Session.open(path) as session:
        np.testing.assert_array_equal(session.video[4], video[4])


def test_a_video_that_moved_can_be_given(path, movie, tmp_path):
    begin(path, movie).close()
    moved = movie.rename(tmp_path / "moved.npy")
    with pytest.raises(ProjectError, match=r"not at '.*cells.npy'.*video="):
        Session.open(path)
    with Session.open(path, moved) as session:
        assert session.video.source == moved
    # Saying so once is enough.
    with Session.open(path) as session:
        assert session.video.source == moved


def test_frames_given_in_memory_do_not_make_a_project_forget_its_file(path, movie):
    begin(path, movie).close()
    Session.open(path, np.load(movie)).close()
    with Session.open(path) as session:
        assert session.video.source == movie


def test_frames_in_memory_must_be_given_again(path):
    begin(path).close()
    with pytest.raises(ProjectError, match=r"an array in memory.*video=array"):
        Session.open(path)
    with reopen(path) as session:
        assert len(session.video) == 20


def test_another_video_is_refused(path):
    begin(path).close()
    with pytest.raises(ProjectError, match=r"19 frames of 30 × 40 .* 20 frames of 30 × 40"):
        reopen(path, FRAMES[1:])
    with pytest.raises(ProjectError, match="shows something else in frame 5"):
        reopen(path, np.where(np.arange(20)[:, None, None, None] == 5, 255 - FRAMES, FRAMES))
    with pytest.raises(ProjectError, match="shows something else"):
        begin(path, FRAMES[::-1])
    with reopen(path, np.clip(FRAMES, 1, 254)) as session:
        assert session.project == path, "decoders round in their own ways"


# --- the method ---------------------------------------------------------------------------------


def test_an_error_of_the_method_leaves_no_half_action(path):
    class Broken(FakeEngine):
        def interact(self, request):
            raise EngineError("Out of memory.")

    with Session(FRAMES, engine=Broken(), project=path) as session:
        session.add_object()
        draw(session, 5)
        with pytest.raises(EngineError):
            list(session.propagate())
        before = everything(session)
    with reopen(path) as session:
        assert everything(session) == before
        assert session.interrupted_frames == ()


def test_a_closed_session_says_so(path):
    session = begin(path)
    session.close()
    session.close()
    with pytest.raises(ProjectError, match="closed"):
        session.add_object()
    assert session.objects == ()


def test_undo_of_ten_thousand_frames_takes_less_than_100_ms(tmp_path):
    video = open_video(np.broadcast_to(np.uint8(0), (10_000, 8, 8, 3)))
    with Session(video, engine=FakeEngine(), project=tmp_path / "long.ivos") as session:
        for _ in range(3):
            with session._runs.edit("run") as edit:
                for index in range(10_000):
                    session._history.set_frame(edit, index, FrameState(reliability=0.5))
    with Session.open(tmp_path / "long.ivos", video) as session:
        times = []
        for step in (session.undo, session.undo, session.redo, session.undo, session.redo):
            begun = time.perf_counter()
            step()
            times.append(time.perf_counter() - begun)
        assert min(times) < 0.1, times


def test_weights_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Session(FRAMES, method="gis", checkpoint="weights.pth", project="cells.ivos") as session:
        session.set_method("gis", checkpoint="other.pth")
        session.undo()
    monkeypatch.chdir("/")
    with Session.open(tmp_path / "cells.ivos", FRAMES) as session:
        assert session._state.checkpoint == tmp_path / "weights.pth"
        session.redo()
        assert session._state.checkpoint == tmp_path / "other.pth"
