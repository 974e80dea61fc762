"""One object, one step from a frame to its neighbour: flow, looks and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, is_grey, log_ratio, look
from napari_ivos.methods.flow.looks import Looks, learn_looks, places
from napari_ivos.methods.flow.refine import edge_weights, guided_filter, regularise
from napari_ivos.methods.flow.refiner import Moved
from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane, Window
from napari_ivos.types import AnyArray, Frame, Mask

# fmt: off
# Weights of the cues and an offset, by logistic regression on carried masks of public videos.
# Rows: colour, grey (there is too little grey video to say anything of the last four).
_WEIGHTS = np.array([
    [-0.217, -0.128, 0.584, 0.31, -0.012, 0.308, 0.092, 0.414, -0.318, 0.059, -0.137, 0.328,
     0.249, 0.456, 0.227, -0.067, -0.501],
    [0.29, -0.08, 0.27, 0.3, 0.19, 0.13, 0.17, -0.3, 0.01, -0.035, 0.94, 0.52,
     0.0, 0.0, 0.0, 0.0, 0.026],
], dtype=np.float32)
# fmt: on
_BOUNDARY = 1.0
_MOST = 5.0
# How far a boundary may move beyond the flow, in pixels and as a share of the object's size: in one
# step, and all the way from the annotated frame where flow has been consistent ever since.
_STEP, _STEP_SHARE = 3.0, 0.05
_STRAY, _STRAY_SHARE = 4.0, 0.15
_HELD = 0.5
_BARE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What flow says about one object on the next frame; planes of a window's working size."""

    region: Plane
    """The object's probability on the frame before, warped."""
    anchor: Plane
    """The same on the annotated frame, warped all the way."""
    sure: Plane
    """Consistency of the last step's flow."""
    held: Plane
    """Consistency of all steps together."""
    bare: Plane
    """1 where the last step uncovered something."""
    like: Plane
    """How like the annotated frame, brought here, is to this one."""
    moved: Plane
    """Log-ratio of having moved as the object does, not as what is round it."""
    flow: Flow
    """The last step's flow."""


def carry(frame: Frame, window: Window, here: Carried, looks: Sequence[Looks]) -> Moved | None:
    """What flow, looks and edges make of one object on the next frame; None: nothing is left.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    window : Window
        The part of the frame where it may be.
    here : Carried
    looks : sequence of Looks
        From the annotated frames; may be empty.
    """
    if not (here.region > 0.3).any():
        return None
    image = window.take(frame)
    channels = look(image)
    kind = int(is_grey(channels))
    stack = carry_cues(channels, here, looks)
    evidence = np.einsum("c,chw->hw", _WEIGHTS[kind, :-1], stack) + _WEIGHTS[kind, -1]
    np.clip(evidence, -_MOST, _MOST, out=evidence)
    evidence -= np.float32(_BARE) * here.bare
    evidence[_out_of_reach(here)] = -_MOST
    region = regularise(evidence, edge_weights(channels), _BOUNDARY, 30)
    guide = channels[..., 0] * np.float32(1 / 255)
    weight = here.region * (1.1 - here.region)
    sure = float((here.sure * weight).sum() / max(float(weight.sum()), 1e-6))
    region = guided_filter(guide, region, 3, 1e-3)
    return Moved(window, image, stack, evidence, region, sure, looks)


def carry_cues(channels: AnyArray, here: Carried, looks: Sequence[Looks]) -> NDArray[np.float32]:
    """Cues for belonging to the object, (16, h, w) float32."""
    depth, area = _depth(here.region)
    shape = np.clip(depth / (2 + 0.02 * area**0.5), -4, 4)
    far = np.clip(depth / (1 + 0.1 * area**0.5), -4, 0)
    depth, area = _depth(here.anchor)
    anchor = np.clip(depth / (2 + 0.03 * area**0.5), -4, 4)
    sign = np.clip(np.log((here.anchor + 0.05) / (1.05 - here.anchor)), -3, 3)
    odds = np.clip(np.log((here.region + 0.05) / (1.05 - here.region)), -3, 3)
    where = places(here.region)
    colour = np.zeros_like(here.region)
    placed = np.zeros_like(here.region)
    for known in looks:
        colour += np.clip(known.colour(channels), -3, 3) / len(looks)
        placed += np.clip(known.placed_colour(channels, where), -4, 4) / len(looks)
    own = np.clip(learn_looks(channels, here.region).placed_colour(channels, where), -4, 4)
    return np.stack(
        [
            odds * here.sure,
            shape,
            colour,
            placed,
            own,
            _moving(here),
            odds,
            shape * here.sure,
            1 - here.sure,
            far,
            anchor,
            anchor * here.held,
            anchor * here.like,
            sign * here.like,
            np.clip(here.moved / 4, -4, 4),
            np.clip(here.moved, -4, 4),
        ]
    ).astype(np.float32)


def _out_of_reach(here: Carried) -> Mask:
    """Where the object cannot have got to: far from where flow brings it, in one step or in all.

    Without this a region creeps over to a neighbour that looks the same, a few pixels a frame.
    """
    depth, area = _depth(here.region)
    out = depth < -(_STEP + _STEP_SHARE * area**0.5)
    depth, area = _depth(here.anchor)
    if area > 0:
        out |= (depth < -(_STRAY + _STRAY_SHARE * area**0.5)) & (here.held > _HELD)
    return np.asarray(out, dtype=bool)


def _moving(here: Carried) -> Plane:
    """Log-ratio of moving as the object does, not as its surroundings do."""
    flow = cv2.GaussianBlur(here.flow, (0, 0), 1.5)
    bins = Bins.fit(flow, (24, 24))
    index = bins.index(flow)
    inside = bins.histogram(index, here.region * here.sure)
    return np.clip(log_ratio(inside, bins.histogram(index, 1 - here.region)), -3, 3)[index]


def _depth(region: Plane) -> tuple[Plane, float]:
    """Distance to the boundary, negative outside, and the area."""
    inner = (region > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 5)
    depth -= cv2.distanceTransform(1 - inner, cv2.DIST_L2, 5)
    return np.clip(depth, -500, 500), float(inner.sum())
