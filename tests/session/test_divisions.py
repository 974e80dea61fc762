"""What daughters begin as: parts of their parent's mask, or its halves."""

import numpy as np
import pytest

from napari_ivos.session import Session
from napari_ivos.session._division import parts_of

ROWS, COLUMNS = np.mgrid[:90, :120]


def disk(y, x, radius):
    return (ROWS - y) ** 2 + (COLUMNS - x) ** 2 <= radius**2


@pytest.mark.parametrize(
    ("mask", "middles"),
    [
        (disk(40, 35, 18) | disk(40, 68, 18), [(40, 35), (40, 68)]),
        (disk(40, 35, 20) | disk(45, 62, 12), [(40, 35), (45, 63)]),
        (disk(30, 40, 14) | disk(48, 55, 14), [(30, 40), (48, 55)]),
        (disk(0, 30, 15) | disk(0, 55, 15), [(6, 30), (6, 55)]),
        (disk(40, 60, 20), [(32, 60), (49, 60)]),
        (disk(50, 80, 14) | disk(30, 30, 10) | disk(20, 30, 1), [(30, 30), (50, 80)]),
        (disk(30, 30, 10) | disk(50, 80, 14) | disk(10, 110, 9), [(10, 110), (30, 30), (50, 80)]),
        ((ROWS == 3) & (COLUMNS < 9), [(3, 2), (3, 6)]),
    ],
    ids=["waist", "unequal", "slanting", "edge", "round", "parts", "three", "line"],
)
def test_a_mask_is_parted(mask, middles):
    parts = parts_of(mask)
    assert np.array_equal(parts > 0, mask)
    found = [np.argwhere(parts == number).mean(axis=0) for number in range(1, parts.max() + 1)]
    np.testing.assert_allclose(found, middles, atol=1)


def test_a_speck_belongs_to_the_nearest_and_a_pixel_does_not_divide():
    parts = parts_of(disk(50, 80, 14) | disk(30, 30, 10) | disk(20, 45, 1))
    assert parts.max() == 2
    assert parts[20, 45] == parts[30, 30]
    assert parts_of(disk(9, 9, 0)) is None
    assert parts_of(disk(9, 9, 0) & False) is None


def test_a_large_mask_is_split_where_a_small_one_is():
    small = disk(40, 35, 20) | disk(45, 62, 12)
    large = parts_of(small.repeat(20, axis=0).repeat(20, axis=1))
    assert (large > 0).sum() == 400 * small.sum()
    same = large[10::20, 10::20] == parts_of(small)
    assert same[small].mean() > 0.97


@pytest.fixture
def dividing(engine):
    """20 frames with object 1 on frame 8, as two cells that touch, and object 2."""
    with Session(np.zeros((20, 90, 120, 3), np.uint8), engine=engine) as session:
        labels = np.zeros((90, 120), np.uint16)
        labels[disk(40, 35, 18) | disk(40, 68, 18)], labels[80:85, 5:30] = 1, 2
        session.add_mask(8, labels, lock=False)
        list(session.propagate())
        yield session


def masks_of(session):
    return np.asarray(session.masks).copy()


def test_daughters_begin_with_halves_that_strokes_correct(dividing):
    before, noted = masks_of(dividing), dividing.annotated_frames
    assert dividing.divide(1, 10) == (3, 4)
    after = masks_of(dividing)
    assert not (after[10:] == 1).any()
    np.testing.assert_array_equal(after[:10], before[:10])
    np.testing.assert_array_equal(np.isin(after[10], (3, 4)), before[10] == 1)
    np.testing.assert_array_equal(after[10] == 2, before[10] == 2)
    assert (after[10][40, 35], after[10][40, 68]) == (3, 4)
    assert dividing.pending_frames == (10,)
    dividing.add_stroke(10, 4, [[40, 30], [40, 40]], 2)
    dividing.interact(10)
    assert dividing.masks[10][40, 35] == 4, "a proposal, and no law"
    dividing.undo()
    list(dividing.propagate())
    for index in (11, 19):
        assert {3, 4} <= set(np.unique(dividing.masks[index]).tolist())
    assert [item.parent for item in dividing.objects] == [0, 0, 1, 1]
    dividing.undo()
    dividing.undo()
    np.testing.assert_array_equal(masks_of(dividing), before)
    assert [item.id for item in dividing.objects] == [1, 2]
    assert dividing.annotated_frames == noted
    dividing.redo()
    np.testing.assert_array_equal(masks_of(dividing), after)


def test_each_of_three_parts_is_a_daughter_also_in_the_lineage(dividing, tmp_path):
    labels = np.zeros((90, 120), np.uint16)
    labels[disk(30, 30, 10) | disk(50, 80, 14) | disk(10, 110, 9)] = 1
    dividing.add_mask(12, labels, lock=False)
    assert dividing.divide(1, 12) == (3, 4, 5)
    assert [item.name for item in dividing.objects[2:]] == [f"object 1.{n}" for n in (1, 2, 3)]
    assert [dividing.masks[12][y, x] for y, x in ((10, 110), (30, 30), (50, 80))] == [3, 4, 5]
    dividing.export(tmp_path / "tracks", format="ctc")
    lines = (tmp_path / "tracks" / "man_track.txt").read_text().splitlines()
    tracks = {int(line.split()[0]): tuple(map(int, line.split()[1:])) for line in lines}
    assert tracks[1] == (0, 11, 0)
    assert [tracks[number] for number in (3, 4, 5)] == [(12, 12, 1)] * 3


def test_on_an_accepted_frame_it_counts_as_accepted(dividing):
    dividing.accept(10)
    dividing.divide(1, 10)
    halves = dividing.masks[10].copy()
    assert {2, 3, 4} == set(np.unique(halves).tolist()) - {0}
    list(dividing.propagate(8))
    np.testing.assert_array_equal(dividing.masks[10], halves)


def test_painted_pixels_and_wishes_are_heeded(dividing):
    where = disk(40, 35, 6)
    dividing.paint(10, np.where(where, 2, 0), where)
    dividing.divide(1, 10)
    assert not np.isin(dividing.masks[10], (3, 4)).any(), "nothing binds them to their parent"
    assert (dividing.masks[10][where] == 2).all()
    dividing.undo()
    dividing.undo()
    dividing.divide(1, 10, split=False)
    assert not np.isin(dividing.masks[10], (3, 4)).any()


def test_a_division_survives_the_program(dividing, tmp_path, engine):
    dividing.save(tmp_path / "p.ivos")
    dividing.divide(1, 10)
    kept = masks_of(dividing)
    dividing.close()
    with Session.open(tmp_path / "p.ivos", video=dividing.video, engine=engine) as again:
        np.testing.assert_array_equal(masks_of(again), kept)
        again.undo()
        assert (again.masks[10] == 1).any()
