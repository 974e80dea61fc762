"""Images with masks from which pseudo-videos are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import IvosError
from napari_ivos.types import AnyArray, LabelMap

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

_IGNORE = 255


@dataclass(frozen=True, slots=True)
class Set:
    """One folder of images with masks."""

    name: str
    kind: str
    """"photo" (one figure each), "cells" (instances) or "video" (a folder a sequence)."""
    free: bool
    """Whether its licence permits any use."""


SETS = (
    Set("dsb2018", "cells", True),
    Set("oxford_pets600", "photo", True),
    Set("ecssd", "photo", False),
    Set("weizmann_horse", "photo", False),
    Set("isbi2012_em", "cells", False),
    Set("ctc_sim_02", "cells", False),
    Set("ctc_msc_gowt1_stills", "cells", False),
    Set("davis2016_train", "video", False),
)


class Sources:
    """The images of some sets.

    Parameters
    ----------
    folder : Path
        Holds a folder a set, with `images` and `masks`.
    free_only : bool
        Only sets whose licence permits any use.

    Raises
    ------
    IvosError
        There is none of the sets.
    """

    def __init__(self, folder: Path, *, free_only: bool) -> None:
        self._paths: dict[str, list[list[Path]]] = {"photo": [], "cells": [], "video": []}
        for one in SETS:
            if one.free or not free_only:
                self._paths[one.kind] += [_images(folder / one.name, one.kind)]
        if not any(paths for sets in self._paths.values() for paths in sets):
            raise IvosError(
                f"There is none of the training sets in {folder}.", "Give their folder."
            )

    def photo(self, rng: np.random.Generator) -> tuple[Picture, LabelMap]:
        """A photograph and its figure."""
        return self._still("photo", rng)

    def cells(self, rng: np.random.Generator) -> tuple[Picture, LabelMap]:
        """A micrograph and its instances."""
        return self._still("cells", rng)

    @property
    def has_videos(self) -> bool:
        """Whether there are real videos."""
        return any(self._paths["video"])

    def video(self, rng: np.random.Generator, length: int) -> list[tuple[Picture, LabelMap]]:
        """Consecutive frames of a real video, either way round."""
        folders = _one_of([paths for paths in self._paths["video"] if paths], rng)
        files = sorted(_one_of(folders, rng).iterdir())
        start = int(rng.integers(max(len(files) - length, 0) + 1))
        chosen = files[start : start + length]
        return [read_pair(path) for path in (chosen if rng.random() < 0.5 else chosen[::-1])]

    def _still(self, kind: str, rng: np.random.Generator) -> tuple[Picture, LabelMap]:
        # Large sets count for more, but not by as much as they are larger.
        sets = [paths for paths in self._paths[kind] if paths]
        weights = np.sqrt([len(paths) for paths in sets])
        chosen = sets[int(rng.choice(len(sets), p=weights / weights.sum()))]
        return read_pair(_one_of(chosen, rng))


def read_pair(path: Path) -> tuple[Picture, LabelMap]:
    """An image and the mask beside it; what its makers left open goes to whatever is nearer."""
    image = _read(path, cv2.IMREAD_COLOR)[..., ::-1]
    where = Path(str(path).replace("/images/", "/masks/")).with_suffix(".png")
    labels = _read(where, cv2.IMREAD_UNCHANGED)
    if labels.ndim == 3:
        labels = labels[..., 0]
    labels = labels.astype(np.uint16)
    if labels.max() == _IGNORE and len(np.unique(labels)) <= 3:
        known = labels != _IGNORE
        near_figure = cv2.distanceTransform((labels != 1).astype(np.uint8), cv2.DIST_L2, 5)
        near_ground = cv2.distanceTransform((labels != 0).astype(np.uint8), cv2.DIST_L2, 5)
        labels = np.where(known, labels, near_figure < near_ground).astype(np.uint16)
    return np.ascontiguousarray(image), labels


def _read(path: Path, how: int) -> AnyArray:
    found = cv2.imread(str(path), how)
    if found is None:
        raise IvosError(f"{path} cannot be read as an image.", "Get the training set again.")
    return np.asarray(found)


def _images(folder: Path, kind: str) -> list[Path]:
    if kind == "video":
        return (
            sorted(path / "images" for path in folder.iterdir() if path.is_dir())
            if (folder.is_dir())
            else []
        )
    return sorted((folder / "images").glob("*.*"))


def _one_of(paths: Sequence[Path] | Sequence[list[Path]], rng: np.random.Generator):  # type: ignore[no-untyped-def]
    return paths[int(rng.integers(len(paths)))]
