"""Last touches to a region: its boundary to the nearest edges, fragments away."""

from __future__ import annotations

import cv2
import numpy as np

from napari_ivos.types import AnyArray, Frame, Mask

# Width of the band that is decided again, as a share of the region's size, on each side.
_BAND = 0.12
_ROUNDS = 1


def snap(image: Frame, region: Mask, seeds: Mask, against: Mask) -> Mask:
    """Decide a band round a region's boundary again, by GrabCut (Rother et al., 2004).

    Parameters
    ----------
    image : (h, w, 3) uint8
    region, seeds, against : (h, w) bool

    Returns
    -------
    (h, w) bool
    """
    inner = region.astype(np.uint8)
    radius = max(2, int(_BAND * float(np.count_nonzero(region)) ** 0.5))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    state = np.where(region, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[cv2.erode(inner, disk) > 0] = cv2.GC_FGD
    state[cv2.dilate(inner, disk) == 0] = cv2.GC_BGD
    state[seeds] = cv2.GC_FGD
    state[against] = cv2.GC_BGD
    object_side = (state & 1) > 0
    if not object_side.any() or object_side.all():
        return region
    # Its colour clusters are started at random: the same each time.
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, state, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((state & 1) > 0)


def drop_fragments(region: Mask, before: Mask, seeds: Mask) -> Mask:
    """Take away what a correction has cut off from the object.

    Parameters
    ----------
    region, before : (h, w) bool
        The object after and before something was taken away from it.
    seeds : (h, w) bool
        What a person marked as the object's.

    Returns
    -------
    (h, w) bool
        Without the parts next to what was taken away, but for the largest and the marked ones.
    """
    count, parts, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    if count <= 2:
        return region
    near = cv2.dilate((before & ~region).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    drop = np.zeros(count, dtype=bool)
    drop[np.unique(parts[near])] = True
    drop[np.unique(parts[seeds])] = False
    drop[[0, 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]] = False
    return region & ~_pick(drop, parts)


def _pick(table: AnyArray, parts: AnyArray) -> Mask:
    return np.asarray(table[parts])
