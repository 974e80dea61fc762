"""Open napari layers as videos, without importing napari."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_image_layer(source: object) -> bool:
    """Whether an object looks like a napari Image layer."""
    # Of some types of values numpy cannot even say that it has the attribute `data`.
    if isinstance(source, np.ndarray):
        return False
    return all(hasattr(source, name) for name in ("data", "rgb", "multiscale", "name", "scale"))


def layer_data(layer: Any) -> Any:
    """Take the pixels of an Image layer, at full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def layer_axes(layer: Any) -> str | None:
    """Axes as far as a layer tells: whether its last axis is colour, and "?" for those before."""
    ndim = len(layer_data(layer).shape)
    picture = "YXS" if layer.rgb else "YX"
    return "?" * (ndim - len(picture)) + picture if ndim >= len(picture) else None


def layer_scale(layer: Any) -> tuple[float, float]:
    """Pixel size (y, x); a layer's scale leaves the colour axis out."""
    y, x = (float(factor) for factor in layer.scale[-2:])
    return y, x
