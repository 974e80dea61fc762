"""A session's move to another, new project folder, the slow part of it apart from the quick one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

from napari_ivos.errors import ProjectError, VideoError
from napari_ivos.session._disk import Key
from napari_ivos.session._folder import (
    FRAMES,
    HEAD,
    JOURNAL,
    clear,
    head_of,
    make_folder,
    not_written,
)
from napari_ivos.session._journal import Journal
from napari_ivos.session._lock import FolderLock
from napari_ivos.session._reference import is_same
from napari_ivos.session._store import FrameStore
from napari_ivos.session._sync import Syncer
from napari_ivos.video import Video, open_video


class Home(Protocol):
    """Where a session lives, as far as moving out of it is concerned; a `Project` is one."""

    store: FrameStore

    @property
    def journal(self) -> Journal:
        """Where each action is written down."""

    def settle(self, folder: Path, journal: Journal, lock: FolderLock, sync: Syncer) -> None:
        """Go on in a folder that is filled already."""

    def let_go_of_former(self) -> None:
        """Let go of folders that the session left."""


class Saving:
    """Made by `Session.plan_save`: `run` in a worker, then `commit`, or else `cancel`, then `tidy`.

    While it runs the session goes on where it is, and may be changed: what is new is taken along by
    `commit`.

    Parameters
    ----------
    home : Project
        Where the session lives now.
    path : Path
        Where it is to live; absolute.
    video : Video
        What the new folder says it is about.
    file : Path, optional
        Where a video that is an array in memory may be found again.
    """

    def __init__(self, home: Home, path: Path, video: Video, file: Path | None = None) -> None:
        self.path = path
        self._home, self._video, self._file = home, video, file
        self._undoing = ExitStack()
        self._lock: FolderLock | None = None
        self._sync = Syncer(path / FRAMES)
        self._copied: set[Key] = set()

    def run(self) -> Generator[int]:
        """Make the folder and copy what there is; in any thread, and cancelled by closing it.

        Yields
        ------
        int
            How many files are copied so far, from 0 on.

        Raises
        ------
        ProjectError
            The folder holds something else, or cannot be written to; it is as before then.
        VideoError
            A frame of the video cannot be read.
        """
        try:
            self._begin()
            yield 0
            for key in self._home.store.copy(self.path / FRAMES):
                self._copied.add(key)
                yield len(self._copied)
        except OSError as error:
            self.cancel()
            raise not_written(self.path, error) from error
        except Exception:
            self.cancel()
            raise

    def _begin(self) -> None:
        made = make_folder(self.path)
        if made:
            self._undoing.callback(clear, self.path, made)
        self._lock = FolderLock(self.path)
        self._undoing.callback(self._lock.release)
        if not made:
            clear(self.path, made)
            self._undoing.callback(clear, self.path, made)
        (self.path / FRAMES).mkdir()
        self._part.write_text(self._head(), encoding="utf-8")

    def _head(self) -> str:
        if self._video.source is None and self._file is not None:
            # It may be of a kind that is not read here, or one channel of it was taken.
            with suppress(VideoError), open_video(self._file) as found:
                if is_same(self._video, found):
                    return head_of(found, self.path)
        return head_of(self._video, self.path)

    def commit(self) -> None:
        """Let the session go on in the new folder; quick, and on the main thread.

        Raises
        ------
        ProjectError
            The folder cannot be written to; then everything is as before. Or masks are lost, since
            the folder that the session was in is gone; then it goes on in the new one all the same.
        """
        try:
            journal, lost = self._write()
        except OSError as error:
            self.cancel()
            raise not_written(self.path, error) from error
        except BaseException:
            self.cancel()
            raise
        self._undoing.pop_all()
        assert self._lock is not None
        self._home.settle(self.path, journal, self._lock, self._sync)
        for file in (self.path / HEAD, *(self.path / FRAMES).iterdir()):
            self._sync.file_written(file)
        self._sync.start(journal)
        self._sync.line_written()
        if lost:
            raise ProjectError(
                f"The session goes on in '{self.path}', but {len(lost)} of its stored masks were "
                "lost together with the folder it was in.",
                "Look through the frames, and segment again what is missing.",
            )

    def cancel(self) -> None:
        """Leave the session where it is, and take away what was made."""
        self._undoing.close()

    def tidy(self) -> None:
        """Let go of where the session was; takes its time, and may be called in any thread."""
        self._home.let_go_of_former()

    @property
    def _part(self) -> Path:
        return self.path / f"{HEAD}.part"

    def _write(self) -> tuple[Journal, list[Key]]:
        """Copy the rest; what makes the folder a project comes last."""
        former, store = self._home.journal, self._home.store
        (self.path / JOURNAL).write_bytes(former.content())
        journal = Journal(
            self.path / JOURNAL, *former.position, self._sync.check, self._sync.line_written
        )
        self._undoing.callback(journal.close)
        before = store.place
        lost = store.move((self.path / FRAMES, self._sync.file_written), self._copied)
        self._undoing.callback(store.move, before, None)
        self._part.replace(self.path / HEAD)
        return journal, lost
