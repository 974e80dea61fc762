"""The annotated frame: strokes to regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import is_grey, look
from napari_ivos.methods.flow.correct import flips
from napari_ivos.methods.flow.cues import cues
from napari_ivos.methods.flow.extent import best_level
from napari_ivos.methods.flow.refine import edge_weights, regularise
from napari_ivos.methods.flow.refiner import Annotated, Refiner
from napari_ivos.methods.flow.second import second_cues
from napari_ivos.methods.flow.snap import drop_fragments, snap
from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane, Window, box_of, window_round
from napari_ivos.types import Frame, Mask

# fmt: off
# Weights of the cues and an offset, by logistic regression on public still images.
# Rows: colour, grey.
_FRESH = np.array([
    [-0.479, -2.013, 0.856, 0.555, 0.830, 0.579, -2.821, -2.509, 0.508, 0.241, 0.239, 0.389,
     0.550, 1.410],
    [-0.040, -1.017, -1.720, 1.009, -1.199, -0.965, -2.299, 1.393, 0.407, -0.099, -0.003, 0.594,
     0.0, 0.664],
], dtype=np.float32)
_SECOND = np.array([
    [0.350, -0.234, -0.104, 0.744, 0.362, -0.216, -1.326, 0.049, -0.548, 0.425, -0.505, 0.069,
     0.168, 0.470],
    [0.096, 0.122, 0.091, 0.902, 0.537, -0.795, 0.0, -0.125, -1.191, -0.909, -0.675, 1.302,
     -0.491, 2.099],
], dtype=np.float32)
# fmt: on
_MOST = np.float32(4)
_CERTAIN = np.float32(8)
_BOUNDARY = 3.0
_PRIOR = np.float32(2.5)
# A corrected region that overlaps less than this with the one before is begun again.
_HOPELESS = 0.5
# What GrabCut's opinion on a pixel near the boundary weighs.
_VOTE = np.float32(1)


def segment(
    frame: Frame,
    seeds: Mask,
    against: Mask,
    prior: Plane | None,
    motion: Sequence[Flow],
    refiner: Refiner | None = None,
) -> Plane:
    """Region of one object on an annotated frame.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    seeds, against : (H, W) bool
        Pixels that a person marked as the object's, and as not the object's.
    prior : (H, W) float32 or None
        The object's probability before; None when it has no region yet.
    motion : sequence of (h, w, 2) float32
        Flow to neighbouring frames, of any size that shows the whole frame.
    refiner : Refiner, optional
        Decides last.

    Returns
    -------
    (H, W) float32 in [0, 1]
    """
    if prior is None:
        if not seeds.any():
            return np.zeros(seeds.shape, dtype=np.float32)
        return _fresh(frame, seeds, against, motion, refiner)
    return _corrected(frame, seeds, against, prior, motion, refiner)


def _fresh(
    frame: Frame, seeds: Mask, against: Mask, motion: Sequence[Flow], refiner: Refiner | None
) -> Plane:
    """Region of an object that has none yet."""
    window = _window(seeds, None)
    evidence = _evidence(frame, seeds, against, motion, window)
    region = _cut(evidence, window, frame, seeds, against, None, refiner)
    return _whole(region, window, seeds, against)


def _cut(
    evidence: Plane,
    window: Window,
    frame: Frame,
    seeds: Mask,
    against: Mask,
    prior: Plane | None,
    refiner: Refiner | None,
) -> Mask:
    """Evidence to a region with a boundary that is short and lies on edges."""
    inside, outside = window.take_seeds(seeds), window.take_seeds(against)
    evidence[inside] = _CERTAIN
    evidence[outside] = -_CERTAIN
    image = window.take(frame)
    weights = edge_weights(look(image))
    region = regularise(evidence, weights, _BOUNDARY) > 0.5
    if region.any():
        vote = np.where(snap(image, region, inside, outside), _VOTE, -_VOTE).astype(np.float32)
        region = regularise(evidence + vote, weights, _BOUNDARY) > 0.5
    if refiner is None:
        return region
    before = None if prior is None else window.take(prior)
    view = Annotated(window, image, inside, outside, evidence, region, before)
    return np.asarray(refiner.annotated(view) > 0.5)


def _whole(region: Mask, window: Window, seeds: Mask, against: Mask) -> Plane:
    out = np.zeros(seeds.shape, dtype=np.float32)
    window.give(region.astype(np.float32), out)
    out[against] = 0
    out[seeds] = 1
    return out


def _corrected(
    frame: Frame,
    seeds: Mask,
    against: Mask,
    prior: Plane,
    motion: Sequence[Flow],
    refiner: Refiner | None,
) -> Plane:
    """Region of an object that has one, changed where new marks contradict it."""
    window = _window(seeds | against, prior)
    evidence = _changed(frame, seeds, against, prior, motion, window)
    region = _cut(evidence, window, frame, seeds, against, prior, refiner)
    before = window.take(prior) > 0.5
    region = drop_fragments(region, before, window.take_seeds(seeds))
    same = float((region & before).sum()) / max(int((region | before).sum()), 1)
    out = _whole(region, window, seeds, against)
    if same < _HOPELESS and seeds.any():
        # Hardly anything was right: better to begin again than to mend.
        out = np.maximum(out * (prior >= 0.5), _fresh(frame, seeds, against, motion, refiner))
    return out


def _changed(
    frame: Frame,
    seeds: Mask,
    against: Mask,
    prior: Plane,
    motion: Sequence[Flow],
    window: Window,
) -> Plane:
    """Log-odds from before, changed where new marks contradict them."""
    before = np.clip(window.take(prior), 0.02, 0.98)
    odds = np.clip(np.log(before / (1 - before)), -_PRIOR, _PRIOR).astype(np.float32)
    missed, wrong = seeds & (prior < 0.5), against & (prior >= 0.5)
    for marks, others, sign in ((missed, wrong, 1), (wrong, missed | seeds, -1)):
        if not marks.any():
            continue
        part = _window(marks, None)
        channels, moved = _view(frame, motion, part)
        side = np.asarray(part.take(prior) < 0.5) == (sign > 0)
        here = part.take_seeds(marks) & side
        if not here.any():
            continue
        found = flips(
            channels,
            is_grey(channels),
            here,
            part.take_seeds(others) & ~here,
            side,
            moved,
            adding=sign > 0,
        )
        whole = np.full(prior.shape, -_CERTAIN, dtype=np.float32)
        part.give(np.where(side, np.clip(found, -_MOST, _MOST), -_MOST).astype(np.float32), whole)
        change = window.take(whole)
        odds = np.where(change > 0, sign * change, odds).astype(np.float32)
    return np.asarray(odds, dtype=np.float32)


def _view(
    frame: Frame, motion: Sequence[Flow], window: Window
) -> tuple[NDArray[np.float32], list[Flow]]:
    channels = look(window.take(frame))
    return channels, [window.take_from(flow, frame.shape) for flow in motion]


def _evidence(
    frame: Frame, seeds: Mask, against: Mask, motion: Sequence[Flow], window: Window
) -> Plane:
    channels, moved = _view(frame, motion, window)
    stack = cues(channels, window.take_seeds(seeds), window.take_seeds(against), moved)
    kind = int(is_grey(channels))
    first = np.clip(_weigh(_FRESH[kind], stack), -6, 6)
    first[window.take_seeds(against)] = -_CERTAIN
    first[window.take_seeds(seeds)] = _CERTAIN
    region = regularise(first, edge_weights(channels), 2.0)
    again = second_cues(channels, window.take_seeds(seeds), first, region, stack)
    evidence = np.asarray(np.clip(_weigh(_SECOND[kind], again), -_MOST, _MOST), dtype=np.float32)
    if kind:
        evidence -= np.float32(best_level(channels, window.take_seeds(seeds), evidence))
    return evidence


def _weigh(weights: NDArray[np.float32], stack: NDArray[np.float32]) -> Plane:
    """Log-odds from cues; the last weight is the offset."""
    odds = np.tensordot(weights[:-1], stack, axes=1) + weights[-1]
    return np.asarray(odds, dtype=np.float32)


def _window(marks: Mask, prior: Plane | None) -> Window:
    box = box_of(marks if prior is None else marks | (prior > 0.1))
    if box is None:
        return window_round((0, *marks.shape[:1], 0, *marks.shape[1:]), 0, marks.shape)
    size = float(np.hypot(box[1] - box[0], box[3] - box[2]))
    return window_round(box, max(48.0, size if prior is None else 0.2 * size), marks.shape)
