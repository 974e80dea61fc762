"""Dense optical flow between frames, how far it can be trusted, and what it carries along."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import Frame

_SMALL = 150_000
_PATCH = (7, 7)
# What may be missed of a way and back, as a share of the square of its length.
_LOOSE = np.float32(0.02)

Flow = NDArray[np.float32]
"""(h, w, 2) float32: (x, y) displacement in pixels, from each pixel of one frame to the other."""


Grey = NDArray[np.uint8]
"""(h, w) uint8: a frame as flow sees it."""


def grey(frame: Frame, scale: float) -> Grey:
    """Frame as flow sees it: grey, at `scale`."""
    plane = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if scale == 1.0:
        return np.asarray(plane)
    height, width = plane.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def dense_flow(
    source: Grey, target: Grey, *, effort: Literal["full", "fair", "low"] = "full"
) -> Flow:
    """Displacement of each pixel of `source` to where it is in `target` (DIS, Kroeger 2016).

    Parameters
    ----------
    source, target : (h, w) uint8
    effort : {"full", "fair", "low"}
        The less, the fewer patches and iterations; "fair" is less than "full" in large pictures
        only.

    Returns
    -------
    (h, w, 2) float32
    """
    height, width = source.shape
    # Its patches need some pixels at the coarsest level: tiny frames are padded.
    pad_y, pad_x = max(32 - height, 0), max(32 - width, 0)
    if pad_y or pad_x:
        source, target = (
            cv2.copyMakeBorder(plane, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE)
            for plane in (source, target)
        )
    # It refuses rows that do not follow each other in memory, as in a part of a picture.
    source, target = np.ascontiguousarray(source), np.ascontiguousarray(target)
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # The preset stops at half size: small pictures can afford the last step.
    small = height * width < _SMALL
    engine.setFinestScale(0 if small else 1)
    if effort == "low" or (effort == "fair" and not small):
        engine.setPatchStride(4)
        engine.setGradientDescentIterations(20 if effort == "fair" else 12)
        engine.setVariationalRefinementIterations(3 if effort == "fair" else 2)
    flow = engine.calc(source, target, None)
    return np.asarray(flow[:height, :width])


def warp(values: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """Values of another frame, fetched from where `flow` points to.

    Parameters
    ----------
    values : (h, w[, C]) float32
    flow : (h, w, 2) float32
        From this frame to the one that `values` belong to.
    """
    where = flow + _grid(*flow.shape[:2])
    return np.asarray(
        cv2.remap(values, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


@lru_cache(2)
def _grid(height: int, width: int) -> NDArray[np.float32]:
    """Places (x, y) of all pixels, (h, w, 2); not to be written to."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.dstack([x, y]).astype(np.float32)


def rectified(
    origin: NDArray[np.float32], first: Grey, here: Grey
) -> tuple[NDArray[np.float32], Plane]:
    """Take the drift out of where pixels come from.

    Small errors of many steps add up. The frame they started from, brought here, shows them: it
    is matched with what is here once more.

    Parameters
    ----------
    origin : (h, w, 2) float32
        For each pixel of `here`, where it was on `first`: (x, y).
    first, here : (h, w) uint8

    Returns
    -------
    origin : (h, w, 2) float32
        Changed where that makes the two pictures more alike.
    miss : (h, w) float32
        Mean absolute difference round each pixel that is left, in grey levels.
    """

    def brought(where: NDArray[np.float32]) -> tuple[Grey, Plane]:
        picture = cv2.remap(first, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        miss = cv2.boxFilter(cv2.absdiff(picture, here), cv2.CV_32F, _PATCH)
        return np.asarray(picture), np.asarray(miss, dtype=np.float32)

    picture, miss = brought(origin)
    moved = warp(origin, dense_flow(here, picture, effort="low"))
    missed = brought(moved)[1]
    better = missed < miss
    return np.where(better[..., None], moved, origin), np.minimum(miss, missed)


def consistency(flow: Flow, back: Flow) -> Plane:
    """How well going along a flow and back ends where it began.

    Parameters
    ----------
    flow, back : (h, w, 2) float32
        From this frame to the other, and from the other to this one.

    Returns
    -------
    (h, w) float32 in [0, 1]
    """
    x, y = cv2.split(flow + warp(back, flow))
    along, down = cv2.split(flow)
    miss = x * x + y * y
    return np.asarray(np.exp(-miss / (1 + _LOOSE * (along * along + down * down))))


def uncovered(back: Flow) -> Plane:
    """Where a frame shows what the frame before it did not.

    Parameters
    ----------
    back : (h, w, 2) float32
        From the frame before to this one.

    Returns
    -------
    (h, w) float32 in [0, 1]
        1 where no pixel of the frame before comes to lie.
    """
    height, width = back.shape[:2]
    x, y = cv2.split(np.rint(back + _grid(height, width)).astype(np.int32))
    # What comes in over the picture's border is new as well, but not from behind anything.
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    met = np.zeros((height, width), dtype=np.uint8)
    met.ravel()[(y * width + x)[inside]] = 1
    # Rounding leaves single pixels out where a surface stretches.
    met = cv2.morphologyEx(met, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.blur((1 - met).astype(np.float32), (3, 3)), dtype=np.float32)
