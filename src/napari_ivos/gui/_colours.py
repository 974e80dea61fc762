"""In which colours objects are shown: daughters in one like their parent's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ivos import masks
from napari_ivos.scribbles.layers import BACKGROUND_LABEL
from napari_ivos.session import SessionObject, ancestors
from napari_ivos.types import ObjectId

BRIGHT, ANY_EYES = masks.PALETTES
PALETTES = {
    BRIGHT: ("Bright", "The colours of the exports, brighter"),
    ANY_EYES: (
        "For any colour vision",
        "Colours that colour-blind people tell apart, too (Okabe and Ito); the overlay video "
        "has them as well",
    ),
}
"""In which colours objects can be shown: what they are called, and what they are."""

_LIKENESS = 0.55
"""How much of its colour a daughter has from its parent."""


def object_colours(
    objects: Sequence[SessionObject] = (), palette: str = BRIGHT
) -> NDArray[np.uint8]:
    """Colours of the objects 1 to N; those of higher ids go round.

    Parameters
    ----------
    objects : sequence of SessionObject
        Daughters among them have colours between their parent's and their own.
    palette : {"davis", "okabe-ito"}
        The colours of the exports, the first ones brighter: those are too dark on dark microscopy.

    Returns
    -------
    (N, 3) uint8
        N is a multiple of 255, and enough for each object to have a row of its own when there are
        daughters among them.
    """
    own = _palette(palette)
    parents = {item.id: item.parent for item in objects if item.parent}
    if not parents:
        return np.round(own).astype(np.uint8)
    colours = np.tile(own, (-(-max(item.id for item in objects) // 255), 1))
    for daughter in parents:
        colours[daughter - 1] = _mixed(own, [daughter, *ancestors(parents, daughter)])
    return np.round(colours).astype(np.uint8)


def shown_colour(
    label: int, objects: Sequence[SessionObject] = (), palette: str = BRIGHT
) -> tuple[int, int, int]:
    """Colour (red, green, blue), 0–255, in which an object, or what the brush paints, is shown."""
    colours = object_colours(objects, palette)
    red, green, blue = colours[(label - 1) % len(colours)].tolist()
    return red, green, blue


def colormap(
    objects: Sequence[SessionObject] = (), hide: bool = True, palette: str = BRIGHT
) -> Any:
    """Napari's colour map in which label n has the colour of object n, and 0 is transparent.

    Parameters
    ----------
    objects : sequence of SessionObject
    hide : bool
        Whether hidden ones are transparent as well.
    palette : str
        As for `object_colours`.
    """
    from napari.utils.colormaps import CyclicLabelColormap

    colours = object_colours(objects, palette)
    hidden = [item.id for item in objects if hide and not item.visible]
    if hidden:
        # As many turns of the palette as it takes to give each object a row of its own.
        turns = -(-max(item.id for item in objects) // len(colours))
        colours = np.tile(colours, (turns, 1))
    table = np.ones((len(colours) + 1, 4), dtype=np.float32)
    table[1:, :3] = colours / 255
    table[[0, *hidden], 3] = 0
    return CyclicLabelColormap(colors=table, background_value=0)


def _mixed(own: NDArray[np.float64], line: list[ObjectId]) -> NDArray[np.float64]:
    """Colour of an object whose ancestors follow it in `line`, the oldest last."""
    *younger, oldest = line
    colour: NDArray[np.float64] = own[(oldest - 1) % 255]
    for object_id in reversed(younger):
        colour = _LIKENESS * colour + (1 - _LIKENESS) * own[(object_id - 1) % 255]
    return colour


@cache
def _palette(name: str) -> NDArray[np.float64]:
    """(255, 3) 0–255: colours of the objects 1 to 255."""
    colours = masks.object_colours(name).astype(np.float64)
    if name == BRIGHT:
        # The power keeps every colour apart from the others and lifts all from the dark.
        colours = 255 * (colours / 255) ** 0.3
    # The background label falls on the last row. Object 255 shares it, as it may.
    colours[(BACKGROUND_LABEL - 1) % 255] = 255
    return colours
