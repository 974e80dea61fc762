"""What J is expected of an object that was followed."""

from __future__ import annotations

import numpy as np
import pytest

from napari_ivos.methods.flow.refiner import Opinion
from napari_ivos.methods.flow.trust import expected_overlap
from napari_ivos.methods.flow.window import Plane


def plane(value: float = 1.0) -> Plane:
    out = np.zeros((20, 20), dtype=np.float32)
    out[5:15, 5:15] = value
    return out


def opinion(expected: float = 0.8, alike: float = 0.5) -> Opinion:
    return Opinion(plane(), expected, alike)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((opinion(0.9), plane(), 5), (opinion(0.6), plane(), 5)),
        ((opinion(alike=0.9), plane(), 5), (opinion(alike=0.1), plane(), 5)),
        ((opinion(), plane(), 5), (opinion(), plane(0.6), 5)),
        ((opinion(), plane(), 1), (opinion(), plane(), 9)),
        ((opinion(), plane(), 5), (None, plane(0.0), 5)),
    ],
    ids=["expected", "alike", "sure", "near", "there"],
)
def test_each_of_them_counts(
    better: tuple[Opinion | None, Plane, int], worse: tuple[Opinion | None, Plane, int]
) -> None:
    assert 1 > expected_overlap(*better) > expected_overlap(*worse) > 0


def test_certainty_of_the_network_is_no_proof() -> None:
    found = [expected_overlap(opinion(value), plane(), 3) for value in (0.0, 1.0)]
    assert np.isfinite(found).all()
    assert 0 < found[0] < found[1] < 1
