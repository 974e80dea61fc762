"""Published weights: what there is, where it lies, how to get it.

Knows files and servers, not networks: whether a file's tensors fit a method is asked of a function
that is passed in (`napari_ivos.methods.weights.verify`), because only the methods know torch.
"""

from napari_ivos.checkpoints._connection import Patience
from napari_ivos.checkpoints._download import Check, Progress, download
from napari_ivos.checkpoints._files import install
from napari_ivos.checkpoints._locate import (
    ENVIRONMENT,
    cache_folder,
    find,
    find_file,
    locate,
    places,
    require,
)
from napari_ivos.checkpoints._records import (
    Checkpoint,
    WeightFile,
    get_checkpoint,
    list_checkpoints,
)

__all__ = [
    "ENVIRONMENT",
    "Check",
    "Checkpoint",
    "Patience",
    "Progress",
    "WeightFile",
    "cache_folder",
    "download",
    "find",
    "find_file",
    "get_checkpoint",
    "install",
    "list_checkpoints",
    "locate",
    "places",
    "require",
]
