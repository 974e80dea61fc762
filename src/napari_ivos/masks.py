"""Label maps, probabilities and colours, without Qt and torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_ivos.types import AnyArray, LabelMap, ObjectId, ProbMap

MAX_ID = 65_534
"""The largest object id; 65 535 is kept free for the background strokes of a stroke layer."""


def labels_from_probs(probs: ProbMap, objects: Sequence[ObjectId]) -> LabelMap:
    """Most probable object at each pixel.

    Parameters
    ----------
    probs : (K+1, H, W) float32
        Background first.
    objects : sequence of int, length K
        Ids of the channels from 1 on.

    Returns
    -------
    (H, W) uint16
        Ties go to the background, then to the lower channel.
    """
    most = probs[0].copy()
    labels: LabelMap = np.zeros(most.shape, dtype=np.uint16)
    # Channel by channel: numpy's argmax over the first axis takes up to five times as long.
    for object_id, plane in zip(objects, probs[1:], strict=True):
        labels[plane > most] = object_id
        np.maximum(most, plane, out=most)
    return labels


def probs_from_labels(labels: AnyArray, objects: Sequence[ObjectId]) -> ProbMap:
    """Certainty from a label map: 1 where a channel's id stands, 0 elsewhere.

    Parameters
    ----------
    labels : (H, W) integer
        Ids that are not among `objects` count as background.
    objects : sequence of int, length K

    Returns
    -------
    (K+1, H, W) float32
    """
    probs = np.empty((len(objects) + 1, *labels.shape), dtype=np.float32)
    for channel, object_id in enumerate(objects, start=1):
        probs[channel] = labels == object_id
    probs[0] = 1.0 - probs[1:].sum(axis=0)
    return probs


def soft_aggregate(foreground: NDArray[np.float32]) -> ProbMap:
    """Merge independent object probabilities into one distribution over background and objects.

    The odds of each class are normalised to sum to 1; the background's probability is the product
    of the objects' complements (GIS-RAmap, CVPR 2021, after STM, ICCV 2019).

    Parameters
    ----------
    foreground : (K, H, W) float32 in [0, 1]
        Each object's own probability against everything else.

    Returns
    -------
    (K+1, H, W) float32
        Background first; sums to 1.

    Notes
    -----
    Computed in float32 throughout: the clamp's upper bound is then 1 − 1.19e-7, and results at
    exactly 0 and 1 differ by up to 0.04 from a float64 computation.
    """
    p = foreground.astype(np.float32, copy=False)
    everything = np.concatenate([np.prod(1 - p, axis=0, keepdims=True, dtype=np.float32), p])
    low, high = np.float32(1e-7), np.float32(1) - np.float32(1e-7)
    odds = np.clip(everything, low, high)
    odds = odds / (1 - odds)
    return np.asarray(odds / odds.sum(axis=0, keepdims=True), dtype=np.float32)


def extend_probs(
    probs: ProbMap, objects: Sequence[ObjectId], wanted: Sequence[ObjectId]
) -> ProbMap:
    """Bring probabilities to another list of objects.

    Parameters
    ----------
    probs : (K+1, H, W) float32
    objects : sequence of int, length K
        The ids that `probs` has.
    wanted : sequence of int, length L
        The ids to have. New ones get probability 0; what dropped ones held goes to the background.

    Returns
    -------
    (L+1, H, W) float32
    """
    if tuple(objects) == tuple(wanted):
        return probs
    have = {object_id: channel for channel, object_id in enumerate(objects, start=1)}
    out = np.zeros((len(wanted) + 1, *probs.shape[1:]), dtype=np.float32)
    out[0] = probs[0]
    for channel, object_id in enumerate(wanted, start=1):
        if object_id in have:
            out[channel] = probs[have.pop(object_id)]
    for channel in have.values():
        out[0] += probs[channel]
    return out


@cache
def _palette() -> NDArray[np.uint8]:
    # The bit-reversal colour map of PASCAL VOC, which DAVIS's annotations use as well.
    index = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(
                np.uint8
            )
    colours.setflags(write=False)
    return colours


def davis_palette() -> NDArray[np.uint8]:
    """Colours of the PASCAL VOC and DAVIS palette.

    Returns
    -------
    (256, 3) uint8
        RGB; row 0 (background) is black. Read-only.
    """
    return _palette()


def object_colour(object_id: ObjectId) -> tuple[int, int, int]:
    """Colour of an object; ids above 255 go round the palette again, leaving out black.

    Returns
    -------
    (red, green, blue), each 0–255
    """
    index = 0 if object_id == 0 else (object_id - 1) % 255 + 1
    red, green, blue = (int(value) for value in _palette()[index])
    return red, green, blue


PALETTES = ("davis", "okabe-ito")
"""Colours that objects can have in pictures, by name; the second are told apart by people with any
colour vision.

They are the eight of Okabe and Ito (2008), *Color Universal Design*,
https://jfly.uni-koeln.de/color/, without black, which masks on dark images would not show; see
Wong, *Nature Methods* 8, 441 (2011). The order keeps those alike far apart.
"""

_OKABE_ITO = (
    (213, 94, 0),  # vermilion
    (86, 180, 233),  # sky blue
    (240, 228, 66),  # yellow
    (0, 158, 115),  # bluish green
    (204, 121, 167),  # reddish purple
    (0, 114, 178),  # blue
    (230, 159, 0),  # orange
)
_TONES = (0.0, 0.5, -0.4)
"""How much lighter, or darker, a palette's colours are when they come round again."""


@cache
def object_colours(palette: str = "davis") -> NDArray[np.uint8]:
    """Colours of the objects 1 to 255; those of higher ids go round.

    Parameters
    ----------
    palette : {"davis", "okabe-ito"}
        Of the second there are 21 different ones: its seven, then lighter, then darker.

    Returns
    -------
    (255, 3) uint8
        RGB. Read-only.
    """
    if palette == "davis":
        return _palette()[1:]
    own = np.array(_OKABE_ITO, dtype=np.float64)
    tones = [own + tone * (255 - own if tone > 0 else own) for tone in _TONES]
    colours = np.resize(np.round(np.concatenate(tones)), (255, 3)).astype(np.uint8)
    colours.setflags(write=False)
    return colours
