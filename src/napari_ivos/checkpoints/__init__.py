"""The authors' published weights: what there is, where it lies, and how to get it."""

from napari_ivos.checkpoints._download import Patience, Progress, download
from napari_ivos.checkpoints._locate import (
    ENVIRONMENT,
    find,
    install,
    locate,
    match,
    missing_message,
    search_folders,
    user_folder,
)
from napari_ivos.checkpoints._records import (
    Checkpoint,
    CheckpointFile,
    get_checkpoint,
    list_checkpoints,
)

__all__ = [
    "ENVIRONMENT",
    "Checkpoint",
    "CheckpointFile",
    "Patience",
    "Progress",
    "download",
    "find",
    "get_checkpoint",
    "install",
    "list_checkpoints",
    "locate",
    "match",
    "missing_message",
    "search_folders",
    "user_folder",
]
