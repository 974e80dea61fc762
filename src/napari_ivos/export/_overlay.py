"""Masks over pictures, as the authors' demonstrations show them (IPNet and GIS)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.masks import object_colour
from napari_ivos.types import Frame, LabelMap, Mask

_OPACITY = 0.5
_CELL = 20
_CYAN = (0, 255, 255)
_BLACK = (0, 0, 0)
_MAGENTA = (223, 0, 223)


def overlay(frame: Frame, labels: LabelMap, style: str = "colour") -> Frame:
    """A frame with its masks.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    labels : (H, W) uint16
    style : {"colour", "davis", "fade", "checker", "cut"}
        Objects in their colours with bright or black outlines; or what is not an object darkened,
        on a chequered ground, or on plain magenta.

    Returns
    -------
    (H, W, 3) uint8
    """
    return STYLES[style](frame, labels)


def _tinted(frame: Frame, labels: LabelMap) -> Frame:
    out = frame.astype(np.float32)
    for object_id in np.unique(labels[labels > 0]).tolist():
        mine = labels == object_id
        out[mine] = (1 - _OPACITY) * out[mine] + _OPACITY * np.array(object_colour(object_id))
    return out.astype(np.uint8)


def _colour(frame: Frame, labels: LabelMap) -> Frame:
    out = _tinted(frame, labels)
    lines = _outline(labels)
    colours = np.zeros((int(labels.max()) + 1, 3), dtype=np.uint8)
    for object_id in np.unique(labels[lines]).tolist():
        colours[object_id] = object_colour(object_id)
    out[lines] = colours[labels[lines]]
    return out


def _davis(frame: Frame, labels: LabelMap) -> Frame:
    out = _tinted(frame, labels)
    out[_outline(labels)] = _BLACK
    return out


def _fade(frame: Frame, labels: LabelMap) -> Frame:
    out = np.where((labels > 0)[..., None], frame, (0.4 * frame).astype(np.uint8))
    out[_outline(labels)] = _CYAN
    return out


def _checker(frame: Frame, labels: LabelMap) -> Frame:
    y, x = np.indices(labels.shape) // _CELL
    board = np.where((y + x) % 2, 190, 110).astype(np.uint8)
    return np.where((labels > 0)[..., None], frame, board[..., None])


def _cut(frame: Frame, labels: LabelMap) -> Frame:
    return np.where((labels > 0)[..., None], frame, np.array(_MAGENTA, dtype=np.uint8))


def _outline(labels: LabelMap) -> Mask:
    """Pixels of objects with a neighbour of another label."""
    square: NDArray[np.uint8] = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(labels, square), cv2.dilate(labels, square)
    return np.asarray((labels > 0) & (low != high))


STYLES: dict[str, Callable[[Frame, LabelMap], Frame]] = {
    "colour": _colour,
    "davis": _davis,
    "fade": _fade,
    "checker": _checker,
    "cut": _cut,
}
"""How masks can be shown over pictures, by name."""
