"""`flow` on made pictures whose masks are known."""

import cv2
import numpy as np
import pytest

from napari_ivos.errors import EngineError
from napari_ivos.masks import labels_from_probs
from napari_ivos.methods import (
    Annotation,
    FrameResult,
    InteractRequest,
    PropagateRequest,
    create_engine,
)
from napari_ivos.scribbles import make_stroke
from napari_ivos.scribbles.simulate import correction_strokes


def jaccard(one, other):
    return (one & other).sum() / (one | other).sum()


def texture(rng, size, low, high, sigma=2.0):
    noise = cv2.GaussianBlur(rng.random((*size, 3)).astype(np.float32), (0, 0), sigma)
    return cv2.normalize(noise, None, low, high, cv2.NORM_MINMAX).astype(np.uint8)


def movie(length=8, size=(96, 128), step=2, colour=True):
    """A textured ellipse that moves right over a textured ground, with its masks."""
    rng = np.random.default_rng(0)
    ground = texture(rng, (size[0], size[1]), 90, 200)
    thing = texture(rng, size, 20, 90)
    if colour:
        thing[..., 0] += 90
    else:
        ground[:], thing[:] = ground[..., :1], thing[..., :1]
    frames, truth = [], []
    for t in range(length):
        mask = np.zeros(size, np.uint8)
        cv2.ellipse(mask, (36 + step * t, 48), (22, 13), 20, 0, 360, 1, -1)
        shifted = np.roll(thing, step * t, axis=1)
        frames.append(np.where(mask[..., None] > 0, shifted, ground))
        truth.append(mask.astype(np.uint16))
    return np.stack(frames), np.stack(truth)


