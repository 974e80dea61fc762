"""How much each pixel looks as if it belonged to what a stroke marks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, local_statistics, log_ratio
from napari_ivos.methods.flow.geodesic import geodesic
from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray, Mask

_GAINS = (10.0, 60.0)


def cues(
    channels: AnyArray, seeds: Mask, against: Mask, motion: Sequence[Flow]
) -> NDArray[np.float32]:
    """Cues for belonging to the seeds, to be weighed against each other.

    Parameters
    ----------
    channels : (h, w, 3) float32
        From `look`.
    seeds : (h, w) bool
        Pixels that belong; at least one.
    against : (h, w) bool
        Pixels that do not; may be none.
    motion : sequence of (h, w, 2) float32
        Flow to neighbouring frames, if there are any.

    Returns
    -------
    (13, h, w) float32
    """
    distance = cv2.distanceTransform((~seeds).astype(np.uint8), cv2.DIST_L2, 5)
    length = stroke_length(seeds)
    frame = picture_frame(seeds.shape) & (distance > 3) | against
    scaled = channels / max(6.0, float(channels[..., 0].std()))
    out = [np.log1p(distance / 4), np.minimum(distance / (0.3 * length + 6), 4)]
    for gain in _GAINS:
        near, far = geodesic(np.stack([seeds, frame]), scaled, gain)
        out.append(np.log1p(near / (10 if gain < 30 else 30)))
        out.append((near - far) / (near + far + 1e-3))
        out.append(np.log((near + 5) / (distance + 5)))
    inside = seeds.astype(np.float32)
    outside = np.clip((distance - 4) / (0.5 * length + 8), 0.02, 1)
    outside[against] = max(1.0, 0.2 * outside.sum() / max(np.count_nonzero(against), 1))
    outside[seeds] = 0
    soft = cv2.GaussianBlur(channels, (0, 0), 2.5)
    mean, spread = local_statistics(np.ascontiguousarray(channels[..., 0]))
    texture = np.dstack([mean, np.log1p(spread)])
    for values, counts in ((channels, (16,) * 3), (soft, (16,) * 3), (texture, (20,) * 2)):
        out.append(_likelihood(values, counts, inside, outside))
    out.append(_nearest(channels, seeds))
    moved = np.zeros(seeds.shape, dtype=np.float32)
    for flow in motion:
        moved += _likelihood(cv2.GaussianBlur(flow, (0, 0), 1.5), (24, 24), inside, outside)
    out.append(moved / max(len(motion), 1))
    return np.stack(out).astype(np.float32)


def _likelihood(values: AnyArray, counts: tuple[int, ...], inside: Plane, outside: Plane) -> Plane:
    bins = Bins.fit(values, counts)
    index = bins.index(values)
    ratio = log_ratio(bins.histogram(index, inside), bins.histogram(index, outside))
    return ratio[index]


def _nearest(channels: AnyArray, seeds: Mask, most: int = 160) -> Plane:
    """Distance to the third-nearest of the seeds' colours (one odd pixel does not count)."""
    colours = channels[seeds]
    colours = colours[:: len(colours) // most + 1]
    rank = min(2, len(colours) - 1)
    best = np.full((rank + 1, *seeds.shape), np.inf, dtype=np.float32)
    for colour in colours:
        change = channels - colour
        square = np.einsum("hwc,hwc->hw", change, change)
        for slot in best:
            worse = np.maximum(square, slot)
            np.minimum(square, slot, out=slot)
            square = worse
    return np.asarray(np.log1p(np.sqrt(best[rank])), dtype=np.float32)


def stroke_length(seeds: Mask) -> float:
    """Length of a stroke, however thick, in pixels."""
    depth = cv2.distanceTransform(seeds.astype(np.uint8), cv2.DIST_L2, 5)
    return float(np.count_nonzero(seeds)) / max(1.0, 2 * float(depth.max()) - 1)


def picture_frame(shape: tuple[int, ...]) -> Mask:
    """Mask (h, w) of the outermost pixels."""
    out = np.zeros(shape, dtype=bool)
    out[[0, -1]] = True
    out[:, [0, -1]] = True
    return out
