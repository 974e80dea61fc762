"""How the plugin's layers look and where they lie; shapes stated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.gui._colours import BRIGHT, colormap, object_colours
from napari_ivos.scribbles.layers import BACKGROUND_LABEL
from napari_ivos.session import Change, SessionObject
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


def overlay(
    frame: Frame,
    mask: LabelMap,
    longest: int,
    objects: Sequence[SessionObject] = (),
    palette: str = BRIGHT,
) -> Frame:
    """Make a picture of a frame under its mask, as the viewer shows them.

    Parameters
    ----------
    frame : (H, W, 3) uint8
    mask : (H, W) uint16
    longest : int
        Pixels of the picture's longer side.
    objects : sequence of SessionObject
        For the colours of daughters.
    palette : str
        As for `object_colours`.

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
    colours = object_colours(objects, palette)
    shown = colours[(labels[there] - 1) % len(colours)]
    picture[there] = (1 - MASK_OPACITY) * picture[there] + MASK_OPACITY * shown
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
        "metadata": own(MASKS),
    }


def strokes_style() -> dict[str, Any]:
    """Arguments of `viewer.add_labels` for the layer that people draw in."""
    return {
        "name": STROKES,
        "opacity": 1.0,
        "colormap": colormap(),
        "metadata": own(STROKES),
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
    return {"name": SHAPES, "face_color": "transparent", "metadata": own(SHAPES)}


def own(what: str) -> dict[str, str]:
    """Metadata of a layer that the plugin makes; no session is started on it by hand."""
    return {_OWNER: what}


def veil_style() -> dict[str, Any]:
    """Arguments of an image layer for other ways to show the masks."""
    return {
        "name": VEIL,
        "rgb": True,
        "contrast_limits": (0, 255),
        "multiscale": False,
        "metadata": own(VEIL),
    }


def is_own(layer: Any) -> bool:
    """Whether the plugin made this layer; a copy of one, made in napari, is a layer of its own."""
    return _OWNER in layer.metadata and layer.source.parent is None


def unwrapped(thing: Any) -> Any:
    """The layer, or the data, itself: napari hands them to plugins in wrappers."""
    return getattr(thing, "__wrapped__", thing)


def is_same(one: Any, other: Any) -> bool:
    """Whether these are one object, in a wrapper or without."""
    return unwrapped(one) is unwrapped(other)


def part_of(layer: Any) -> str:
    """Which of the plugin's layers this is, by its name at first; "" for those of others."""
    return str(layer.metadata[_OWNER]) if is_own(layer) else ""
