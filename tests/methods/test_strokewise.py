"""Strokes one after the other: corrections stay corrections, and only the strokes count."""

import numpy as np
import pytest

from napari_ivos.methods.flow import strokewise
from napari_ivos.methods.flow.strokewise import Strokewise
from napari_ivos.scribbles import make_stroke
from napari_ivos.scribbles.raster import rasterise

SIZE = (100, 140)


@pytest.fixture(scope="module")
def picture():
    """A red disc with a thin white rod, before a ground whose upper part is nearly white too."""
    rng = np.random.default_rng(0)
    image = np.full((*SIZE, 3), (60, 110, 60), np.float32)
    image[:40] = (215, 215, 215)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = np.hypot(y - 70, x - 50) < 18
    image[disc] = (190, 50, 50)
    rod = rasterise(make_stroke(0, 1, [(56, 62), (30, 95)], 1.5), SIZE) & ~disc
    image[rod] = (235, 235, 235)
    image += rng.normal(0, 5, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), disc, rod


BODY = make_stroke(0, 1, [(62, 42), (78, 58)], 2)
ROD = make_stroke(0, 1, [(54, 65), (32, 92)])


def region(picture, strokes, method=None, **more):
    values = {"human": None, "object_id": 1, "prior": None, "motion": list} | more
    return (method or Strokewise(None)).region(picture[0], strokes, **values)


def test_a_thin_part_of_another_colour_is_added(picture):
    _, disc, rod = picture
    first = region(picture, [BODY]) > 0.5
    assert (first & disc).sum() / (first | disc).sum() > 0.85
    both = region(picture, [BODY, ROD]) > 0.5
    whole = disc | rod
    assert both[rasterise(ROD, SIZE)].all()
    assert (both & whole).sum() / (both | whole).sum() > 0.75
    # Nearly everything that was the ground before still is.
    assert (both & ~whole).sum() < 150


def test_a_region_depends_on_the_strokes_alone(picture):
    kept = Strokewise(None)
    region(picture, [BODY], kept)
    region(picture, [BODY, ROD], kept)
    again = region(picture, [BODY], kept)
    assert np.array_equal(again, region(picture, [BODY]))
    assert np.array_equal(region(picture, [BODY, ROD], kept), region(picture, [BODY, ROD]))


@pytest.fixture
def segmented(monkeypatch):
    """What `segment` was given each time: the region to correct, or None to begin."""
    priors = []
    segment = strokewise.segment

    def noted(frame, seeds, against, prior, motion, refiner):
        priors.append(prior)
        return segment(frame, seeds, against, prior, motion, refiner)

    monkeypatch.setattr(strokewise, "segment", noted)
    return priors


def test_the_first_stroke_begins_and_the_next_corrects_what_it_made(picture, segmented):
    first = region(picture, [BODY])
    segmented.clear()
    region(picture, [BODY, ROD])
    assert segmented[0] is None
    assert np.array_equal(segmented[1], first)


def test_a_further_stroke_costs_one_segmentation(picture, segmented):
    kept = Strokewise(None)
    region(picture, [BODY], kept)
    region(picture, [BODY, ROD], kept)
    region(picture, [BODY, ROD], kept)
    assert len(segmented) == 2
    # One that says nothing new costs nothing.
    region(picture, [BODY, ROD, make_stroke(0, 1, [(70, 50)])], kept)
    assert len(segmented) == 2


def test_so_it_does_when_there_is_room_for_one_region_alone(picture, segmented, monkeypatch):
    monkeypatch.setattr(strokewise, "_MOST_BYTES", 1)
    kept = Strokewise(None)
    strokes = [BODY, ROD, make_stroke(0, 0, [(54, 65), (50, 70)]), make_stroke(0, 1, [(90, 90)])]
    for count in range(1, 5):
        found = region(picture, strokes[:count], kept)
        assert len(segmented) == count
    assert np.array_equal(found, region(picture, strokes))


def test_another_picture_or_mask_is_not_taken_for_the_one_before(picture):
    kept = Strokewise(None)
    region(picture, [BODY], kept)
    other = (np.ascontiguousarray(picture[0][:, ::-1]), *picture[1:])
    assert np.array_equal(region(other, [BODY], kept), region(other, [BODY]))
    prior = picture[1].astype(np.float32)
    with_prior = region(picture, [BODY, ROD], kept, prior=prior)
    assert np.array_equal(with_prior, region(picture, [BODY, ROD], prior=prior))


def test_the_last_stroke_wins_where_strokes_cross(picture):
    no = make_stroke(0, 0, [(70, 40), (70, 60)])
    off, on = rasterise(no, SIZE), rasterise(BODY, SIZE)
    found = region(picture, [BODY, no]) > 0.5
    assert not found[off].any()
    found = region(picture, [no, BODY]) > 0.5
    assert found[on].all()
    # Another object's stroke counts as well, wherever it stands in the order.
    other = make_stroke(0, 2, [(70, 40), (70, 60)])
    assert not (region(picture, [BODY, other]) > 0.5)[off].any()


@pytest.fixture(scope="module")
def two_discs():
    """A red disc at the left of a wide frame and one at the right, far from each other."""
    rng = np.random.default_rng(1)
    image = np.full((100, 500, 3), (60, 110, 60), np.float32)
    y, x = np.mgrid[:100, :500]
    for middle in (60, 440):
        image[np.hypot(y - 50, x - middle) < 18] = (190, 50, 50)
    image += rng.normal(0, 5, image.shape)
    return (np.clip(image, 0, 255).astype(np.uint8),)


LEFT = make_stroke(0, 1, [(45, 55), (55, 65)], 2)
RIGHT = make_stroke(0, 2, [(45, 435), (55, 445)], 2)
FAR = make_stroke(0, 0, [(10, 300), (90, 300)], 2)


def test_strokes_far_away_leave_an_object_as_it_is(two_discs, segmented):
    kept = Strokewise(None)
    first = region(two_discs, [LEFT], kept)
    again = region(two_discs, [LEFT, RIGHT, FAR], kept)
    assert len(segmented) == 1
    assert np.array_equal(again, first)
    # And a correction looks at the object, not at all of the frame between the strokes.
    small = make_stroke(0, 0, [(38, 50), (38, 70)])
    assert np.array_equal(
        region(two_discs, [LEFT, RIGHT, FAR, small]), region(two_discs, [LEFT, small])
    )


def test_another_objects_stroke_nearby_counts(two_discs, segmented):
    kept = Strokewise(None)
    region(two_discs, [LEFT], kept)
    near = make_stroke(0, 2, [(40, 85), (60, 85)], 1)
    assert region(two_discs, [LEFT, near], kept)[50, 85] == 0
    assert len(segmented) == 2
