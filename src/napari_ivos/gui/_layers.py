"""How the plugin's layers look and where they lie; shapes stated."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import VideoError
from napari_ivos.masks import davis_palette
from napari_ivos.scribbles.layers import BACKGROUND_LABEL
from napari_ivos.session import Change
from napari_ivos.types import Frame, LabelMap, ObjectId

if TYPE_CHECKING:
    from napari.layers import Image

MASKS = "masks"
STROKES = "strokes"
SHAPES = "stroke shapes"
VEIL = "masks shown otherwise"
CHANGES = "changes"
MASK_OPACITY = 0.5
_OWNER = "napari-ivos"


def brush_label(object_id: ObjectId, background: bool) -> int:
    """What the brush paints: the object's id, or the label of background strokes."""
    return BACKGROUND_LABEL if background else object_id


def object_of(label: int) -> ObjectId:
    """The object that a label of the brush stands for, 0 for the background."""
    return 0 if label == BACKGROUND_LABEL else label


def shown_colour(label: int) -> tuple[int, int, int]:
    """Colour (red, green, blue), 0–255, in which an object, or what the brush paints, is shown.

    The object's colour of the exports, brighter: those are too dark on dark microscopy.
    """
    red, green, blue = (round(255 * v) for v in _palette()[_index(label)][:3])
    return red, green, blue


def _index(label: int) -> int:
    return 0 if label == 0 else (label - 1) % 255 + 1


@cache
def _palette() -> NDArray[np.float32]:
    """(256, 4) float32: RGBA, row 0 transparent."""
    colours = np.ones((256, 4), dtype=np.float32)
    # The power keeps every colour apart from the others and lifts all from the dark.
    colours[:, :3] = (davis_palette() / 255) ** 0.3
    # The background label falls on the last row. Object 255 shares it, as it may.
    colours[_index(BACKGROUND_LABEL), :3] = 1
    colours[0] = 0
    return colours


def colormap(hidden: Collection[ObjectId] = (), highest: ObjectId = 0) -> Any:
    """Napari's colour map in which label n has the colour of object n, and 0 is transparent.

    Parameters
    ----------
    hidden : collection of int
        Objects that are transparent as well.
    highest : int
        The highest id there is; needed with hidden ones.
    """
    from napari.utils.colormaps import CyclicLabelColormap

    colours = _palette()
    if hidden:
        # As many turns of the palette as it takes to give each object a row of its own.
        turns = -(-max(highest, *hidden) // 255)
        colours = np.concatenate([colours[:1], np.tile(colours[1:], (turns, 1))])
        colours[list(hidden), 3] = 0
    return CyclicLabelColormap(colors=colours, background_value=0)


def object_colours() -> NDArray[np.uint8]:
    """(255, 3) uint8: the colours in which the objects 1 to 255 are shown."""
    return np.round(255 * _palette()[1:, :3]).astype(np.uint8)


def overlay(frame: Frame, mask: LabelMap, longest: int) -> Frame:
    """Make a picture of a frame under its mask, as the viewer shows them.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    mask : (H, W) uint16
    longest : int
        Pixels of the picture's longer side.

    Returns
    -------
    (h, w, 3) uint8
    """
    height, width = mask.shape
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    labels = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    there = labels > 0
    colours = 255 * _palette()[(labels[there] - 1) % 255 + 1, :3]
    picture[there] = (1 - MASK_OPACITY) * picture[there] + MASK_OPACITY * colours
    return np.asarray(picture)


def placement(image: Image) -> dict[str, Any]:
    """Where a (T, H, W) layer must lie to cover an image layer.

    Raises
    ------
    VideoError
        The image layer is not a (T, H, W) or (T, H, W, 3) one.
    """
    if image.ndim != 3:
        raise VideoError(
            f"The layer '{image.name}' has {image.ndim} dimensions besides its colours, not 3.",
            "Choose a layer of frames (time, y, x), for example one channel and one z-plane of it.",
        )
    return {
        "scale": image.scale,
        "translate": image.translate,
        "rotate": image.rotate,
        "shear": image.shear,
        "affine": image.affine,
        "units": image.units,
        "axis_labels": image.axis_labels,
    }


def masks_style() -> dict[str, Any]:
    """Arguments of `viewer.add_labels` for the layer of results."""
    return {
        "name": MASKS,
        "opacity": MASK_OPACITY,
        "colormap": colormap(),
        "metadata": {_OWNER: MASKS},
    }


def strokes_style() -> dict[str, Any]:
    """Arguments of `viewer.add_labels` for the layer that people draw in."""
    return {
        "name": STROKES,
        "opacity": 1.0,
        "colormap": colormap(),
        "metadata": {_OWNER: STROKES},
    }


# Colours that people with any colour vision tell apart (Okabe and Ito).
CHANGE_COLOURS = {
    Change.GAINED: (86, 180, 233),
    Change.LOST: (213, 94, 0),
    Change.MOVED: (240, 228, 66),
}


def changes_style() -> dict[str, Any]:
    """Arguments of `viewer.add_labels` for the layer of what a propagation changed."""
    from napari.utils.colormaps import DirectLabelColormap

    colours: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
    for change, colour in CHANGE_COLOURS.items():
        colours[int(change)] = (*(value / 255 for value in colour), 1)
    return {
        "name": CHANGES,
        "opacity": 0.8,
        "colormap": DirectLabelColormap(color_dict=colours),
        "metadata": {_OWNER: CHANGES},
    }


def shapes_style() -> dict[str, Any]:
    """Arguments of `viewer.add_shapes` for drawing strokes as shapes."""
    return {"name": SHAPES, "face_color": "transparent", "metadata": {_OWNER: SHAPES}}


def veil_style() -> dict[str, Any]:
    """Arguments of an image layer for other ways to show the masks."""
    return {
        "name": VEIL,
        "rgb": True,
        "contrast_limits": (0, 255),
        "multiscale": False,
        "metadata": {_OWNER: VEIL},
    }


def is_own(layer: Any) -> bool:
    """Whether the plugin made this layer."""
    return _OWNER in layer.metadata
