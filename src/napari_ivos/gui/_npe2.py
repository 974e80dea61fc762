"""What the manifest names: readers, writers, sample data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from napari_ivos.errors import ExportError, ProjectError
from napari_ivos.export import export_masks
from napari_ivos.sample_data import load
from napari_ivos.types import ObjectId
from napari_ivos.video import Video, open_video

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Give napari the reader of media files; several paths become several layers."""
    return read_videos if path else None


def read_videos(path: str | list[str]) -> list[LayerData]:
    """Open media files as lazily read RGB image layers.

    Raises
    ------
    VideoError
        A file cannot be read.
    """
    paths = [path] if isinstance(path, str) else path
    return [image_layer(open_video(one)) for one in paths]


def get_project_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """Give napari what opens a project folder; only one at a time can be open."""
    return read_project if isinstance(path, str) or len(path) == 1 else None


def read_project(path: str | list[str]) -> list[Any]:
    """Open a project in the dock, which is opened as well; the layers come with its session.

    Raises
    ------
    ProjectError
        There is no window.
    """
    import napari

    viewer = napari.current_viewer()
    if viewer is None:
        raise ProjectError("A project is opened in a window.", "In scripts use Session.open(path).")
    _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
    dock.controller.projects.open(Path(path if isinstance(path, str) else path[0]).absolute())
    # What napari takes for: read, and there is no layer to add.
    return [(None,)]


def image_layer(video: Video) -> LayerData:
    """Layer of a (T, H, W, 3) video that napari reads frame by frame."""
    # Without these, napari would read frames to guess them.
    given = {"name": video.name, "rgb": True, "contrast_limits": (0, 255), "multiscale": False}
    return video, given, "image"


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a (T, H, W) labels layer, in the format that the path says.

    Raises
    ------
    ExportError
        The layer is not (T, H, W), or the file cannot be written.
    """
    if np.ndim(data) != 3:
        raise ExportError(
            f"The layer '{meta.get('name', '')}' has {np.ndim(data)} dimensions, not 3.",
            "Only labels of a video (time, y, x) can be exported.",
        )
    ids = sorted({int(i) for t in range(len(data)) for i in np.unique(data[t])} - {0})
    export_masks(path, data, objects=[_Named(i, f"object {i}") for i in ids])
    return [path]


@dataclass(frozen=True, slots=True)
class _Named:
    id: ObjectId
    name: str


def sample(name: str) -> list[LayerData]:
    """One of the built-in clips as an image layer."""
    clip = load(name)
    given = {"name": clip.name, "rgb": True, "contrast_limits": (0, 255), "multiscale": False}
    return [(clip.frames, given, "image")]


cells = partial(sample, "cells")
natural = partial(sample, "natural")
