"""The folder that a session lives in: its journal, its masks, and who has it open.

Each session has one. Without a project it is a temporary folder that goes when the session closes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_ivos.errors import ProjectError
from napari_ivos.session import _reference
from napari_ivos.session._codec import encode_change
from napari_ivos.session._history import Change, History
from napari_ivos.session._journal import Journal
from napari_ivos.session._lock import FolderLock
from napari_ivos.session._restore import Settings, restore
from napari_ivos.session._store import FrameStore, what_to_do
from napari_ivos.session._sync import Syncer
from napari_ivos.video import Video, open_video

FORMAT = "napari-ivos project"
VERSION = 1

_HEAD, _JOURNAL, _FRAMES = "project.json", "journal.jsonl", "frames"
_OWN = frozenset({_HEAD, f"{_HEAD}.part", _JOURNAL, _FRAMES, "lock", "owner.json"})
_MOST_BYTES = 2**20


class Project:
    """Where a session's state lies. Made by `temporary`, `create` and `reopen`.

    Parameters
    ----------
    folder : Path
        With a journal and a folder of masks.
    journal, store, history, settings
        What is in it.
    interrupted : tuple of int
        Frames whose propagation was cut off when the program ended.
    """

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        store: FrameStore,
        history: History,
        settings: Settings,
        interrupted: tuple[int, ...] = (),
    ) -> None:
        self._folder, self._journal = folder, journal
        self.store, self.history, self.settings = store, history, settings
        self.interrupted = interrupted
        self._lock: FolderLock | None = None
        self._sync: Syncer | None = None
        self._remove: weakref.finalize[..., Any] | None = None
        history.record = self._record
        with history.step():
            history.note("open", settings.written(version("napari-ivos")))

    @property
    def path(self) -> Path | None:
        """The project folder; None while it is a temporary one."""
        return self._folder if self._remove is None else None

    @classmethod
    def temporary(cls, settings: Settings, cache_bytes: int) -> Project:
        """A new one that nobody can open later."""
        folder = Path(tempfile.mkdtemp(prefix="napari-ivos-"))
        (folder / _FRAMES).mkdir()
        store = FrameStore(folder / _FRAMES, cache_bytes)
        history = History(settings.state)
        made = cls(folder, Journal(folder / _JOURNAL), store, history, settings)
        # Also when nobody closes it: at the latest when the program ends.
        made._remove = weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
        return made

    @classmethod
    def create(cls, path: Path, video: Video, settings: Settings, cache_bytes: int) -> Project:
        """A new project folder.

        Raises
        ------
        ProjectError
            The folder holds something else, or cannot be written to.
        """
        made = cls.temporary(settings, cache_bytes)
        try:
            made.save(path, video)
        except BaseException:
            made.close()
            raise
        return made

    @classmethod
    def reopen(
        cls, path: Path, video: Any, cache_bytes: int, settings: Settings | None = None
    ) -> tuple[Project, Video]:
        """Open a project folder, and its video unless one is given.

        Raises
        ------
        ProjectError
            It is none, somebody else has it open, it is damaged, or the video is another one.
        VideoError
            The video cannot be read.
        """
        head = read_head(path)
        with ExitStack() as undoing:
            lock = FolderLock(path)
            undoing.callback(lock.release)
            source = the_video(head, path, video)
            found = restore(path / _JOURNAL, len(source))
            assert found.settings is not None
            frames = path / _FRAMES
            sync = Syncer(frames)
            try:
                frames.mkdir(exist_ok=True)
                store = FrameStore(frames, cache_bytes, sync.file_written, source.shape[1:3])
            except OSError as error:
                raise _not_written(path, error) from error
            undoing.callback(store.close)
            journal = Journal(path / _JOURNAL, found.checksum, found.end, sync.line_written)
            undoing.callback(journal.close)
            how = settings or found.settings
            made = cls(path, journal, store, found.history, how, found.interrupted)
            store.keep_only(found.history.all_keys(), found.highest)
            undoing.pop_all()
        made._lock, made._sync = lock, sync
        sync.start(journal)
        return made, source

    def save(self, path: Path, video: Video) -> None:
        """Go on in another, new folder; a project that this one was stays as it is.

        Raises
        ------
        ProjectError
            The folder holds something else, or cannot be written to; then everything is as before.
        """
        if path == self.path and is_project(path):
            return
        made = _make_folder(path)
        with ExitStack() as undoing:
            if made:
                undoing.callback(_clear, path, made)
            lock, sync = FolderLock(path), Syncer(path / _FRAMES)
            undoing.callback(lock.release)
            if not made:
                _clear(path, made)
                undoing.callback(_clear, path, made)
            try:
                (path / _FRAMES).mkdir()
                head = path / f"{_HEAD}.part"
                head.write_text(_head(video, path), encoding="utf-8")
                (path / _JOURNAL).write_bytes(self._journal.content())
                journal = Journal(path / _JOURNAL, *self._journal.position, sync.line_written)
                undoing.callback(journal.close)
                lost = self.store.move(path / _FRAMES, sync.file_written)
                head.replace(path / _HEAD)
            except OSError as error:
                raise _not_written(path, error) from error
            undoing.pop_all()
        self._let_go()
        self._folder, self._journal, self._lock, self._sync = path, journal, lock, sync
        self._remove = None
        for file in (path / _HEAD, *(path / _FRAMES).iterdir()):
            sync.file_written(file)
        sync.start(journal)
        sync.line_written()
        if lost:
            raise ProjectError(
                f"The session goes on in '{path}', but {len(lost)} of its stored masks were lost "
                "together with the folder it was in.",
                "Look through the frames, and segment again what is missing.",
            )

    def close(self) -> None:
        """Let go of the folder; a temporary one goes."""
        if self.history.record != _closed:
            self.history.record = _closed
            self.store.close()
            self._let_go()

    def _let_go(self) -> None:
        if self._sync is not None:
            self._sync.close()
            self._sync = None
        self._journal.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._remove is not None:
            self._remove()

    def _record(self, changes: list[Change]) -> None:
        line = [written for change in changes if (written := encode_change(change))]
        if line:
            self._journal.append(line)


def is_project(path: Path) -> bool:
    """Whether a path is a project folder."""
    return (path / _HEAD).is_file()


def journal_of(path: Path) -> Path:
    """A project's journal."""
    return path / _JOURNAL


