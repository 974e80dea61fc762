"""The project folder of the session in the dock: kept, saved elsewhere, opened."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_ivos.errors import IvosError, ProjectVideoError
from napari_ivos.gui import _automatic
from napari_ivos.gui._opening import Opened, layer_of, open_project
from napari_ivos.gui._worker import Work, Worker
from napari_ivos.session import Session

if TYPE_CHECKING:
    from napari_ivos.gui._controller import Controller

OpenSession = Callable[..., Session]
Doing = Literal["", "saving", "opening"]
_EVERY = 20
"""Copied files between two words about the progress."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Slow work, and what to do with it afterwards on the main thread."""

    doing: Doing
    work: Work
    done: Callable[[Exception | None], None]
    cancelled: Callable[[], None]


def tell_where(kept: Path | None) -> None:
    """Have napari tell where the work of a session is whose dock is closed and tells nothing."""
    from napari.utils.notifications import show_info

    show_info(f"The dock was closed, and the session ended; {_where(kept)}.")


def _where(kept: Path | None) -> str:
    if kept is None:
        return "what was not exported is gone"
    return f"its work is kept in '{kept.stem}' (Project ▸ Open)"


class Projects(QObject):
    """Keeps each session in a folder, moves it, and opens those that there are.

    A session that nobody gave a place is kept automatically. All that is slow runs in a thread of
    its own, beside what the session computes.

    Parameters
    ----------
    controller : Controller
    open_session : callable
        `Session.open`, or something that is called like it.

    Signals
    -------
    changed : ()
        Another folder, or work with one has begun or ended.
    video_wanted : Path, str
        The video of this project is to be given, and why.
    """

    changed = Signal()
    video_wanted = Signal(object, str)

    def __init__(self, controller: Controller, open_session: OpenSession) -> None:
        super().__init__(controller)
        self.place: Path | None = None
        """Where the next session is to be kept; None: automatically."""
        self.count = 0
        """Files that are copied."""
        self._controller, self._open_session = controller, open_session
        self._session: Session | None = None
        self._task: _Task | None = None
        self._waiting: deque[Callable[[], _Task | None]] = deque()
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_arrived)
        self._worker.ended.connect(self._on_ended)
        controller.session_changed.connect(self._on_session)

    @property
    def doing(self) -> Doing:
        """What is going on."""
        return "" if self._task is None else self._task.doing

    @property
    def path(self) -> Path | None:
        """The folder that the session lives in; None: it goes with the session."""
        session = self._controller.session
        return None if session is None else session.project

    @property
    def automatic(self) -> bool:
        """Whether it is one that nobody chose."""
        return _automatic.is_automatic(self.path)

    def save(self, path: Path) -> None:
        """Go on in a new folder; an automatic one that the session was in goes."""
        if path == self.path:
            self._controller.say(f"Everything is kept in '{path}' already, as you do it.")
        else:
            self._do(lambda: self._saving(path))

    def open(self, path: Path, video: Path | None = None) -> None:
        """Go on with a project; the session that is open is closed when it is there."""
        if path == self.path:
            self._controller.say(f"The project '{path.name}' is open already.")
        else:
            self._do(lambda: self._opening(path, video))

    def stop(self) -> None:
        """Break off what is going on, and wait until it has ended; work is not left unkept."""
        self._waiting.clear()
        if self.doing == "saving" and self.path is None and self._controller.has_work:
            self._worker.finish()
        else:
            self._worker.wait()
        task, self._task = self._task, None
        if task is not None:
            task.cancelled()

    def say_where(self, kept: Path | None) -> None:
        """Say where the work of a session is that ended because its video was removed."""
        text = f"The video was removed, and the session ended; {_where(kept)}."
        self._controller.say(text, bad=kept is None)

    # -- one after the other ------------------------------------------------------------------

    def _do(self, make: Callable[[], _Task | None]) -> None:
        self._waiting.append(make)
        self._next()

    def _next(self) -> None:
        while self._waiting and self._task is None:
            self._task = self._waiting.popleft()()
            if self._task is not None:
                self.count = 0
                self._worker.start(self._task.work)
        self.changed.emit()

    def _on_arrived(self, count: Any) -> None:
        self.count = int(count)
        self.changed.emit()

    def _on_ended(self, error: Exception | None) -> None:
        task, self._task = self._task, None
        if task is not None:
            try:
                task.done(error)
            finally:
                self._next()

    # -- keeping ------------------------------------------------------------------------------

    def _on_session(self) -> None:
        session = self._controller.session
        if session is not self._session:
            self._session = session
            if session is not None and session.project is None:
                place, self.place = self.place, None
                self._do(lambda: self._saving(place) if place else self._keeping())
        self.changed.emit()

    def _keeping(self) -> _Task | None:
        """Keep the session in a folder of its own that nobody chose."""
        session = self._controller.session
        if session is None or session.project is not None or _automatic.folder() is None:
            return None
        try:
            place = _automatic.place_for(session.video.name)
        except IvosError as error:
            self._controller.report(error)
            return None
        return self._saving(place)

    def _saving(self, path: Path) -> _Task | None:
        session, view = self._controller.session, self._controller.view
        if session is None or view is None:
            return None
        file = view.image.source.path
        saving = session.plan_save(path, None if file is None else Path(file))
        former = session.project
        complete: list[bool] = []

        def work() -> Generator[int, None, None]:
            for count in saving.run():
                if count % _EVERY == 0:
                    yield count
            complete.append(True)

        def cancelled() -> None:
            if complete:
                with suppress(IvosError):  # then the session goes as if nothing had been asked
                    saving.commit()
            else:
                saving.cancel()

        def done(error: Exception | None) -> None:
            if error is None:
                try:
                    saving.commit()
                except IvosError as failure:
                    error = failure
            if error is None:
                self._tell(path)
            else:
                self._controller.report(error)
            if session.project == path:
                self._waiting.append(lambda: self._tidying(saving.tidy, former))
            elif not _automatic.is_automatic(path):
                self._waiting.append(self._keeping)

        return _Task("saving", work, done, cancelled)

    def _tell(self, path: Path) -> None:
        if not _automatic.is_automatic(path):
            self._controller.say(f"All that you do is kept in '{path}' from now on.")

    def _tidying(self, tidy: Callable[[], None], former: Path | None) -> _Task:
        taken: list[int] = []

        def work() -> Generator[int, None, None]:
            tidy()
            if former is not None:
                _automatic.remove(former)
            taken.append(_automatic.bytes_taken())
            yield from ()

        def done(error: Exception | None) -> None:
            if error is not None:
                self._controller.report(error)
            elif taken[0] > _automatic.LARGE:
                self._controller.say(
                    f"Projects that were kept automatically take {taken[0] / 2**30:.0f} GiB. "
                    "Delete those you do not need: Open… ▸ Show the folder."
                )

        return _Task("", work, done, lambda: None)

    # -- opening ------------------------------------------------------------------------------

    def _opening(self, path: Path, video: Path | None) -> _Task:
        found: list[Opened] = []
        layers = self._controller.suitable_layers()

        def work() -> Generator[int, None, None]:
            found.append(open_project(self._open_session, path, video, layers))
            yield from ()

        def done(error: Exception | None) -> None:
            if isinstance(error, ProjectVideoError):
                self.video_wanted.emit(path, error.message)
            elif error is not None:
                self._controller.report(error)
            else:
                self._take(path, found[0])

        def cancelled() -> None:
            for one in found:
                one.close()

        return _Task("opening", work, done, cancelled)

    def _take(self, path: Path, found: Opened) -> None:
        session = found.session
        self._controller.go_on(session, found.video, lambda: layer_of(self._controller, found))
        count = len(session.objects)
        text = f"'{path.name}' is open: {count} object{'s' if count != 1 else ''}."
        if session.interrupted_frames:
            frames = ", ".join(map(str, session.interrupted_frames))
            text += f" A propagation from frame {frames} was cut off: propagate again (G)."
        self._controller.say(text)
