"""Which strokes an eraser has touched."""

from __future__ import annotations

from collections.abc import Sequence

from napari_ivos.scribbles import Stroke, rasterise
from napari_ivos.types import Mask


def touched(strokes: Sequence[Stroke], erased: Mask) -> list[Stroke]:
    """Strokes that were to be seen where the eraser went.

    Parameters
    ----------
    strokes : sequence of Stroke
        Of one frame, oldest first; each is drawn over those before it.
    erased : (H, W) bool

    Returns
    -------
    list of Stroke
        Newest first.
    """
    left = erased.copy()
    found = []
    for stroke in reversed(strokes):
        inside = rasterise(stroke, left.shape)
        if (inside & left).any():
            found.append(stroke)
            left &= ~inside
    return found
