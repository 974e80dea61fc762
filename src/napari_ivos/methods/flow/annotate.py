"""The annotated frame: strokes to regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import look
from napari_ivos.methods.flow.cues import cues
from napari_ivos.methods.flow.refine import edge_weights, regularise
from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane, Window, box_of, window_round
from napari_ivos.types import Frame, Mask

# Weights of the cues and their offset, by logistic regression on public still images.
_WEIGHTS = np.array(
    [0.04, -1.275, 0.224, 0.879, -0.521, -0.943, -2.6, -0.074, 0.548, 0.099, 0.065, 0.578, 0.495],
    dtype=np.float32,
)
_OFFSET = np.float32(0.408)
_MOST = np.float32(4)
_CERTAIN = np.float32(8)
_BOUNDARY = 3.0
_PRIOR = np.float32(2.5)


def segment(
    frame: Frame, seeds: Mask, against: Mask, prior: Plane | None, motion: Sequence[Flow]
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

    Returns
    -------
    (H, W) float32 in [0, 1]
    """
    if prior is None:
        if not seeds.any():
            return np.zeros(seeds.shape, dtype=np.float32)
        window = _window(seeds, None)
        evidence = _evidence(frame, seeds, against, motion, window)
    else:
        window = _window(seeds | against, prior)
        evidence = _corrected(frame, seeds, against, prior, motion, window)
    evidence[window.take_seeds(seeds)] = _CERTAIN
    evidence[window.take_seeds(against)] = -_CERTAIN
    channels = look(window.take(frame))  # type: ignore[arg-type]
    region = regularise(evidence, edge_weights(channels), _BOUNDARY)
    out = np.zeros(seeds.shape, dtype=np.float32)
    window.give(region, out)
    out[against] = 0
    out[seeds] = 1
    return out


def _corrected(
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
        if marks.any():
            part = _window(marks, None)
            whole = np.full(prior.shape, -_CERTAIN, dtype=np.float32)
            part.give(_evidence(frame, marks, others, motion, part), whole)
            found = window.take(whole)
            odds = np.where(found > 0, sign * np.maximum(sign * odds, found), odds)
    return odds.astype(np.float32)


def _evidence(
    frame: Frame, seeds: Mask, against: Mask, motion: Sequence[Flow], window: Window
) -> Plane:
    channels = look(window.take(frame))  # type: ignore[arg-type]
    moved = [_fit(flow, window, seeds.shape) for flow in motion]
    stack = cues(channels, window.take_seeds(seeds), window.take_seeds(against), moved)
    odds = np.tensordot(_WEIGHTS, stack, axes=1) + _OFFSET
    return np.asarray(np.clip(odds, -_MOST, _MOST), dtype=np.float32)


def _window(marks: Mask, prior: Plane | None) -> Window:
    box = box_of(marks if prior is None else marks | (prior > 0.1))
    if box is None:
        return window_round((0, *marks.shape[:1], 0, *marks.shape[1:]), 0, marks.shape)
    size = float(np.hypot(box[1] - box[0], box[3] - box[2]))
    return window_round(box, max(48.0, size if prior is None else 0.2 * size), marks.shape)


def _fit(flow: Flow, window: Window, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The window's part of a flow of the whole frame."""
    import cv2

    if flow.shape[:2] != shape:
        flow = cv2.resize(flow, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(window.take(flow), dtype=np.float32)
