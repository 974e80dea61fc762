"""One step from a frame to its neighbour: flow, what things look like, and edges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, log_ratio, look
from napari_ivos.methods.flow.refine import edge_weights, guided_filter, regularise
from napari_ivos.methods.flow.transport import Flow, consistency, warp
from napari_ivos.methods.flow.window import Plane, box_of, window_round
from napari_ivos.types import Frame

_COUNTS = (16, 16, 16)


@dataclass(frozen=True, slots=True)
class Looks:
    """What one object and what is round it look like on one frame."""

    bins: Bins
    ratio: NDArray[np.float32]


def learn(frame: Frame, region: Plane) -> Looks | None:
    """Looks of an object; None when it covers nothing."""
    box = box_of(region > 0.5)
    if box is None:
        return None
    size = max(box[1] - box[0], box[3] - box[2])
    window = window_round(box, max(16, 0.5 * size), region.shape)  # type: ignore[arg-type]
    channels = look(window.take(frame))  # type: ignore[arg-type]
    inside = window.take(region).astype(np.float32)
    bins = Bins.fit(channels, _COUNTS)
    index = bins.index(channels)
    return Looks(bins, log_ratio(bins.histogram(index, inside), bins.histogram(index, 1 - inside)))


def step(
    frame: Frame, region: Plane, flow: Flow, back: Flow, looks: list[Looks]
) -> tuple[Plane, float]:
    """Carry one object to the next frame.

    Parameters
    ----------
    frame : (H, W, 3) uint8
        The frame to go to.
    region : (H, W) float32
        The object's probability on the frame before.
    flow, back : (h, w, 2) float32
        From `frame` to the frame before, and the other way, in their own pixels.
    looks : list of Looks

    Returns
    -------
    region : (H, W) float32
    reliability : float in [0, 1]
        Of this step.
    """
    shape = region.shape
    scale = flow.shape[0] / shape[0]
    small = cv2.resize(region, flow.shape[1::-1], interpolation=cv2.INTER_AREA)
    moved = warp(small, flow)
    trust = consistency(flow, back)
    out = np.zeros(shape, dtype=np.float32)
    box = box_of(moved > 0.3)
    if box is None:
        return out, 1.0 if float(region.max()) < 0.5 else 0.0
    size = max(box[1] - box[0], box[3] - box[2])
    box = tuple(int(side / scale) for side in box)  # type: ignore[assignment]
    window = window_round(box, max(12, 0.25 * size / scale), shape)  # type: ignore[arg-type]
    full = (shape[1], shape[0])
    carried = np.clip(
        window.take(cv2.resize(moved, full, interpolation=cv2.INTER_LINEAR)), 0.0, 1.0
    ).astype(np.float32)
    sure = window.take(cv2.resize(trust, full, interpolation=cv2.INTER_LINEAR))
    channels = look(window.take(frame))  # type: ignore[arg-type]
    inner = (carried > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 5) - cv2.distanceTransform(
        1 - inner, cv2.DIST_L2, 5
    )
    width = 2.0 + 0.02 * np.sqrt(float(inner.sum()))
    shape_odds = np.clip(depth / width, -4, 4) * (0.4 + 0.6 * sure)
    odds = np.clip(np.log((carried + 0.05) / (1.05 - carried)), -3, 3) * sure * 0.5
    colour = np.zeros_like(carried)
    for known in looks:
        colour += np.clip(known.ratio[known.bins.index(channels)], -3, 3)
    evidence = (shape_odds + odds + 0.35 * colour / max(len(looks), 1)).astype(np.float32)
    found = regularise(evidence, edge_weights(channels), 1.0, 30)
    guide = channels[..., 0] * np.float32(1 / 255)
    found = guided_filter(guide, found, 3, 1e-3)
    window.give(found, out)
    weight = carried * (1 - carried) + 0.1 * carried
    return out, float((sure * weight).sum() / max(float(weight.sum()), 1e-6))
