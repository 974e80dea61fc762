"""Frames in: movies, stacks, folders of pictures and arrays, all as (T, H, W, 3) uint8."""

from napari_ivos.video._channels import Channels
from napari_ivos.video._folder import list_pictures
from napari_ivos.video._mapping import IntensityMapping
from napari_ivos.video._open import open_video
from napari_ivos.video._video import DEFAULT_CACHE_BYTES, Video

__all__ = [
    "DEFAULT_CACHE_BYTES",
    "Channels",
    "IntensityMapping",
    "Video",
    "list_pictures",
    "open_video",
]
