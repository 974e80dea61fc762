"""A project folder becomes a session and a layer that shows its video."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ivos.errors import ProjectVideoError, VideoError
from napari_ivos.gui._layers import unwrapped
from napari_ivos.sample_data import list_clips, load
from napari_ivos.session import Session
from napari_ivos.video import Video, open_video

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_ivos.gui._controller import Controller


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A session that goes on, and its video, which is its owner's to close."""

    session: Session
    video: Video
    layer: Image | None
    """The layer that the video was taken from."""
    name: str = ""
    """What to call the layer, if one is made."""

    def close(self) -> None:
        """Let go of both."""
        self.session.close()
        self.video.close()


def reader_of(image: Image) -> Video:
    """A reader of an image layer's frames of one's own: it must not hold up scrubbing.

    Raises
    ------
    VideoError
        The layer is no video.
    """
    return image.data.reopen() if isinstance(image.data, Video) else open_video(image)


def open_project(
    open_session: Callable[..., Session], path: Path, video: Path | None, layers: list[Image]
) -> Opened:
    """Open a project; in any thread.

    Parameters
    ----------
    open_session : callable
        `Session.open`.
    path : Path
    video : Path, optional
        Where its video is now.
    layers : list of Image
        Where it may be found when it is not where it was. The built-in clips are looked at, too.

    Raises
    ------
    ProjectVideoError
        It is nowhere.
    ProjectError, VideoError
        As `Session.open`.
    """
    try:
        session = open_session(path, video)
    except ProjectVideoError as missing:
        if video is None:
            for layer in layers:
                found = _on_layer(open_session, path, layer)
                if found is not None:
                    return found
            clip = _on_clip(open_session, path)
            if clip is not None:
                return clip
        raise missing
    return Opened(session, session.video, None)


def _on_layer(open_session: Callable[..., Session], path: Path, layer: Image) -> Opened | None:
    try:
        reader = reader_of(layer)
    except VideoError:
        return None
    try:
        return Opened(open_session(path, reader), reader, layer)
    except ProjectVideoError:
        reader.close()
        return None
    except BaseException:
        reader.close()
        raise


def _on_clip(open_session: Callable[..., Session], path: Path) -> Opened | None:
    """The project, if it is about a built-in clip, which lies in no file."""
    for name in list_clips():
        reader = open_video(load(name).frames)
        with suppress(ProjectVideoError):
            return Opened(open_session(path, reader), reader, None, name)
    return None


def layer_of(controller: Controller, found: Opened) -> Image:
    """The layer that shows the video of a project; one is made where there is none."""
    from napari_ivos.gui._npe2 import image_layer

    layers = controller.suitable_layers()
    if found.layer is not None and found.layer in layers:
        return found.layer
    for layer in layers:
        if isinstance(layer.data, Video) and _same(layer.data, found.video):
            return layer
    data, given, _ = image_layer(found.video.reopen())
    name = found.name or given["name"]
    made: Image = unwrapped(controller.viewer.add_image(data, **given | {"name": name}))
    return made


def _same(one: Video, other: Video) -> bool:
    # What comes from no file is told by nothing.
    known = one.source is not None
    return known and (one.source, one.axes, one.channels) == (
        other.source,
        other.axes,
        other.channels,
    )
