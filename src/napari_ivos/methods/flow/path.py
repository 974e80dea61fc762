"""Where all pixels move to on the way out from an annotated frame, whatever they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.transport import (
    Flow,
    Grey,
    consistency,
    dense_flow,
    rectified,
    uncovered,
    warp,
)
from napari_ivos.methods.flow.window import Plane

# Grey levels by which the annotated frame may miss what is here.
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
        flow = dense_flow(after, self._before, effort="fair")
        back = dense_flow(self._before, after, effort="low")
        sure = consistency(flow, back)
        self._origin, miss = rectified(warp(self._origin, flow), self._first, after)
        like = np.exp(-miss / np.float32(_UNLIKE)).astype(np.float32)
        self._held = warp(self._held, flow) * sure
        self._before = after
        return Step(flow, back, sure, self._held, uncovered(back), like, self._origin)
