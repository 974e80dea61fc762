"""Frames in: movies, stacks, folders of pictures and arrays, all as (T, H, W, 3) uint8."""

from napari_ivos.video._channels import Channels
from napari_ivos.video._folder import list_pictures
from napari_ivos.video._label_pictures import LABEL_SUFFIXES, read_label_picture
from napari_ivos.video._labels import LabelStack, open_labels
from napari_ivos.video._mapping import IntensityMapping
from napari_ivos.video._open import open_video
from napari_ivos.video._video import DEFAULT_CACHE_BYTES, Video

__all__ = [
    "DEFAULT_CACHE_BYTES",
    "LABEL_SUFFIXES",
    "Channels",
    "IntensityMapping",
    "LabelStack",
    "Video",
    "list_pictures",
    "open_labels",
    "open_video",
    "read_label_picture",
]
