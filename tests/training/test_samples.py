"""What is recorded for the network, and how it is kept."""

import numpy as np
import pytest

from napari_ivos.methods.lite.inputs import MOVED_PLANES, RAW_PLANES, SIDE
from napari_ivos.training.samples import record
from napari_ivos.training.scenes import make_scene
from napari_ivos.training.sources import Sources
from napari_ivos.training.store import Reader, Writer


@pytest.fixture(scope="module")
def samples(data):
    """Of four videos."""
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        found += record(rng, make_scene(rng, Sources(data, free_only=True), 3))
    return found


def overlap(one, other):
    one, other = one > 0.5, other > 0.5
    return (one & other).sum() / max((one | other).sum(), 1)


def test_each_decision_of_flow_is_recorded_with_what_would_be_right(samples):
    moved = [sample for sample in samples if sample.moved]
    annotated = [sample for sample in samples if not sample.moved]
    assert moved
    assert annotated
    for sample in samples:
        assert sample.image.shape == (SIDE, SIDE, 3)
        assert len(sample.planes) == (MOVED_PLANES if sample.moved else RAW_PLANES)
        assert (sample.reference is not None) == sample.moved
        assert np.abs(sample.planes).max() <= 1.25
    # `flow` is right more often than not, so its region and the truth lie in one place.
    assert np.mean([overlap(sample.planes[1], sample.truth) for sample in moved]) > 0.4
    # Strokes for the object lie on it.
    inside = [s.truth[s.planes[0] > 0].mean() for s in annotated if (s.planes[0] > 0).any()]
    assert np.mean(inside) > 0.8


def test_samples_come_back_as_they_were_kept(samples, tmp_path):
    writer = Writer(tmp_path, "train")
    for sample in samples:
        writer.add(sample)
    writer.close()
    for moved in (True, False):
        wanted = [sample for sample in samples if sample.moved == moved]
        reader = Reader(tmp_path, "train*", moved=moved)
        assert len(reader) == len(wanted)
        for index, sample in enumerate(wanted):
            kept = reader[index]
            assert np.array_equal(kept["image"], sample.image)
            np.testing.assert_allclose(kept["planes"], sample.planes, atol=0.0051, rtol=0)
            np.testing.assert_allclose(kept["truth"], sample.truth, atol=0.002, rtol=0)
            if moved:
                assert np.array_equal(kept["reference"], sample.reference)


def test_a_sample_that_is_half_written_is_not_read(samples, tmp_path):
    writer = Writer(tmp_path, "train")
    for sample in samples:
        writer.add(sample)
    writer.close()
    before = len(Reader(tmp_path, "train*", moved=True))
    path = tmp_path / "moved-train.bin"
    path.write_bytes(path.read_bytes()[:-100])
    assert len(Reader(tmp_path, "train*", moved=True)) == before - 1
