"""Which part of a dividing object each of its daughters begins as."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ivos.session import _annotate
from napari_ivos.session._history import Edit, History
from napari_ivos.session._relabel import read_human
from napari_ivos.session._store import FrameStore
from napari_ivos.types import LabelMap, Mask, ObjectId

_LEAST_SHARE = 0.1
"""How large a part must be, of the largest one, to be a daughter; smaller ones are specks."""

_LARGEST = 400
"""Pixels of a side up to which a mask is split as it is; larger ones are seen more coarsely."""


def parts_of(mask: Mask) -> NDArray[np.uint8] | None:
    """Part a dividing object's mask between its daughters.

    Separate parts are the daughters, and specks belong to the nearest of them. A mask in one piece
    is split at its waist: by a watershed of the distance from its edge, which begins in the middles
    of its two halves.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    (H, W) uint8, optional
        1 to N, N ≥ 2, where the mask is, 0 elsewhere; None when there is nothing to part.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if mask.sum() < 2:
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    # Its edge counts as one, also where it is the frame's.
    inside = np.pad(mask[box], 1)
    found = np.zeros(mask.shape, dtype=np.uint8)
    found[box] = (_separate(inside) if _pieces(inside)[1] > 1 else _split(inside))[1:-1, 1:-1]
    return found


def give_parts(
    history: History,
    store: FrameStore,
    edit: Edit,
    index: int,
    daughters: tuple[ObjectId, ...],
    parts: NDArray[np.uint8],
    shown: LabelMap,
) -> None:
    """Make the parts the daughters' masks: evidence, or on an accepted frame as binding as before.

    Parameters
    ----------
    history, store, edit
        Of the session.
    index : int
        The frame.
    daughters : tuple of int
    parts : (H, W) uint8
        As `parts_of` gives them; 1 is the first daughter.
    shown : (H, W) uint16
        The frame's mask as it was.
    """
    now = history.frame(index)
    known = read_human(store, now, history.state.merged)
    own = np.array([-1, *daughters], dtype=np.int32)[parts]
    human = own if known is None else np.where(parts > 0, own, known)
    binding = known is not None and now.binding
    _annotate.give_pixels(
        history, store, edit, index, human, shown, binding=binding, trusted=now.trusted
    )


def may_be_parted(history: History, index: int) -> bool:
    """Whether daughters can be proposed: not beside painted pixels, as those would bind them."""
    now = history.frame(index)
    return now.human is None or now.trusted or not now.binding


def _pieces(mask: Mask) -> tuple[NDArray[np.int32], int]:
    """Pieces that are connected, corners included, and how many are no specks."""
    from scipy import ndimage

    pieces, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel())[1:]
    large = np.flatnonzero(areas >= _LEAST_SHARE * areas.max()) + 1
    # As many as there are numbers for.
    large = large[np.argsort(areas[large - 1])[::-1][:255]]
    numbers = np.zeros(len(areas) + 1, dtype=np.int32)
    numbers[np.sort(large)] = np.arange(1, len(large) + 1)
    return numbers[pieces], len(large)


def _separate(mask: Mask) -> NDArray[np.uint8]:
    pieces, _ = _pieces(mask)
    if (pieces[mask] == 0).any():
        pieces = pieces[_nearest(pieces > 0)]
    return np.where(mask, pieces, 0).astype(np.uint8)


def _nearest(there: Mask) -> tuple[NDArray[np.int32], ...]:
    """For each pixel where the nearest one is that is there."""
    from scipy import ndimage

    return tuple(
        ndimage.distance_transform_edt(~there, return_distances=False, return_indices=True)
    )


def _split(mask: Mask) -> NDArray[np.uint8]:
    from scipy import ndimage
    from skimage.segmentation import watershed

    # A waist can be told from fewer pixels as well, and the window must not stand still.
    step = -(-max(mask.shape) // _LARGEST)
    small = mask[::step, ::step] if step > 1 else mask
    if small.sum() < 2:
        step, small = 1, mask
    depth = ndimage.distance_transform_edt(small)
    markers = np.zeros(small.shape, dtype=np.int32)
    for number, place in enumerate(_middles(small, depth), start=1):
        markers[place] = number
    halves = np.asarray(watershed(-depth, markers, mask=small))
    if step > 1:
        halves = halves[_nearest(halves > 0)].repeat(step, axis=0).repeat(step, axis=1)
        halves = halves[: mask.shape[0], : mask.shape[1]]
    return np.where(mask, halves, 0).astype(np.uint8)


def _middles(mask: Mask, depth: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The deepest places to either side of the middle, across the longest way through it."""
    points = np.argwhere(mask)
    centred = points - points.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    # From above to below, or from left to right: the first half is always the same one.
    along = centred @ (axis * np.sign(axis[np.argmax(np.abs(axis))]))
    depths = depth[tuple(points.T)]
    # Where both ends are alike deep, the one farther out; and not where the halves meet.
    worth = depths * np.sqrt(np.abs(along) + 1e-9)
    low, high = along <= np.median(along), along > np.median(along)
    if not high.any():  # all on one line across it
        low, high = np.arange(len(points)) < 1, np.arange(len(points)) >= 1
    chosen = [np.flatnonzero(side)[np.argmax(worth[side])] for side in (low, high)]
    return [(int(points[i, 0]), int(points[i, 1])) for i in chosen]
