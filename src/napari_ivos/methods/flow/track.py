"""What is kept from step to step on the way out from an annotated frame."""

from __future__ import annotations

from collections.abc import Sequence

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


class Path:
    """Flow from the frame reached so far to the one before and to the annotated one."""

    flow: Flow
    """(h, w, 2) float32: from the frame reached to the frame before."""
    back: Flow
    """(h, w, 2) float32: from the frame before to the frame reached."""
    sure: Plane
    """Consistency of the last step."""
    held: Plane
    """Consistency of all steps together."""
    bare: Plane
    """Where the last step uncovered something."""
    like: Plane
    """How like the annotated frame, brought here, is to this one."""
    origin: NDArray[np.float32]
    """(h, w, 2) float32: where each pixel was on the annotated frame, (x, y)."""

    def __init__(self, first: Grey) -> None:
        self._first = self._before = first
        grid = np.meshgrid(np.arange(first.shape[1]), np.arange(first.shape[0]))
        self.origin = np.dstack(grid).astype(np.float32)
        self.held = np.ones(first.shape, dtype=np.float32)

    def extend(self, after: Grey) -> None:
        """Go one step further, to a frame as `grey` gives it."""
        self.flow, self.back = dense_flow(after, self._before), dense_flow(self._before, after)
        self.sure = consistency(self.flow, self.back)
        self.bare = uncovered(self.back)
        self.origin, miss = rectified(warp(self.origin, self.flow), self._first, after)
        self.like = np.exp(-miss / np.float32(_UNLIKE)).astype(np.float32)
        self.held = warp(self.held, self.flow) * self.sure
        self._before = after


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

    def step(self, frame: Frame, path: Path, *, present: bool = True) -> None:
        """Go to the next frame; an object that is not there has no way back."""
        window = self._ahead(path) if present else None
        plane, moved = np.zeros_like(self.plane), np.zeros_like(self.plane)
        self._box = None
        if window is not None:
            here = self._fetch(path, window)
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

    def _ahead(self, path: Path) -> Window | None:
        """Window round where the flow takes the object."""
        if self._box is None:
            return None
        top, bottom, left, right = self._box
        down = path.back.shape[0] / self.plane.shape[0]
        across = path.back.shape[1] / self.plane.shape[1]
        rows = slice(int(top * down), int(np.ceil(bottom * down)))
        columns = slice(int(left * across), int(np.ceil(right * across)))
        moves = path.back[rows, columns].reshape(-1, 2)
        (x0, y0), (x1, y1) = np.percentile(moves, [5, 95], axis=0).tolist()
        box = top + y0 / down, bottom + y1 / down, left + x0 / across, right + x1 / across
        size = max(bottom - top, right - left)
        return window_round(box, max(12.0, 0.3 * size), self.plane.shape)

    def _fetch(self, path: Path, window: Window) -> Carried:
        shape = self.plane.shape
        down, across = path.flow.shape[0] / shape[0], path.flow.shape[1] / shape[1]
        flow = window.take_from(path.flow, shape)
        origin = window.take_from(path.origin, shape)
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
            window.take_from(path.sure, shape),
            window.take_from(path.held, shape),
            window.take_from(path.bare, shape),
            window.take_from(path.like, shape),
            KEPT * sample(self._moved, *there) + moves_with(flow, region),
            flow,
        )
