"""What a project folder is made of, and how one is told from other folders."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_ivos.errors import ProjectError
from napari_ivos.session import _reference
from napari_ivos.session._disk import what_to_do
from napari_ivos.video import Video, open_video

FORMAT = "napari-ivos project"
VERSION = 1

HEAD, JOURNAL, FRAMES = "project.json", "journal.jsonl", "frames"
_LOCKS = frozenset({"lock", "owner.json"})
_OWN = _LOCKS | {HEAD, f"{HEAD}.part", JOURNAL, FRAMES}
_MOST_BYTES = 2**20


def is_project(path: Path) -> bool:
    """Whether a path is a project folder.

    Raises
    ------
    ProjectError
        Nobody may look, or there can be no such path.
    """
    try:
        return (path / HEAD).is_file()
    except OSError as error:
        raise ProjectError(f"The folder '{path}' cannot be read: {error.strerror}.") from error


def read_head(path: Path) -> dict[str, Any]:
    """What the file `project.json` says.

    Raises
    ------
    ProjectError
        There is none, it is damaged, or it is of a version to come.
    """
    if not path.is_dir():
        raise ProjectError(f"There is no project folder '{path}'.", "Check the path.")
    if not is_project(path):
        raise ProjectError(
            f"The folder '{path}' is no project of napari-ivos.", f"It has no file {HEAD}."
        )
    if any((path / name).is_symlink() for name in _OWN):
        raise ProjectError(
            f"The project '{path}' has links in place of files, which may lead anywhere.",
            "Put the files themselves there.",
        )
    try:
        with (path / HEAD).open("rb") as stream:
            content: dict[str, Any] = json.loads(stream.read(_MOST_BYTES))
        _check_version(content, path)
        content["video"] = _reference.check_known(content["video"])
    except OSError as error:
        raise ProjectError(f"'{path / HEAD}' cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProjectError(
            f"The file '{path / HEAD}' is damaged.", "Take the project from a backup."
        ) from error
    return content


def _check_version(content: dict[str, Any], path: Path) -> None:
    if content["format"] != FORMAT or type(content["version"]) is not int:
        raise ValueError("it is something else")
    if content["version"] > VERSION:
        raise ProjectError(
            f"The project '{path}' was made by a newer napari-ivos (format "
            f"{content['version']}; this one reads up to {VERSION}).",
            "Update napari-ivos.",
        )


def the_video(head: dict[str, Any], path: Path, video: Any) -> Video:
    """The video of a project: the one given, or else where the project says; checked."""
    known = head["video"]
    found = _reference.find_video(known, path) if video is None else open_video(video)
    try:
        _reference.check_video(known, found, path)
    except BaseException:
        if found is not video:
            found.close()
        raise
    return found


def head_of(video: Video, path: Path) -> str:
    """The content of `project.json`.

    Raises
    ------
    VideoError
        A frame of the video cannot be read.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "program": version("napari-ivos"),
        "video": _reference.describe(video, path),
    }
    return json.dumps(content, indent=1)


def remember_place(head: dict[str, Any], path: Path, video: Video) -> None:
    """Write down where the video of a project lies, if that is another place than was known.

    Raises
    ------
    ProjectError
        The folder cannot be written to.
    """
    known = head["video"] | _reference.place_of(video, path)
    if known == head["video"]:
        return
    part = path / f"{HEAD}.part"
    try:
        part.write_text(json.dumps(head | {"video": known}, indent=1), encoding="utf-8")
        part.replace(path / HEAD)
    except OSError as error:
        raise not_written(path, error) from error


def make_folder(path: Path) -> bool:
    """Make room for a project; gives whether the folder itself is new."""
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise ProjectError(
                f"'{path}' is a file, not a folder.", "Choose another name."
            ) from None
        names = {file.name for file in path.iterdir()}
        # One that was being made when the program ended is made anew.
        if HEAD in names or not names <= _OWN:
            raise ProjectError(
                f"The folder '{path}' holds other files, which stay as they are.",
                "Choose a new or an empty folder.",
            ) from None
        return False
    except FileNotFoundError:
        raise ProjectError(
            f"There is no folder '{path.parent}' to make a project in.", "Make it first."
        ) from None
    except OSError as error:
        raise not_written(path, error) from error
    return True


def clear(path: Path, made: bool) -> None:
    """Take away what a project that came to nothing left."""
    if made:
        shutil.rmtree(path, ignore_errors=True)
        return
    shutil.rmtree(path / FRAMES, ignore_errors=True)
    for name in _OWN - _LOCKS - {FRAMES}:
        (path / name).unlink(missing_ok=True)


def not_written(path: Path, error: OSError) -> ProjectError:
    """What to tell when a project folder cannot be written to."""
    return ProjectError(
        f"The project folder '{path}' cannot be written to: {error.strerror}.", what_to_do(error)
    )