def frames_of(path: Path) -> Path:
    """A project's folder of masks."""
    return path / _FRAMES


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
            f"The folder '{path}' is no project of napari-ivos.", f"It has no file {_HEAD}."
        )
    if any((path / name).is_symlink() for name in _OWN):
        raise ProjectError(
            f"The project '{path}' has links in place of files, which may lead anywhere.",
            "Put the files themselves there.",
        )
    try:
        with (path / _HEAD).open("rb") as stream:
            content = json.loads(stream.read(_MOST_BYTES))
        if content["format"] != FORMAT or type(content["version"]) is not int:
            raise ValueError("it is something else")
        if content["version"] > VERSION:
            raise ProjectError(
                f"The project '{path}' was made by a newer napari-ivos (format "
                f"{content['version']}; this one reads up to {VERSION}).",
                "Update napari-ivos.",
            )
        content["video"] = _reference.check_known(content["video"])
    except OSError as error:
        raise ProjectError(f"'{path / _HEAD}' cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProjectError(
            f"The file '{path / _HEAD}' is damaged.", "Take the project from a backup."
        ) from error
    result: dict[str, Any] = content
    return result


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


def _head(video: Video, path: Path) -> str:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "program": version("napari-ivos"),
        "video": _reference.describe(video, path),
    }
    return json.dumps(content, indent=1)


def _make_folder(path: Path) -> bool:
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
        if _HEAD in names or not names <= _OWN:
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
        raise _not_written(path, error) from error
    return True


def _clear(path: Path, made: bool) -> None:
    """Take away what a project that came to nothing left."""
    if made:
        shutil.rmtree(path, ignore_errors=True)
        return
    shutil.rmtree(path / _FRAMES, ignore_errors=True)
    for name in _OWN - {_FRAMES, "lock", "owner.json"}:
        (path / name).unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> ProjectError:
    return ProjectError(
        f"The project folder '{path}' cannot be written to: {error.strerror}.", what_to_do(error)
    )


def _closed(_: list[Change]) -> None:
    raise ProjectError("This session is closed.", "Open it again.")
