"""The status of every object on every frame."""

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.session import Overview, Session, Status, shrink
from napari_ivos.session._history import History
from napari_ivos.session._state import FrameState, SessionObject, State


@pytest.fixture
def session():
    video = np.zeros((8, 20, 30, 3), np.uint8)
    with Session(video, engine=FakeEngine()) as made:
        made.add_object()
        made.add_object()
        yield made


def rows(overview):
    while not overview.refresh():
        pass
    return ["".join("_.mha"[s] for s in row) for row in overview.status]


def test_what_people_and_methods_did_is_told_apart(session):
    overview = session.overview()
    assert rows(overview) == ["________", "________"]
    session.add_stroke(2, 1, [[5, 5], [5, 15]])
    assert rows(overview) == ["__h_____", "__h_____"], "drawn on, and nothing computed yet"
    list(session.propagate())
    assert rows(overview) == ["mmhmmmmm", "........"]
    session.accept(4, 6)
    session.mark_absent(1, 6, 8)
    assert rows(overview) == ["mmhmaa..", "........"]
    session.undo()
    session.undo()
    assert rows(overview) == ["mmhmmmmm", "........"], "undo is followed"
    session.add_stroke(7, 2, [[10, 5], [10, 15]])
    list(session.propagate())
    assert rows(overview) == ["mmhmmmmh", "mmhmmmmh"], "what was not known there is no end"
    session.remove_object(1)
    assert rows(overview) == ["mmmmmmmh"]
    assert overview.ids == (2,)
    np.testing.assert_allclose(overview.reliability, [session.reliability], rtol=1e-6)


def test_frames_only_a_method_has_spoken_of(session):
    overview = session.overview()
    assert overview.next_unreviewed(0) is None
    session.add_stroke(2, 1, [[5, 5], [5, 15]])
    list(session.propagate())
    rows(overview)
    assert overview.next_unreviewed(1) == 3
    assert overview.next_unreviewed(7) == 0, "round the end"
    session.accept(0, 8)
    rows(overview)
    assert overview.next_unreviewed(0) is None


def test_a_range_is_accepted_in_one_step(session):
    session.add_stroke(0, 1, [[5, 5], [5, 15]])
    list(session.propagate())
    session.accept(3, 7)
    assert session.undo_text == "accept frames 3 to 6"
    session.undo()
    assert "a" not in rows(session.overview())[0]


def test_each_mask_is_read_once_and_in_small_portions():
    history = History(State(objects=(SessionObject(1, "one"), SessionObject(2, "two"))))
    history.frames = {t: FrameState(mask=t, source="model") for t in range(3000)}
    read = []

    def mask(index):
        read.append(index)
        return np.full((40, 50), 1 + index % 2, np.uint16)

    overview = Overview(history, 3000, mask)
    for done in range(1, 3000):
        assert not overview.refresh(seconds=0)
        assert len(read) == overview.version == done, "it stops for the window in between"
    assert overview.refresh(seconds=0)
    assert sorted(read) == list(range(3000))
    assert (overview.status[0, ::2] == Status.MODEL).all()
    assert (overview.status[0, 1::2] == Status.ABSENT).all()
    history.frames[7] = FrameState(mask=9000, source="model")
    assert overview.refresh()
    assert read[3000:] == [7]


def test_columns_show_what_a_person_must_see():
    status = np.zeros((2, 10_000), np.uint8)
    status[0, 5003] = Status.HUMAN
    status[1, 9999] = Status.ACCEPTED
    small = shrink(status, 100)
    assert small.shape == (2, 100)
    assert np.flatnonzero(small[0]).tolist() == [50]
    assert small[1, 99] == Status.ACCEPTED
    assert shrink(status, 20_000) is status


def test_two_hundred_objects_on_ten_thousand_frames_are_quick_to_keep():
    objects = tuple(SessionObject(i, str(i)) for i in range(1, 201))
    history = History(State(objects=objects))
    history.frames = {t: FrameState(mask=t, source="model") for t in range(10_000)}
    mask = np.arange(400, dtype=np.uint16).reshape(20, 20) // 2 + 1
    overview = Overview(history, 10_000, lambda _: mask)
    while not overview.refresh(1.0):
        pass
    assert overview.version == 10_000
    history.frames[5] = FrameState(mask=10_001, source="model")
    assert overview.refresh()
    assert overview.version == 10_001, "the work does not grow with what has not changed"
    assert overview.refresh()
    assert overview.version == 10_001, "and no work is left"
    assert len(shrink(overview.status, 800)) == 200
