"""Clips that the program makes itself: no download, the same each time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from napari_ivos.errors import VideoError
from napari_ivos.sample_data._cells import make_cells
from napari_ivos.sample_data._clip import SampleClip
from napari_ivos.sample_data._natural import make_natural

__all__ = ["SampleClip", "cells", "list_clips", "load", "natural"]


@cache
def cells() -> SampleClip:
    """Fluorescent cells that crawl, deform, touch, divide, leave and enter, while they bleach.

    Returns
    -------
    SampleClip
        64 frames of 256 × 320. Made once (in a second or two), then kept.
    """
    return make_cells()


@cache
def natural() -> SampleClip:
    """Two fish before a sandy bottom, seen by a panning camera, that pass behind a rock.

    Returns
    -------
    SampleClip
        64 frames of 240 × 432. Made once (in a second or two), then kept.
    """
    return make_natural()


_CLIPS: dict[str, Callable[[], SampleClip]] = {"cells": cells, "natural": natural}


def list_clips() -> tuple[str, ...]:
    """Names of the clips that `load` knows."""
    return tuple(_CLIPS)


def load(name: str) -> SampleClip:
    """Give the clip called `name`.

    Raises
    ------
    VideoError
        There is no such clip.
    """
    if name not in _CLIPS:
        raise VideoError(
            f"There is no sample clip called '{name}'.", f"Choose one of: {', '.join(_CLIPS)}."
        )
    return _CLIPS[name]()
