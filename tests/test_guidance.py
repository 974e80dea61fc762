import numpy as np
import pytest

from napari_ivos.errors import IvosError
from napari_ivos.guidance import recommend


def test_least_reliable_first_and_ties_to_the_earlier_frame():
    assert recommend([0.5, 0.2, 0.2, 0.9]) == [1]
    assert recommend([0.5, 0.2, 0.2, 0.9], k=4) == [1, 2, 0, 3], "short videos exclude nothing"


def test_candidates_keep_their_distance():
    scores = np.linspace(0, 1, 69)
    # A twentieth of 69 is 3.45: a chosen frame f excludes f − 3 … f + 2.
    assert recommend(scores, k=4) == [0, 3, 6, 9]
    scores = np.abs(np.arange(69) - 40.0)
    assert recommend(scores, k=3) == [40, 43, 36]


def test_unknown_frames_are_not_recommended():
    assert recommend([np.nan, 0.4, np.nan, 0.3], k=4) == [3, 1]
    assert recommend([np.nan] * 3) == []
    assert recommend([]) == []


@pytest.mark.parametrize("k", [0, -1, 1.5, "two", None, True])
def test_a_number_of_frames_that_is_none_is_refused(k):
    with pytest.raises(IvosError, match="is not a number of frames"):
        recommend([0.5, 0.2], k)
