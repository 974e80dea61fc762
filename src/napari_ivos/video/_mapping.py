"""From a stack's own intensities to 8 bits: one mapping for all frames, so nothing flickers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray, Frame

SAMPLED_FRAMES = 16
_PERCENTILES = (0.1, 99.9)
_SIDE_SAMPLED = 512
"""Percentiles look at no more than this many rows and columns of a frame."""


@dataclass(frozen=True, slots=True)
class IntensityMapping:
    """How raw intensities become 0–255: ``(value − low) · 255 / (high − low)``, rounded, clipped.

    The same for every frame of a video. Not-a-number becomes 0; where low equals high (a constant
    picture) everything becomes 0.

    Attributes
    ----------
    kind : {"identity", "exact", "percentile"}
        identity: values are 8-bit already, whatever type they are stored in. exact: every sampled
        value is a multiple of 257 (or of 256), an 8-bit movie in 16 bits, which is undone exactly.
        percentile: from the 0.1 % to the 99.9 % intensity of the sampled frames.
    low, high : tuple of float
        Raw intensities that become 0 and 255: one for all channels, or one per channel.
    """

    kind: Literal["identity", "exact", "percentile"]
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (255.0,)

    def apply(self, raw: AnyArray) -> Frame:
        """Map a raw frame to a picture.

        Parameters
        ----------
        raw : (H, W, C) bool, integer or float array, C = 1, 2 or 3

        Returns
        -------
        (H, W, 3) uint8
            A new array. One channel is grey; of two, the first is red and the second green.
        """
        frame = np.empty((*raw.shape[:2], 3), dtype=np.uint8)
        if raw.shape[2] == 1:
            frame[...] = self._bytes(raw[..., 0], 0)[..., None]
            return frame
        frame[..., 2] = 0
        for channel in range(raw.shape[2]):
            frame[..., channel] = self._bytes(raw[..., channel], channel)
        return frame

    def _bytes(self, values: AnyArray, channel: int) -> NDArray[np.uint8]:
        if values.dtype == np.uint8:
            return values
        at = channel if len(self.low) > 1 else 0
        if values.dtype == np.uint16:
            return _table(self.low[at], self.high[at])[values]
        return _scaled(values, self.low[at], self.high[at])


@lru_cache(maxsize=8)
def _table(low: float, high: float) -> NDArray[np.uint8]:
    return _scaled(np.arange(65_536), low, high)


def _scaled(values: AnyArray, low: float, high: float) -> NDArray[np.uint8]:
    if high <= low:
        return np.zeros(values.shape, dtype=np.uint8)
    # float64 throughout: a small range upon a large offset would drown in float32. Clipping first
    # keeps infinities, and differences of extreme values, from overflowing.
    clipped = np.clip(values.astype(np.float64), low, high)
    scaled = np.rint((clipped - low) * (255.0 / (high - low)))
    return np.nan_to_num(scaled, copy=False, nan=0.0).astype(np.uint8)


def fixed_mapping(dtype: np.dtype[Any]) -> IntensityMapping | None:
    """Mapping of types that leave nothing to decide; None where frames must be looked at."""
    if dtype == np.uint8:
        return IntensityMapping("identity")
    if dtype == np.bool_:
        return IntensityMapping("identity", (0.0,), (1.0,))
    return None


def decide_mapping(
    length: int, read: Callable[[int], AnyArray], per_channel: bool, name: str
) -> IntensityMapping:
    """Choose a stack's mapping from evenly spaced frames.

    Parameters
    ----------
    length : int
        Number of frames.
    read : callable
        Gives raw frame (H, W, C) of a number.
    per_channel : bool
        Whether percentiles are taken for each channel apart.
    name : str
        The video's.

    Raises
    ------
    VideoError
        The sampled frames hold no finite value at all.
    """
    count = min(length, SAMPLED_FRAMES)
    exact = _Exact()
    thinned: list[AnyArray] = []
    extremes: list[AnyArray] = []
    for place in np.linspace(0, length - 1, count):
        raw = read(round(place))
        exact.look(raw)
        rows, columns = (-(-side // _SIDE_SAMPLED) for side in raw.shape[:2])
        thinned.append(raw[::rows, ::columns].reshape(-1, raw.shape[2]).copy())
        pixels = raw.reshape(-1, raw.shape[2])
        extremes += [np.fmin.reduce(pixels, axis=0)[None], np.fmax.reduce(pixels, axis=0)[None]]
    known = exact.mapping()
    if known is not None:
        return known
    grouped = [np.concatenate(kept).astype(np.float64) for kept in (thinned, extremes)]
    values, ends = (part.T if per_channel else part.reshape(1, -1) for part in grouped)
    bounds = [_bounds(group, end) for group, end in zip(values, ends, strict=True)]
    if not np.isfinite(bounds).any():
        raise VideoError(
            f"The frames of {name} that were looked at hold only nan or infinity.",
            "Check how it was computed or saved.",
        )
    low, high = zip(*(np.nan_to_num(pair).tolist() for pair in bounds), strict=True)
    return IntensityMapping("percentile", low, high)


def _bounds(values: NDArray[np.float64], extremes: NDArray[np.float64]) -> tuple[float, float]:
    """Low and high of one group of intensities; nan where none of them is finite."""
    values, extremes = values[np.isfinite(values)], extremes[np.isfinite(extremes)]
    low, high = np.percentile(values, _PERCENTILES) if values.size else (0.0, 0.0)
    if low == high:
        # A few bright spots on an even ground: the percentiles meet, the picture is not constant.
        low, high = (extremes.min(), extremes.max()) if extremes.size else (np.nan, np.nan)
    return float(low), float(high)


class _Exact:
    """Whether all values looked at so far come from an 8-bit movie, and how."""

    def __init__(self) -> None:
        self._fits = {1: True, 257: True, 256: True}

    def look(self, raw: AnyArray) -> None:
        if raw.dtype.kind not in "ui":
            self._fits.clear()
        if not any(self._fits.values()):
            return
        low, high = int(raw.min()), int(raw.max())
        for factor, fits in self._fits.items():
            self._fits[factor] = (
                fits
                and low >= 0
                and high <= 255 * factor
                # 1 to 255 is no multiple, nor may a type that ends there meet the factor.
                and (factor == 1 or high == 0 or (high > 255 and not np.any(raw % factor)))
            )

    def mapping(self) -> IntensityMapping | None:
        for factor, fits in self._fits.items():
            if fits:
                kind: Literal["identity", "exact"] = "identity" if factor == 1 else "exact"
                return IntensityMapping(kind, (0.0,), (255.0 * factor,))
        return None