def cells(length=4, size=160, radius=9, spacing=32, step=1):
    """Equal bright disks on a grid, drifting down."""
    rng = np.random.default_rng(1)
    frames, truth = [], []
    for t in range(length):
        labels = np.zeros((size, size), np.uint16)
        number = 0
        for y in range(spacing // 2, size - radius, spacing):
            for x in range(spacing // 2, size - radius, spacing):
                number += 1
                cv2.circle(labels, (x, y + step * t), radius, number, -1)
        light = np.where(labels > 0, 120, 25) + rng.normal(0, 4, labels.shape)
        light = cv2.GaussianBlur(light.clip(0, 255).astype(np.uint8), (0, 0), 1.0)
        frames.append(np.repeat(light[..., None], 3, axis=2))
        truth.append(labels)
    return np.stack(frames), np.stack(truth)


def interact(video, strokes=(), *, frame=0, objects=(1,), prior=None, human=None, memory=None):
    request = InteractRequest(video, frame, objects, tuple(strokes), prior, human, memory)
    return create_engine("flow").interact(request)


def propagate(video, start, memory, *, objects=(1,), previous=None, **options):
    frame = start.index
    request = PropagateRequest(
        video=video,
        frame=frame,
        objects=objects,
        start=start,
        memory=memory,
        backward=tuple(range(frame - 1, -1, -1)),
        forward=tuple(range(frame + 1, len(video))),
        annotated=options.pop("annotated", ()),
        previous=previous or (lambda index: None),
        **options,
    )
    return {r.index: r for r in create_engine("flow").propagate(request)}


def certain(mask):
    return np.stack([mask == 0, mask == 1]).astype(np.float32)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("radius", [None, 4.0])
def test_a_single_stroke_finds_the_object(colour, radius):
    video, truth = movie(colour=colour)
    result, _ = interact(video, correction_strokes(truth[0], None, 0, [1], radius=radius))
    assert jaccard(result.probs[1] > 0.5, truth[0] == 1) > 0.8


@pytest.mark.parametrize("colour", [True, False])
def test_the_object_is_followed_both_ways(colour):
    video, truth = movie(colour=colour)
    start = FrameResult(3, certain(truth[3]), 1.0)
    _, memory = interact(video, human=truth[3].astype(np.int32), frame=3)
    results = propagate(video, start, memory)
    for index, result in results.items():
        assert jaccard(result.probs[1] > 0.5, truth[index] == 1) > 0.85, index


def test_small_cells_of_equal_looks_stay_apart():
    video, truth = cells()
    objects = (7, 8, 13)
    result, memory = interact(
        video, correction_strokes(truth[0], None, 0, objects), objects=objects
    )
    results = propagate(video, result, memory, objects=objects)
    for index, found in ((0, result), (3, results[3])):
        labels = labels_from_probs(found.probs, objects)
        for object_id in objects:
            assert jaccard(labels == object_id, truth[index] == object_id) > 0.7


def test_a_positive_stroke_adds_and_a_negative_one_removes():
    video, truth = movie()
    wrong = np.zeros_like(truth[0])
    wrong[20:76, 30:90] = 1
    missing = truth[0].copy()
    missing[:, :34] = 0
    for shown in (wrong, missing):
        strokes = correction_strokes(truth[0], shown, 0, [1])
        result, _ = interact(video, strokes, prior=certain(shown))
        after = jaccard(result.probs[1] > 0.5, truth[0] == 1)
        assert after > jaccard(shown == 1, truth[0] == 1) + 0.05


def test_a_correction_leaves_what_is_far_away():
    video, truth = movie()
    shown = truth[0].copy()
    shown[2:12, 100:124] = 1
    stroke = make_stroke(0, 0, [(7, 102), (7, 121)])
    result, _ = interact(video, [stroke], prior=certain(shown))
    region = result.probs[1] > 0.5
    assert not region[7, 102:122].any()
    assert jaccard(region, truth[0] == 1) > 0.9


def test_strokes_are_kept_to_the_pixel():
    video, truth = movie()
    strokes = [make_stroke(0, 1, [(3, 3), (3, 9)]), make_stroke(0, 0, [(48, 30), (48, 40)])]
    result, _ = interact(video, strokes, prior=certain(truth[0]))
    labels = result.probs.argmax(0)
    assert (labels[3, 3:10] == 1).all()
    assert (labels[48, 30:41] == 0).all()


def test_a_stroke_that_says_nothing_new_changes_nothing():
    video, truth = movie()
    stroke = make_stroke(0, 1, [(48, 30), (48, 40)])
    prior = certain(truth[0])
    result, _ = interact(video, [stroke], prior=prior)
    np.testing.assert_array_equal(result.probs, prior)


def test_human_pixels_alone_are_taken_as_they_are():
    video, truth = movie()
    human = np.full(truth[0].shape, -1, dtype=np.int32)
    human[truth[0] == 1] = 1
    result, _ = interact(video, human=human)
    np.testing.assert_array_equal(result.probs[1] > 0.5, truth[0] == 1)


def test_an_object_keeps_its_result_where_a_round_says_nothing_of_it():
    video, truth = movie()
    _, memory = interact(video, human=truth[0].astype(np.int32), objects=(1, 2))
    prior = np.zeros((3, *truth[0].shape), dtype=np.float32)
    prior[1], prior[0] = truth[4] == 1, truth[4] != 1
    stroke = make_stroke(4, 2, [(88, 100), (88, 115)])
    result, memory = interact(video, [stroke], frame=4, objects=(1, 2), prior=prior, memory=memory)
    kept = prior.copy()
    kept[:, :5, :5] = np.array([0, 1, 0])[:, None, None]
    results = propagate(
        video, result, memory, objects=(1, 2), annotated=(0,), previous=lambda index: kept
    )
    np.testing.assert_allclose(results[5].probs[1][:80], kept[1][:80], atol=1e-6)


def test_between_two_annotated_frames_the_nearer_one_wins():
    video, truth = movie(length=9)
    _, memory = interact(video, human=truth[8].astype(np.int32), frame=8)
    _, memory = interact(video, human=truth[0].astype(np.int32), frame=0, memory=memory)
    # What the other round left is the truth, but for a block that it got wrong.
    old = [certain(mask) for mask in truth]
    for probs in old:
        probs[:, 2:10, 100:120] = np.array([0, 1])[:, None, None]
    start = FrameResult(0, certain(truth[0]), 1.0)
    results = propagate(video, start, memory, annotated=(8,), previous=lambda index: old[index])
    assert not (results[1].probs[1][2:10, 100:120] > 0.5).any()
    assert results[1].probs[1][4, 110] < results[6].probs[1][4, 110]


def test_absent_objects_are_absent():
    video, truth = movie()
    _, memory = interact(video, human=truth[0].astype(np.int32))
    start = FrameResult(0, certain(truth[0]), 1.0)
    results = propagate(
        video, start, memory, absent=lambda index: frozenset({1} if index >= 4 else ())
    )
    assert (results[3].probs[1] > 0.5).any()
    assert not results[4].probs[1].any()
    np.testing.assert_allclose(results[4].probs.sum(0), 1, atol=1e-5)


def test_reliability_falls_where_the_flow_breaks():
    video, truth = movie(length=10)
    broken = video.copy()
    broken[5:] = texture(np.random.default_rng(9), video.shape[1:3], 0, 255)
    _, memory = interact(video, human=truth[0].astype(np.int32))
    start = FrameResult(0, certain(truth[0]), 1.0)
    good, bad = (propagate(frames, start, memory) for frames in (video, broken))
    values = [good[index].reliability for index in range(1, 10)]
    assert values == sorted(values, reverse=True)
    assert bad[9].reliability < good[9].reliability
    assert good[3].object_reliability == (good[3].reliability,)


def test_rebuilt_memory_equals_that_of_the_rounds():
    video, truth = movie()
    strokes = tuple(correction_strokes(truth[0], None, 0, [1]))
    first, memory = interact(video, strokes)
    more = tuple(correction_strokes(truth[4], None, 4, [1]))
    _, memory = interact(video, more, frame=4, prior=first.probs, memory=memory)
    rounds = [
        Annotation(0, (1,), strokes, None, None),
        Annotation(4, (1,), more, first.probs, None),
    ]
    rebuilt = create_engine("flow").rebuild(video, rounds)
    assert [entry.frame for entry in rebuilt] == [entry.frame for entry in memory]
    for one, other in zip(rebuilt, memory, strict=True):
        for (_, mine), (_, yours) in zip(one.looks, other.looks, strict=True):
            np.testing.assert_array_equal(mine.ratio, yours.ratio)
            np.testing.assert_array_equal(mine.placed_ratio, yours.placed_ratio)


def test_a_stroke_in_a_large_frame_finds_a_small_object():
    size = (1100, 1300)
    light = np.full(size, 40, dtype=np.uint8)
    cv2.circle(light, (900, 300), 10, 160, -1)
    truth = light > 100
    video = np.repeat(cv2.GaussianBlur(light, (0, 0), 1.0)[None, ..., None], 3, axis=3)
    video = np.concatenate([video, np.roll(video, 3, axis=2)])
    result, memory = interact(video, [make_stroke(0, 1, [(297, 897), (303, 903)])])
    assert jaccard(result.probs[1] > 0.5, truth) > 0.65
    later = propagate(video, result, memory)[1]
    assert jaccard(later.probs[1] > 0.5, np.roll(truth, 3, axis=1)) > 0.6


def test_no_object_is_a_clear_error():
    video, _ = movie(length=1)
    with pytest.raises(EngineError, match="no object"):
        interact(video, objects=())


def test_it_runs_on_the_cpu_alone():
    with pytest.raises(EngineError, match="cuda"):
        create_engine("flow", "cuda")
