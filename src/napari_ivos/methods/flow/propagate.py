"""One step from a frame to its neighbour: flow, what things look like, and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, is_grey, log_ratio, look
from napari_ivos.methods.flow.refine import edge_weights, guided_filter, regularise
from napari_ivos.methods.flow.transport import Flow, consistency, warp
from napari_ivos.methods.flow.window import Plane, Window, box_of, window_round
from napari_ivos.types import Frame

_COUNTS = (16, 16, 16)
_PLACED = (7, 7, 12, 8, 8)
W = np.array(
    [
        [0.03, 0.11, 0.6, 0.4, -0.015, 0.26, 0.02, 0.24, -0.44, 0.1, -0.04, 0.8],
        [0.29, -0.08, 0.27, 0.3, 0.19, 0.13, 0.17, -0.3, 0.01, -0.035, 0.94, 0.52],
    ],
    dtype=np.float32,
)
B = [-0.066, 0.026]
TVS = 1.0
DEBUG = None


@dataclass(frozen=True, slots=True)
class Looks:
    """What one object and what is round it look like on one frame."""

    bins: Bins
    ratio: NDArray[np.float32]
    placed_bins: Bins
    placed: NDArray[np.float32]


def _places(inside: Plane) -> NDArray[np.float32]:
    """Coordinates relative to the object's middle and extent, (h, w, 2)."""
    h, w = inside.shape
    m = cv2.moments(inside)
    if m["m00"] < 1e-3:
        cy, cx, sy, sx = h / 2, w / 2, h / 4, w / 4
    else:
        cx, cy = m["m10"] / m["m00"], m["m01"] / m["m00"]
        sx = max((m["mu20"] / m["m00"]) ** 0.5, 1.0)
        sy = max((m["mu02"] / m["m00"]) ** 0.5, 1.0)
    y = (np.arange(h, dtype=np.float32) - cy) / sy
    x = (np.arange(w, dtype=np.float32) - cx) / sx
    return np.stack(np.broadcast_arrays(y[:, None], x[None]), -1).astype(np.float32)


def _looks(channels: NDArray[np.float32], inside: Plane, coloured: Bins | None = None) -> Looks:
    bins = Bins.fit(channels, _COUNTS) if coloured is None else coloured
    index = bins.index(channels)
    ratio = log_ratio(bins.histogram(index, inside), bins.histogram(index, 1 - inside))
    both = np.concatenate([_places(inside), channels], axis=2)
    low = np.concatenate([np.float32([-3, -3]), bins.low])
    high = np.concatenate([np.float32([3, 3]), bins.high])
    placed_bins = Bins(low, high, _PLACED)
    where = placed_bins.index(both)
    f = placed_bins.histogram(where, inside)
    b = placed_bins.histogram(where, 1 - inside)
    placed = np.log((f + 0.05) / (b + 0.05)).astype(np.float32)
    return Looks(bins, ratio, placed_bins, placed)


def learn(frame: Frame, region: Plane) -> Looks | None:
    """Looks of an object; None when it covers nothing."""
    box = box_of(region > 0.5)
    if box is None:
        return None
    size = max(box[1] - box[0], box[3] - box[2])
    window = window_round(box, max(16, 0.5 * size), region.shape)  # type: ignore[arg-type]
    channels = look(window.take(frame))  # type: ignore[arg-type]
    return _looks(channels, window.take(region).astype(np.float32))


def cues_of(channels, carried, sure, moving, looks, chained, held):
    def depth_of(plane):
        inner = (plane > 0.5).astype(np.uint8)
        depth = cv2.distanceTransform(inner, cv2.DIST_L2, 5) - cv2.distanceTransform(
            1 - inner, cv2.DIST_L2, 5
        )
        return np.clip(depth, -500, 500), float(inner.sum())

    depth, area = depth_of(carried)
    width = 2.0 + 0.02 * np.sqrt(area)
    shape_odds = np.clip(depth / width, -4, 4)
    odds = np.clip(np.log((carried + 0.05) / (1.05 - carried)), -3, 3)
    far = np.clip(depth / (1 + 0.1 * np.sqrt(area)), -4, 0)
    cdepth, carea = depth_of(chained)
    chain = np.clip(cdepth / (2 + 0.03 * np.sqrt(carea)), -4, 4)
    glob = np.zeros_like(carried)
    local = np.zeros_like(carried)
    place = np.concatenate([_places(carried), channels], axis=2)
    for known in looks:
        glob += np.clip(known.ratio[known.bins.index(channels)], -3, 3) / len(looks)
        local += np.clip(known.placed[known.placed_bins.index(place)], -4, 4) / len(looks)
    own = _looks(channels, carried)
    here = np.clip(own.placed[own.placed_bins.index(place)], -4, 4)
    flow = cv2.GaussianBlur(moving, (0, 0), 1.5)
    fb = Bins.fit(flow, (24, 24))
    fi = fb.index(flow)
    motion = np.clip(
        log_ratio(fb.histogram(fi, carried * sure), fb.histogram(fi, (1 - carried)))[fi], -3, 3
    )
    return np.stack(
        [
            odds * sure,
            shape_odds,
            glob,
            local,
            here,
            motion,
            odds,
            shape_odds * sure,
            1 - sure,
            far,
            chain,
            chain * held,
        ]
    ).astype(np.float32)


def step(frame, region, flow, back, looks, chained, held):
    """Carry one object to the next frame."""
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
    window = window_round(box, max(12, 0.3 * size / scale), shape)  # type: ignore[arg-type]
    full = (shape[1], shape[0])

    def local(plane):
        return window.take(cv2.resize(plane, full, interpolation=cv2.INTER_LINEAR))

    carried = np.clip(local(moved), 0.0, 1.0).astype(np.float32)
    sure = local(trust)
    channels = look(window.take(frame))  # type: ignore[arg-type]
    stack = cues_of(channels, carried, sure, local(flow), looks, local(chained), local(held))
    gray = int(is_grey(channels))
    if DEBUG is not None:
        DEBUG.append((window, stack, gray))
    evidence = (np.tensordot(W[gray], stack, axes=1) + np.float32(B[gray])).astype(np.float32)
    evidence = np.clip(evidence, -5, 5)
    found = regularise(evidence, edge_weights(channels), TVS, 30)
    guide = channels[..., 0] * np.float32(1 / 255)
    found = guided_filter(guide, found, 3, 1e-3)
    window.give(found, out)
    weight = carried * (1 - carried) + 0.1 * carried
    return out, float((sure * weight).sum() / max(float(weight.sum()), 1e-6))
