"""Where in a frame an object is that was lost: by the encoder's features alone."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from napari_ivos.methods.flow.looks import Looks
from napari_ivos.methods.flow.refiner import Heat
from napari_ivos.methods.lite.inputs import SIDE
from napari_ivos.methods.lite.network import Lite, Reference, plain_match
from napari_ivos.types import Frame

# Places are of this many pixels, at the size at which the object fills the network's window.
_STRIDE = 8
# Frames are enlarged no more than this, and as many pixels are searched as seven windows have.
_MOST_SCALE = 1.6
_MOST_PIXELS = 7 * SIDE * SIDE
# What belongs together is about as wide as this share of the root of the object's area.
_SPREAD = 0.35


def seek(
    network: Lite,
    device: torch.device,
    frame: Frame,
    looks: Looks,
    known: Reference,
    about: tuple[float, float],
) -> Heat:
    """How much there is of an object round each place of a frame.

    Parameters
    ----------
    network : Lite
    device : torch.device
    frame : (H, W, 3) uint8
    looks : Looks
        With a picture.
    known : Reference
        Of that picture.
    about : (y, x)
        Where to search when the frame is too large for all of it.

    Returns
    -------
    Heat
    """
    assert looks.picture is not None
    scale = min(SIDE / max(looks.span), _MOST_SCALE)
    top, bottom = _stretch(frame.shape[0], about[0], scale, frame.shape[1])
    left, right = _stretch(frame.shape[1], about[1], scale, frame.shape[0])
    part = frame[top:bottom, left:right]
    size = [max(2 * _STRIDE, round(side * scale / 16) * 16) for side in part.shape[:2]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(np.ascontiguousarray(part), size[::-1], interpolation=how)
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32))
    features = network.features(planes[None].to(device))
    own: NDArray[np.float32] = plain_match(features, known)[0, 0].float().cpu().numpy()
    area = float(np.mean(looks.picture[..., 3] > 127)) * looks.span[0] * looks.span[1]
    spread = max(_SPREAD * area**0.5 * scale / _STRIDE, 0.5)
    heat = cv2.GaussianBlur(np.maximum(own, 0), (0, 0), spread)
    return Heat(np.asarray(heat), (top, bottom, left, right))


def _stretch(length: int, middle: float, scale: float, other: int) -> tuple[int, int]:
    """The part of one side of a frame that is searched; `other` is the length of the other side."""
    longest = _MOST_PIXELS / scale**2
    # Both sides are cut in the same proportion.
    side = int(min(length, max((longest * length / other) ** 0.5, longest / other)))
    start = int(min(max(middle - side / 2, 0), length - side))
    return start, start + side
