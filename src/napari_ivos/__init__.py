"""Interactive video object segmentation: a few strokes, masks in every frame.

The names below are loaded when they are first used, so that ``import napari_ivos`` loads neither
torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_ivos.methods import list_methods
    from napari_ivos.session import Session
    from napari_ivos.video import open_video

    __version__: str

__all__ = ["Session", "__version__", "list_methods", "open_video"]

_HOME = {
    "Session": "napari_ivos.session",
    "list_methods": "napari_ivos.methods",
    "open_video": "napari_ivos.video",
}


def __getattr__(name: str) -> object:
    value: object
    if name == "__version__":
        from importlib.metadata import version

        value = version("napari-ivos")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
