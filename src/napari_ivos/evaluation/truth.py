"""What is right about a video: label maps of all its frames, or of some."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_ivos.errors import VideoError
from napari_ivos.evaluation._labels import LABEL_SUFFIXES, has_void, read_labels
from napari_ivos.types import LabelMap, ObjectId
from napari_ivos.video import Video

_MANY = 32
"""So many values on a map make it worth a look whether it is one."""
_BYTE = 255
_ALIKE = 0.75
"""Of pairs of neighbouring pixels that are labelled, in maps of objects four pixels wide."""


class Truth:
    """The right label maps of a video, read one at a time.

    Parameters
    ----------
    name : str
        The sequence's, for messages.
    files : mapping of int to Path
        Label maps by frame.
    length : int
        Frames of the video.
    size : (H, W)

    Raises
    ------
    VideoError
        A label map cannot be read, or there is no object on any.
    """

    def __init__(
        self, name: str, files: Mapping[int, Path], length: int, size: tuple[int, int]
    ) -> None:
        self.length, self.size = length, size
        self._files = dict(sorted(files.items()))
        self._areas: dict[int, dict[ObjectId, int]] = {}
        for index, path in self._files.items():
            labels = read_labels(path, size)
            values, counts = np.unique(labels, return_counts=True)
            if not self._areas and len(values) > _MANY and _like_a_photograph(labels):
                raise VideoError(
                    f"The label map {path.name} of {name} looks like a photograph: it has "
                    f"{len(values)} values, which change from pixel to pixel.",
                    "Give pictures whose values are the objects' ids.",
                )
            self._areas[index] = dict(zip(values.tolist(), counts.tolist(), strict=True))
        ids = set().union(*self._areas.values()) - {0}
        # DAVIS 2016 marks its one object by 255.
        self._single = ids == {255}
        self._void = has_void(ids)
        if self._void:
            ids.discard(255)
        if not ids:
            raise VideoError(f"The label maps of {name} hold no object.")
        self.objects: tuple[ObjectId, ...] = (1,) if self._single else tuple(sorted(ids))
        """Ids of all objects that ever appear, ascending."""

    @classmethod
    def find(cls, name: str, labels: Path, frames: Path, video: Video) -> Truth:
        """Find out which label map belongs to which frame.

        Parameters
        ----------
        name : str
            The sequence's.
        labels : Path
            Folder of label maps.
        frames : Path
            Where the video came from; the names in a folder tell which frame is which.
        video : Video

        Raises
        ------
        VideoError
            There are no label maps, or they cannot be told apart.
        """
        from natsort import natsorted

        found: list[Path] = natsorted(
            path
            for path in labels.iterdir()
            if path.suffix.lower() in LABEL_SUFFIXES and not path.name.startswith(".")
        )
        names = _frame_names(frames, len(video))
        return cls(name, _match(name, found, names), len(video), video.shape[1:3])

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames with a label map, ascending: the ones that are scored."""
        return tuple(self._files)

    def __getitem__(self, frame: int) -> LabelMap:
        """(H, W) uint16 label map of one of `frames`."""
        labels = read_labels(self._files[frame], self.size)
        if self._single:
            return np.minimum(labels, np.uint16(1))
        if self._void:
            labels[labels == 255] = 0
        return labels

    def index(self, name: str) -> int | None:
        """The frame whose label map has this name (without its suffix); None: there is none."""
        stems = {path.stem: index for index, path in self._files.items()}
        return stems.get(name)

    def visible(self, frame: int) -> dict[ObjectId, int]:
        """Objects on one of `frames`, and their areas in pixels."""
        areas = dict(self._areas[frame])
        if self._single:
            return {1: areas[255]} if 255 in areas else {}
        return {number: areas[number] for number in self.objects if number in areas}


def _like_a_photograph(labels: LabelMap) -> bool:
    """Whether bytes beside each other mostly differ, as they do in no map of objects."""
    if labels.max() > _BYTE:
        return False
    left, right = labels[:, :-1], labels[:, 1:]
    pairs = (left > 0) & (right > 0)
    return bool(np.mean((left == right)[pairs]) < _ALIKE) if pairs.any() else False


def _frame_names(frames: Path, length: int) -> list[str]:
    if frames.is_dir():
        from napari_ivos.video import list_pictures

        names = [path.stem for path in list_pictures(frames)]
        if len(names) == length:
            return names
    return [f"{index:05d}" for index in range(length)]


def _match(name: str, found: Sequence[Path], names: Sequence[str]) -> dict[int, Path]:
    """Label maps by frame: of the same name, or number, or as many in the same order."""
    if not found:
        raise VideoError(
            f"There are no label maps of {name}.",
            f"They must be pictures of the kinds {', '.join(sorted(LABEL_SUFFIXES))}.",
        )
    for key in (str, _number):
        known = {key(frame): index for index, frame in enumerate(names)}
        keys = [key(path.stem) for path in found]
        if len(known) == len(names) and len(set(keys)) == len(keys) and set(keys) <= set(known):
            return {known[word]: path for word, path in zip(keys, found, strict=True)}
    if len(found) == len(names):
        return dict(enumerate(found))
    raise VideoError(
        f"It is not clear which frames the {len(found)} label maps of {name} belong to: "
        f"the {len(names)} frames have other names.",
        "Give each label map the name of its frame.",
    )


def _number(word: str) -> str:
    """The last number in a name, without leading zeros."""
    digits = re.findall(r"\d+", word)
    return str(int(digits[-1])) if digits else ""
