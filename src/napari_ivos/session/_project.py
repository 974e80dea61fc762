"""The folder that a session lives in: its journal, its masks, and who has it open.

Each session has one. Without a project it is a temporary folder that goes when the session closes.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_ivos.errors import ProjectError
from napari_ivos.session._codec import encode_change
from napari_ivos.session._folder import (
    FRAMES,
    JOURNAL,
    is_project,
    not_written,
    read_head,
    remember_place,
    the_video,
)
from napari_ivos.session._history import Change, History
from napari_ivos.session._journal import Journal
from napari_ivos.session._lock import FolderLock
from napari_ivos.session._restore import Settings, restore
from napari_ivos.session._saving import Saving
from napari_ivos.session._store import FrameStore
from napari_ivos.session._sync import Syncer
from napari_ivos.video import Video


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
        self._former: list[tuple[Journal, FolderLock | None, Syncer | None, Any]] = []
        history.record = self._record
        with history.step():
            history.note("open", settings.written(version("napari-ivos")))

    @property
    def path(self) -> Path | None:
        """The project folder; None while it is a temporary one."""
        return self._folder if self._remove is None else None

    @property
    def journal(self) -> Journal:
        """Where each action is written down."""
        return self._journal

    @classmethod
    def temporary(cls, settings: Settings, cache_bytes: int) -> Project:
        """A new one that nobody can open later."""
        folder = Path(tempfile.mkdtemp(prefix="napari-ivos-"))
        (folder / FRAMES).mkdir()
        store = FrameStore(folder / FRAMES, cache_bytes)
        history = History(settings.state)
        made = cls(folder, Journal(folder / JOURNAL), store, history, settings)
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
            found = restore(path / JOURNAL, len(source))
            assert found.settings is not None
            frames = path / FRAMES
            sync = Syncer(frames)
            try:
                frames.mkdir(exist_ok=True)
                store = FrameStore(frames, cache_bytes, sync.file_written, source.shape[1:3])
            except OSError as error:
                raise not_written(path, error) from error
            undoing.callback(store.close)
            journal = Journal(
                path / JOURNAL, found.checksum, found.end, sync.check, sync.line_written
            )
            undoing.callback(journal.close)
            how = settings or found.settings
            made = cls(path, journal, store, found.history, how, found.interrupted)
            store.keep_only(found.history.all_keys(), found.highest)
            remember_place(head, path, source)
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
        saving = Saving(self, path, video)
        for _ in saving.run():
            pass
        try:
            saving.commit()
        finally:
            saving.tidy()

    def settle(self, folder: Path, journal: Journal, lock: FolderLock, sync: Syncer) -> None:
        """Go on in a folder that is filled already; the former one is to be let go of."""
        former = (self._journal, self._lock, self._sync, self._remove)
        self._former.append(former)
        self._folder, self._journal, self._lock, self._sync = folder, journal, lock, sync
        self._remove = None

    def let_go_of_former(self) -> None:
        """Let go of folders that the session left; in any thread."""
        while self._former:
            _let_go(*self._former.pop())

    def check_open(self) -> None:
        """Whether it was not closed yet.

        Raises
        ------
        ProjectError
            It was.
        """
        if self.history.record == _closed:
            _closed([])

    def close(self) -> None:
        """Let go of the folder; a temporary one goes."""
        if self.history.record != _closed:
            self.history.record = _closed
            self.store.close()
            self.let_go_of_former()
            _let_go(self._journal, self._lock, self._sync, self._remove)

    def _record(self, changes: list[Change]) -> None:
        line = [written for change in changes if (written := encode_change(change))]
        if line:
            self._journal.append(line)


def _let_go(journal: Journal, lock: FolderLock | None, sync: Syncer | None, remove: Any) -> None:
    if sync is not None:
        sync.close()
    journal.close()
    if lock is not None:
        lock.release()
    if remove is not None:
        remove()


def _closed(_: list[Change]) -> None:
    raise ProjectError("This session is closed.", "Open it again.")
