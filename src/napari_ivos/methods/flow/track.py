"""What is kept from step to step on the way out from an annotated frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.carry import Carried, carry
from napari_ivos.methods.flow.looks import Looks
from napari_ivos.methods.flow.parallax import KEPT, moves_with
from napari_ivos.methods.flow.refiner import Refiner
from napari_ivos.methods.flow.transport import (
    Flow,
    Grey,
    consistency,
    dense_flow,
    rectified,
    uncovered,
    warp,
)
from napari_ivos.methods.flow.window import Plane, Window, box_of, sample, window_round
from napari_ivos.types import Frame

# How fast trust is lost where the flow is not consistent at all.
_LOSS = 0.1
_UNLIKE = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Flow from a frame on the way to the one before and to the annotated one."""

    flow: Flow
    """(h, w, 2) float32: from this frame to the frame before."""
    back: Flow
    """(h, w, 2) float32: from the frame before to this one."""
    sure: Plane
    """Consistency of this step."""
    held: Plane
    """Consistency of all steps together."""
    bare: Plane
    """Where this step uncovered something."""
    like: Plane
    """How like the annotated frame, brought here, is to this one."""
    origin: NDArray[np.float32]
    """(h, w, 2) float32: where each pixel was on the annotated frame, (x, y)."""


class Path:
    """The way so far.

    Parameters
    ----------
    first : (h, w) uint8
        The annotated frame, as `grey` gives it.
    """

    def __init__(self, first: Grey) -> None:
        self._first = self._before = first
        grid = np.meshgrid(np.arange(first.shape[1]), np.arange(first.shape[0]))
        self._origin = np.dstack(grid).astype(np.float32)
        self._held = np.ones(first.shape, dtype=np.float32)

    def extend(self, after: Grey) -> Step:
        """Go one step further, to a frame as `grey` gives it."""
        flow, back = dense_flow(after, self._before), dense_flow(self._before, after)
        sure = consistency(flow, back)
        self._origin, miss = rectified(warp(self._origin, flow), self._first, after)
        like = np.exp(-miss / np.float32(_UNLIKE)).astype(np.float32)
        self._held = warp(self._held, flow) * sure
        self._before = after
        return Step(flow, back, sure, self._held, uncovered(back), like, self._origin)


class Track:
    """One object on its way.

    Parameters
    ----------
    start : (H, W) float32
        Its probability on the annotated frame.
    looks : sequence of Looks
        From the annotated frames; may be empty.
    refiner : Refiner, optional
    """

    def __init__(
        self, start: Plane, looks: Sequence[Looks], refiner: Refiner | None = None
    ) -> None:
        self.plane = self._start = np.ascontiguousarray(start)
        self.looks = looks
        self.trust = 1.0
        self._refiner = refiner
        self._moved = np.zeros_like(self.plane)
        self._box = box_of(start > 0.3)

    def take(self, frame: Frame, step: Step, *, present: bool = True) -> None:
        """Take a step to the next frame; an object that is not there has no way back."""
        window = self._ahead(step) if present else None
        plane, moved = np.zeros_like(self.plane), np.zeros_like(self.plane)
        self._box = None
        if window is not None:
            here = self._fetch(step, window)
            region, kept, expected = carry(frame, window, here, self.looks, self._refiner)
            window.give(region, plane)
            window.give(here.moved, moved)
            if expected is None:
                self.trust *= 1 - _LOSS * (1 - kept)
            else:
                self.trust = expected
            box = box_of(plane[window.box] > 0.3)
            if box is not None:
                down, right = window.top, window.left
                self._box = box[0] + down, box[1] + down, box[2] + right, box[3] + right
        self.plane, self._moved = plane, moved

    def _ahead(self, step: Step) -> Window | None:
        """Window round where the flow takes the object."""
        if self._box is None:
            return None
        top, bottom, left, right = self._box
        down = step.back.shape[0] / self.plane.shape[0]
        across = step.back.shape[1] / self.plane.shape[1]
        rows = slice(int(top * down), int(np.ceil(bottom * down)))
        columns = slice(int(left * across), int(np.ceil(right * across)))
        moves = step.back[rows, columns].reshape(-1, 2)
        (x0, y0), (x1, y1) = np.percentile(moves, [5, 95], axis=0).tolist()
        box = top + y0 / down, bottom + y1 / down, left + x0 / across, right + x1 / across
        size = max(bottom - top, right - left)
        return window_round(box, max(12.0, 0.3 * size), self.plane.shape)

    def _fetch(self, step: Step, window: Window) -> Carried:
        shape = self.plane.shape
        down, across = step.flow.shape[0] / shape[0], step.flow.shape[1] / shape[1]
        flow = window.take_from(step.flow, shape)
        origin = window.take_from(step.origin, shape)
        x, y = window.centres()
        there = x + flow[..., 0] / across, y + flow[..., 1] / down
        region = sample(self.plane, *there)
        return Carried(
            region,
            sample(
                self._start,
                (origin[..., 0] + 0.5) / across - 0.5,
                (origin[..., 1] + 0.5) / down - 0.5,
            ),
            window.take_from(step.sure, shape),
            window.take_from(step.held, shape),
            window.take_from(step.bare, shape),
            window.take_from(step.like, shape),
            KEPT * sample(self._moved, *there) + moves_with(flow, region),
            flow,
        )
