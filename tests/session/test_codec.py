"""What a session knows is written whole: a field that is added must be written as well."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from napari_ivos.scribbles import make_stroke
from napari_ivos.session._codec import Decoder, encode_change, encode_frame
from napari_ivos.session._history import Edit, History
from napari_ivos.session._relabel import relabel_frame
from napari_ivos.session._state import (
    EMPTY_FRAME,
    Absence,
    Annotated,
    Draft,
    FrameState,
    Round,
    SessionObject,
    State,
)

FRAME = FrameState(
    mask=1,
    probs=2,
    objects=(1, 700),
    reliability=0.1 + 0.2,
    object_reliability=(0.25, 1 / 3),
    source="human",
    human=3,
    human_objects=frozenset({1, 9}),
    binding=False,
    trusted=True,
    accepted_strokes=3,
    relabelled=((2, 1), (700, 0)),
    human_relabelled=((2, 1), (700, -1)),
)
STROKE = make_stroke(3, 1, [[0.1, 1 / 3], [-5, 1e-300]], 2.5, filled=True)
STATE = State(
    objects=(SessionObject(1, "a \ud800 \n name"), SessionObject(700, "b", True, False, 1)),
    next_id=701,
    removed=frozenset({2, 5}),
    merged=((3, 1), (4, 700)),
    annotated=(Annotated(3, 0, STROKE), Annotated(4, 1)),
    absences=(Absence(1, 2, 20),),
    rounds=(Round(3, (1, 700), (STROKE,), FRAME),),
    drafts={4: Draft(FRAME, (), None, None)},
    memory="the method's own",
    memory_current=False,
    method="flow",
    device="cuda:1",
    checkpoint=Path("weights.pth"),
)


def written(change):
    return json.loads(json.dumps(encode_change(change)))


def test_every_value_of_a_frame_comes_back():
    for field in fields(FrameState):
        assert getattr(FRAME, field.name) != getattr(EMPTY_FRAME, field.name), "tell it apart"
    assert Decoder(20).frame(json.loads(json.dumps(encode_frame(FRAME)))) == FRAME
    assert encode_frame(EMPTY_FRAME) == {}


@pytest.mark.parametrize("name", [field.name for field in fields(State)])
def test_every_field_of_the_state_comes_back(name):
    value = getattr(STATE, name)
    assert value != getattr(State(), name), "tell it apart"
    line = written(("set", 1, {name: (getattr(State(), name), value)}))
    if name in ("memory", "memory_current"):
        assert line == []
        return
    history, edit = History(State()), Edit("all", number=1)
    Decoder(20).apply(line, history, {1: edit})
    back = getattr(history.state, name)
    if name == "drafts":
        assert {index: draft.before for index, draft in back.items()} == {4: FRAME}
    else:
        assert back == value


def test_lists_that_grow_are_written_as_what_is_new():
    first, second = Annotated(3, 0, STROKE), Annotated(5, 1)
    line = written(("set", 1, {"annotated": ((first,), (first, second))}))
    assert line == ["set", 1, {"annotated": {"more": [[5, 1, None]]}}]
    line = written(("set", 1, {"annotated": ((first,), (second,))}))
    assert line == ["set", 1, {"annotated": {"all": [[5, 1, None]]}}]


def test_objects_of_older_projects_are_shown_and_have_no_parent():
    history, edit = History(State()), Edit("all", number=1)
    Decoder(20).apply(["set", 1, {"objects": [[7, "cell", True]]}], history, {1: edit})
    assert history.state.objects == (SessionObject(7, "cell", locked=True),)


@pytest.mark.parametrize(
    "fields",
    [
        {"merged": [[1, -1]]},
        {"merged": [[0, 1]]},
        {"merged": [[1, 70_000]]},
        {"merged": [[1]]},
        {"objects": [[1, "a", False, True, -1]]},
        {"objects": [[1, "a", False, True, 0, 0]]},
    ],
)
def test_relabels_and_parents_that_cannot_be_are_refused(fields):
    history, edit = History(State()), Edit("all", number=1)
    with pytest.raises((ValueError, TypeError)):
        Decoder(20).apply(["set", 1, fields], history, {1: edit})


def test_reading_as_other_ids_keeps_all_else_of_a_frame():
    after = relabel_frame(FRAME, ((1, 700),))
    changed = {f.name for f in fields(FRAME) if getattr(after, f.name) != getattr(FRAME, f.name)}
    assert changed == {"relabelled", "human_relabelled"}


def test_accepted_frames_that_cannot_be_are_refused():
    history, edit = History(State()), Edit("all", number=1)
    history.frames[3] = FRAME
    decoder = Decoder(20)
    decoder.apply(["accept", 1, 3, 5, 9], history, {1: edit})
    assert [history.frame(t).human for t in (3, 4)] == [FRAME.mask, 9]
    assert history.frame(3).object_reliability == FRAME.object_reliability != ()
    assert decoder.highest == 9
    for values in ([3, 5, None], [3, 21, 9], [3, 5, 0], [3, 5, "9"], [3, 5]):
        with pytest.raises((ValueError, TypeError)):
            decoder.apply(["accept", 1, *values], history, {1: edit})


@pytest.mark.parametrize(
    "values",
    [
        [0, 21, [[1, 2]]],
        [-1, 4, [[1, 2]]],
        [5, 4, [[1, 2]]],
        [0.0, 4, [[1, 2]]],
        [0, 4, [[1, -1]]],
        [0, 4, [[1, 70_000]]],
        [0, 4, 3],
        [0, 4],
    ],
)
def test_relabelled_frames_that_cannot_be_are_refused(values):
    history, edit = History(State()), Edit("all", number=1)
    history.frames[3] = FRAME
    decoder = Decoder(20)
    decoder.apply(["relabel", 1, 0, 20, [[1, 2]]], history, {1: edit})
    assert history.frame(3).relabelled[-1] == (1, 2)
    with pytest.raises((ValueError, TypeError)):
        decoder.apply(["relabel", 1, *values], history, {1: edit})
