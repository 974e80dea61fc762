"""Data sets to evaluate on: the DAVIS layouts, and any pair of folders of frames and label maps."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_ivos.errors import VideoError
from napari_ivos.evaluation.truth import Truth
from napari_ivos.scribbles.davis import DavisScribbles, read_davis
from napari_ivos.video import Video, open_video
from napari_ivos.video._source import as_video_error

FRAMES, LABELS, SCRIBBLES, SETS = "JPEGImages", "Annotations", "Scribbles", "ImageSets"
_RESOLUTIONS = ("480p", "Full-Resolution", "1080p", "")
# DAVIS 2017 first; DAVIS 2016 keeps its lists under the name of the resolution.
_SET_FOLDERS = ("2017", "2016", "480p", "1080p", "")
_MAX_LIST_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class EvaluationSequence:
    """One video, and where it stands what is right about it."""

    name: str
    frames: Path
    """Folder of pictures, or anything else that `open_video` reads."""
    labels: Path
    """Folder of label maps, for all frames or some of them."""
    scribbles: tuple[tuple[int, Path], ...] = ()
    """What people drew in round 1: numbers from 1 on, and the files; may be empty."""

    def open(self) -> Video:
        """Open the video."""
        return open_video(self.frames)

    def truth(self, video: Video) -> Truth:
        """The label maps of the opened video."""
        return Truth.find(self.name, self.labels, self.frames, video)

    def scribble(self, number: int) -> DavisScribbles | None:
        """What people drew in round 1; None where there is no such file."""
        file = dict(self.scribbles).get(number)
        return None if file is None else read_davis(file)


def open_dataset(
    path: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    sequences: Iterable[str] = (),
    subset: str = "val",
) -> list[EvaluationSequence]:
    """Find the sequences of a data set, without reading any frame.

    Parameters
    ----------
    path : path-like
        A folder of the DAVIS or YouTube-VOS layout (``JPEGImages`` and ``Annotations``); with
        `labels` the frames of one video, or a folder of such folders.
    labels : path-like, optional
        The label maps that belong to `path`, in folders of the same names.
    sequences : iterable of str
        Names of those to take; empty: those of the subset, or all.
    subset : str
        Name of a list of the DAVIS layout (``ImageSets/2017/SUBSET.txt``); where there is no list
        "val", all sequences count.

    Returns
    -------
    list of EvaluationSequence
        By name.

    Raises
    ------
    VideoError
        There is no such data set, sequence or list.
    """
    root = Path(path).expanduser().absolute()
    listed: list[str] | None = None
    with as_video_error(f"{root} cannot be read.", "Check the path, and that you may read it."):
        if not root.exists():
            raise VideoError(f"There is no folder {root}.", "Check the path of the data set.")
        if labels is not None:
            found = _pair(root, Path(labels).expanduser().absolute())
        else:
            found = _davis(root)
            listed = _subset(root, subset)
    by_name = {sequence.name: sequence for sequence in found}
    wanted = list(dict.fromkeys(sequences)) or listed or list(by_name)
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise VideoError(
            f"There is no sequence '{missing[0]}' in {root}.",
            f"There is: {', '.join(sorted(by_name)[:20])}{' …' if len(by_name) > 20 else ''}.",
        )
    return [by_name[name] for name in sorted(wanted)]


def _pair(frames: Path, labels: Path) -> list[EvaluationSequence]:
    if not labels.is_dir():
        raise VideoError(f"There is no folder of label maps {labels}.", "Check the path.")
    inner = [name for name in _folders(frames) if (labels / name).is_dir()]
    if inner:
        return [EvaluationSequence(name, frames / name, labels / name) for name in inner]
    return [EvaluationSequence(frames.stem, frames, labels)]


def _davis(root: Path) -> list[EvaluationSequence]:
    for resolution in _RESOLUTIONS:
        frames, labels = root / FRAMES / resolution, root / LABELS / resolution
        names = [name for name in _folders(frames) if (labels / name).is_dir()]
        if names:
            return [
                EvaluationSequence(
                    name, frames / name, labels / name, _scribbles(root / SCRIBBLES / name)
                )
                for name in names
            ]
    raise VideoError(
        f"{root} has not the layout of DAVIS: {FRAMES}/480p/SEQUENCE and {LABELS}/480p/SEQUENCE.",
        "Give the folder that holds these two, or the label maps with --labels FOLDER.",
    )


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _scribbles(folder: Path) -> tuple[tuple[int, Path], ...]:
    """Scribble files by the number that their names begin with."""
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    numbers = [re.match(r"\d+", file.stem) for file in files]
    given = [int(match.group()) for match in numbers if match]
    if len(set(given)) == len(files) and all(number > 0 for number in given):
        return tuple(sorted(zip(given, files, strict=True)))
    return tuple(enumerate(files, start=1))


def _subset(root: Path, subset: str) -> list[str] | None:
    for folder in _SET_FOLDERS:
        file = root / SETS / folder / f"{subset}.txt"
        if file.is_file():
            return _read_list(file)
    if subset != "val":
        raise VideoError(f"{root} has no list of sequences '{subset}'.", "Choose another subset.")
    return None


def _read_list(file: Path) -> list[str]:
    """Names in a list: one a line, or DAVIS 2016's lines of ``/JPEGImages/480p/NAME/00000.jpg``."""
    try:
        if file.stat().st_size > _MAX_LIST_BYTES:
            raise VideoError(f"The list {file} is larger than 16 MiB.")
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise VideoError(f"The list {file} cannot be read.", "Is it a text file?") from error
    return list(dict.fromkeys(_name(line.strip()) for line in lines if line.strip()))


def _name(line: str) -> str:
    parts: Sequence[str] = line.split(maxsplit=1)[0].split("/")
    # A name by itself may have spaces in it.
    return parts[-2] if len(parts) > 1 else line
