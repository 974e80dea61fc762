"""Masks over pictures, as the authors' demonstrations show them (IPNet and GIS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.masks import MAX_ID, object_colours
from napari_ivos.types import Frame, LabelMap, Mask

Colour: TypeAlias = tuple[int, int, int]
Veil: TypeAlias = NDArray[np.uint8]
"""(H, W, 4) uint8: red, green, blue and how much of them covers what lies below."""

_HALF, _MOST, _ALL = 128, 153, 255
_CELL = 20
_CYAN = (0, 255, 255)
_BLACK = (0, 0, 0)
_MAGENTA = (223, 0, 223)
_GREYS = (110, 190)


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """What lies over a picture."""

    ground: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Colour and alpha, 0–255, of what is no object."""
    chequered: bool = False
    """Whether that is a chequered ground instead."""
    filled: bool = False
    """Whether objects are tinted in their colours."""
    lines: Colour | str | None = None
    """Colour of the outlines; "own": those of the objects; None: there are none."""


STYLES: dict[str, OverlayStyle] = {
    "colour": OverlayStyle(filled=True, lines="own"),
    "davis": OverlayStyle(filled=True, lines=_BLACK),
    "fade": OverlayStyle(ground=(*_BLACK, _MOST), lines=_CYAN),
    "checker": OverlayStyle(chequered=True),
    "cut": OverlayStyle(ground=(*_MAGENTA, _ALL)),
}
"""How masks can be shown over pictures, by name."""


def veil(labels: LabelMap, style: str = "colour", colours: NDArray[np.uint8] | None = None) -> Veil:
    """What is to be laid over a frame to show its masks.

    Parameters
    ----------
    labels : (H, W) uint16
    style : {"colour", "davis", "fade", "checker", "cut"}
        Objects in their colours with bright or black outlines; or what is not an object darkened,
        on a chequered ground, or on plain magenta.
    colours : (N, 3) uint8, optional
        Colours of the objects 1 to N, which go round; by default those of the exports.

    Returns
    -------
    (H, W, 4) uint8
        Red, green, blue, alpha.
    """
    form = STYLES[style]
    own = object_colours() if colours is None else colours
    table = np.zeros((MAX_ID + 2, 4), dtype=np.uint8)
    table[0] = form.ground
    if form.filled:
        table[1:, :3] = np.resize(own, (MAX_ID + 1, 3))
        table[1:, 3] = _HALF
    # One look into the table for a pixel, not one for each of its values.
    pixels = _packed(table)[labels]
    if form.chequered:
        y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
        greys = np.array([(grey, grey, grey, _ALL) for grey in _GREYS], dtype=np.uint8)
        np.copyto(pixels, _packed(greys)[(y // _CELL + x // _CELL) % 2], where=labels == 0)
    out: Veil = pixels.view(np.uint8).reshape(*labels.shape, 4)
    if form.lines is not None:
        lines = _outline(labels)
        out[lines, :3] = own[(labels[lines] - 1) % len(own)] if form.lines == "own" else form.lines
        out[lines, 3] = _ALL
    return out


def overlay(
    frame: Frame, labels: LabelMap, style: str = "colour", colours: NDArray[np.uint8] | None = None
) -> Frame:
    """A frame with its masks.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    labels : (H, W) uint16
    style, colours
        As for `veil`.

    Returns
    -------
    (H, W, 3) uint8
    """
    over = veil(labels, style, colours)
    share = _SHARES[over[..., 3]][..., None]
    return ((1 - share) * frame + share * over[..., :3]).astype(np.uint8)


def _packed(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(N, 4) as N numbers."""
    return colours.view(np.uint32)[:, 0]


def _outline(labels: LabelMap) -> Mask:
    """Pixels of objects with a neighbour of another label."""
    square: NDArray[np.uint8] = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(labels, square), cv2.dilate(labels, square)
    return np.asarray((labels > 0) & (low != high))


_SHARES = np.linspace(0, 1, 256)
# It is a half that is meant.
_SHARES[_HALF] = 0.5
