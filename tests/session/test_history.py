"""The history by itself: what it forgets, and that an action happens whole or not at all."""

import random
from dataclasses import replace

import pytest

from napari_ivos.session._codec import forget
from napari_ivos.session._history import Edit, History
from napari_ivos.session._relabel import relabel_frames
from napari_ivos.session._state import Draft, FrameState, State


def snapshot(history):
    edits = [
        [(e.number, dict(e.fields), dict(e.frames)) for e in group]
        for group in (history.done, history.undone)
    ]
    return history.state, dict(history.frames), edits, list(history.dead)


@pytest.mark.parametrize("seed", range(20))
def test_only_what_nothing_can_come_back_to_is_forgotten(seed):
    dice, history = random.Random(seed), History(State())
    keys, dead, runs = iter(range(1, 9999)), set(), []
    for _ in range(200):
        before = history.all_keys()
        with history.step():
            what, index = dice.randrange(8), dice.randrange(6)
            if what == 0:
                undone = history.undo()  # a run ends with it
                runs = [edit for edit in runs if edit is not undone]
            elif what == 1:
                history.redo()
            elif what == 2:
                edit = Edit("accept")
                history.push(edit)
                history.set_frame(edit, index, replace(history.frame(index), human=next(keys)))
            elif what == 3:
                edit = Edit("merge")
                history.push(edit)
                relabel_frames(history, edit, index // 2, index, ((1, 2),))
            else:
                # Runs go on beside other steps, which may be undone meanwhile.
                if what == 4 or not runs:
                    runs.append(Edit("run"))
                    history.push(runs[-1])
                run = dice.choice(runs)
                now = history.frame(index)
                new = replace(now, mask=next(keys), probs=next(keys))
                # A preview that is up to date is taken over as it is, whatever came after it.
                known = [new, *(e.frames[index][1] for e in history.done if index in e.frames)]
                history.set_frame(run, index, dice.choice(known) if what == 7 else new)
        fresh = set(history.dead) - dead
        dead |= fresh
        assert not dead & history.all_keys()
        assert fresh <= before
    assert dead


def test_many_frames_change_as_one_and_go_back_as_one():
    recorded = []
    history = History(State(), recorded.append)
    with history.step():
        edit = Edit("run")
        history.push(edit)
        for index in range(4):
            history.set_frame(edit, index, FrameState(mask=index + 1, trusted=index == 2))
        history.set_frame(edit, 4, FrameState(reliability=0.5))  # with nothing to relabel
    with history.step():
        merge = Edit("merge")
        history.push(merge)
        relabel_frames(history, merge, 1, 9, ((7, 3),))
        relabel_frames(history, merge, 2, 3, ((3, 0),))
    assert recorded[1][1:] == [
        ("relabel", 2, 1, 9, ((7, 3),)),
        ("relabel", 2, 2, 3, ((3, 0),)),
    ]
    assert sorted(merge.frames) == [1, 2, 3]
    assert history.frame(2).relabelled == ((7, 3), (3, 0))
    assert history.frame(3) == FrameState(mask=4, relabelled=((7, 3),))
    before = snapshot(history)
    history.record = refusing
    with pytest.raises(OSError, match="full"), history.step():
        relabel_frames(history, merge, 0, 4, ((1, 2),))
    assert snapshot(history) == before
    history.record = None
    with history.step():
        history.undo()
    assert [history.frame(t).relabelled for t in range(5)] == [()] * 5


def refusing(_):
    raise OSError("the disk is full")


class Unread(dict):
    """Frames of a step that nobody may go through."""

    def values(self):
        raise AssertionError("the whole way back is looked at")


def test_a_step_after_an_undo_does_not_look_at_the_whole_way_back():
    history, keys = History(State()), iter(range(1, 99))
    for _ in range(3):
        with history.step():
            edit = Edit("run")
            history.push(edit)
            for index in range(4):
                history.set_frame(edit, index, FrameState(mask=next(keys)))
    with history.step():
        history.undo()
    for edit in history.done:
        edit.frames = Unread(edit.frames)
    with history.step():
        history.push(Edit("stroke"))
    assert history.dead == [9, 10, 11, 12]


def test_an_action_that_is_refused_never_was():
    history = History(State())
    for text in ("one", "two", "three"):
        with history.step():
            edit = Edit(text)
            history.push(edit)
            history.set_fields(edit, next_id=len(text))
            history.set_frame(edit, 3, FrameState(mask=len(text)))
    with history.step():
        history.undo()

    def refuse(_):
        raise OSError("full")

    history.record = refuse
    first, last = history.done[0], history.done[-1]

    def new():
        edit = Edit("new")
        history.push(edit)
        history.set_frame(edit, 4, FrameState(mask=9))
        history.set_frame(edit, 3, FrameState(mask=10))
        history.set_fields(first, device="cpu", next_id=77)

    before = snapshot(history)
    drops = [lambda: history.drop(first), lambda: history.drop(last)]
    for action in (new, history.undo, history.redo, *drops):
        with pytest.raises(OSError, match="full"), history.step():
            action()
        assert snapshot(history) == before
    history.record = None
    with pytest.raises(AttributeError), history.step():
        history.set_fields(new() or first, no_such_field=1)
    assert snapshot(history) == before


def test_forgetting_what_a_method_knows_keeps_all_else():
    history = History(State())
    with history.step():
        edit = Edit("stroke")
        history.push(edit)
        before = FrameState(mask=1)
        history.set_fields(edit, drafts={3: Draft(before, (1,), "memory", "more")}, memory="memory")
    forget(history)
    assert history.state.memory is None
    assert history.state.memory_current
    assert history.state.drafts[3].before is before
    assert history.state.drafts[3].memory is None
    assert "memory" not in edit.fields
    with history.step():
        history.undo()
    assert not history.state.drafts
