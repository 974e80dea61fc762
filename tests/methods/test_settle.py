"""What a round found and what the rounds before did, between two annotated frames."""

import cv2
import numpy as np
import pytest

from napari_ivos.methods._protocol import FrameResult, PropagateRequest
from napari_ivos.methods.flow.looks import learn
from napari_ivos.methods.flow.refiner import Moved, Opinion
from napari_ivos.methods.flow.settle import Keeper, settle
from napari_ivos.methods.flow.track import Track

SIZE = (60, 80)


def disc(x):
    mask = np.zeros(SIZE, np.float32)
    cv2.circle(mask, (x, 30), 12, 1.0, -1)
    return mask


class Refiner:
    """Never asked here; that there is one lets results be judged."""

    def moved(self, views: list[Moved]) -> list[Opinion]:
        raise AssertionError


def settled(former, expected=(0.7,)):
    """The result between frames 0 and 4, when that of the rounds before had this reliability.

    The objects, as many as `expected` names J for, are all the same one.
    """
    image = np.full((*SIZE, 3), 90, np.uint8)
    old, new = disc(35), disc(40)
    image[(old > 0) | (new > 0)] = (200, 40, 40)
    objects = tuple(range(1, len(expected) + 1))
    # Annotated on both frames, so that the rounds before knew the object.
    tracks = [Track(new, image, [learn(image, old)] * 2, Refiner()) for _ in objects]
    for track, score in zip(tracks, expected, strict=True):
        track._opinion = Opinion(new, score, 0.5)
    request = PropagateRequest(
        video=np.stack([image] * 5),
        frame=4,
        objects=objects,
        start=FrameResult(4, np.stack([1 - new, *(new for _ in objects)]), 1.0),
        memory=(),
        backward=(3, 2, 1),
        forward=(),
        annotated=(0,),
        previous=lambda _: np.stack([1 - old, *(old for _ in objects)]),
        previous_reliability=lambda _: (former,) * len(objects),
    )
    return settle(request, 2, tracks, Keeper(None, objects), frozenset())


def test_the_more_reliable_result_counts_for_more():
    right, left = (30, 50), (30, 25)
    doubted, trusted = settled(0.1).probs[1], settled(0.95).probs[1]
    # The new result has the right edge, that of before the left one.
    assert doubted[right] > trusted[right] + 0.2
    assert trusted[left] > doubted[left] + 0.2


def test_a_method_that_told_nothing_before_is_no_less_trusted_than_by_distance():
    unknown = settled(np.nan).probs[1]
    # Half way between the annotated frames both count, and the new one no more than its share.
    assert 0.2 < unknown[30, 50] <= 0.75
    assert unknown[30, 50] < settled(0.1).probs[1][30, 50]


def test_a_frames_reliability_is_the_mean_of_its_objects():
    result = settled(0.5, (0.95, 0.05))
    one, other = result.object_reliability
    assert one > 2 * other
    assert result.reliability == pytest.approx((one + other) / 2)
