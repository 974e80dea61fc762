"""A second look at a fresh region: what it looks like as a whole, not only under the stroke."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.methods.flow.appearance import Bins, log_ratio
from napari_ivos.methods.flow.cues import picture_frame
from napari_ivos.methods.flow.geodesic import geodesic
from napari_ivos.methods.flow.looks import learn_looks, places
from napari_ivos.methods.flow.window import Plane
from napari_ivos.types import AnyArray, Mask


def second_cues(
    channels: AnyArray, seeds: Mask, first: Plane, region: Plane, fresh: AnyArray
) -> NDArray[np.float32]:
    """Cues that need a first estimate of the region.

    Parameters
    ----------
    channels : (h, w, 3) float32
        From `look`.
    seeds : (h, w) bool
    first : (h, w) float32
        Log-odds of the first estimate.
    region : (h, w) float32
        The same, regularised, in [0, 1].
    fresh : (13, h, w) float32
        From `cues`.

    Returns
    -------
    (13, h, w) float32
    """
    likely = (0.5 * region + 0.5 / (1 + np.exp(-first))).astype(np.float32)
    looks = learn_looks(channels, likely)
    inner = (region > 0.5).astype(np.uint8)
    area = float(inner.sum())
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 5) - cv2.distanceTransform(
        1 - inner, cv2.DIST_L2, 5
    )
    count, parts = cv2.connectedComponents(inner)
    touched = np.zeros(count, dtype=bool)
    touched[np.unique(parts[seeds])] = True
    touched[0] = False
    joined = touched[parts]
    soft = cv2.GaussianBlur(channels, (0, 0), 2.5)
    bins = Bins.fit(soft, (16, 16, 16))
    index = bins.index(soft)
    blurred = log_ratio(bins.histogram(index, likely), bins.histogram(index, 1 - likely))[index]
    distance = cv2.distanceTransform((~seeds).astype(np.uint8), cv2.DIST_L2, 5)
    radius = np.sqrt(float(joined.sum()) + 1)
    near, far = _competition(channels, seeds, likely)
    return np.stack(
        [
            first,
            region,
            np.clip(looks.colour(channels), -4, 4),
            np.clip(looks.placed_colour(channels, places(likely)), -4, 4),
            np.clip(depth / (2 + 0.03 * area**0.5), -4, 4),
            joined,
            (inner > 0) & ~joined,
            np.clip(blurred, -4, 4),
            np.minimum(distance / (radius + 4), 4),
            fresh[3],
            fresh[6],
            (near - far) / (near + far + 1e-3),
            np.log1p(near / 10),
        ]
    ).astype(np.float32)


def _competition(channels: AnyArray, seeds: Mask, likely: Plane) -> AnyArray:
    """Distances from the seeds and from the picture's edge, where changes of likelihood cost."""
    scaled = channels * np.float32(0.5 / max(10.0, float(channels[..., 0].std())))
    relief = np.dstack([4 * likely, scaled]).astype(np.float32)
    return geodesic(np.stack([seeds, picture_frame(seeds.shape) & ~seeds]), relief, 20.0)
