"""Made-up weights for the methods that need a checkpoint: what each writes into a folder."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch

from methods.golden import atnet_case, gis_case, ipnet_case


def _one_file(case: ModuleType) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "weights.pth"
        torch.save(case.state(), path)
        return path

    return write


WRITE = {
    "atnet": _one_file(atnet_case),
    "gis": _one_file(gis_case),
    "ipnet": ipnet_case.save,
}
"""By method; each gives the file or the folder that the method takes."""
