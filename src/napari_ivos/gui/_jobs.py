"""What the worker does next: previews first, then propagations and exports in their order.

A preview does not wait for the end of a propagation: it is made between two of its frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_ivos.errors import IvosError
from napari_ivos.gui._colours import BRIGHT
from napari_ivos.gui._interludes import Ended, Interludes
from napari_ivos.gui._layers import overlay
from napari_ivos.gui._worker import Worker
from napari_ivos.session import Session
from napari_ivos.types import Frame, LabelMap

Kind = Literal["preview", "propagation", "export", "pictures"]
Direction = Literal["both", "forward", "backward"]
_PICTURE_SIDE = 480


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work that waits or runs."""

    kind: Kind
    make: Callable[[], Any]
    """Makes the plan, on the main thread; the plan has `frames` and `run()`."""
    frame: int | None = None
    path: Path | None = None
    show: Callable[[Any], None] | None = None
    """Is given what arrives, which then is nothing for the session."""


class Jobs(QObject):
    """Plans on the main thread, runs in the worker, commits on the main thread.

    Signals
    -------
    changed : ()
        A job has begun or ended.
    committed : int
        A frame of the session has a new mask.
    progressed : int, int
        So many frames are done, of so many.
    failed : Exception
        A job ended with this; the ones that waited are gone.
    done : Job
        A job ran to its end.
    """

    changed = Signal()
    committed = Signal(int)
    progressed = Signal(int, int)
    failed = Signal(object)
    done = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._queue: deque[Job] = deque()
        self._job: Job | None = None
        self._plan: Any = None
        self._interludes: Interludes | None = None
        self._count = 0
        self._stopped = False
        self._afterwards: list[Callable[[], None]] = []
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_arrived)
        self._worker.ended.connect(self._on_ended)

    @property
    def kind(self) -> Kind | None:
        """What runs now."""
        return None if self._job is None else self._job.kind

    @property
    def waiting(self) -> int:
        """How many propagations wait."""
        return sum(job.kind == "propagation" for job in self._queue)

    @property
    def previews(self) -> int:
        """How many previews wait."""
        return sum(job.kind == "preview" for job in self._queue)

    @property
    def propagating(self) -> list[int]:
        """Frames that are being carried on, or wait for it."""
        running = [self._plan.frame] if self.kind == "propagation" else []
        return running + [
            job.frame for job in self._queue if job.kind == "propagation" and job.frame is not None
        ]

    def preview(self, frame: int) -> None:
        """Segment a frame from its strokes; a preview of it that has not ended is dropped."""
        if self._interludes is not None and self._plan.alive and not self._stopped:
            try:
                self._interludes.add(frame)
            except IvosError as error:
                self.failed.emit(error)
            return
        if self._job is not None and self._job.kind == "preview" and self._job.frame == frame:
            self._worker.stop()
        self._drop_previews(frame)
        self._queue.appendleft(Job("preview", lambda: self._session.plan_interact(frame), frame))
        self._next()

    def forget_preview(self, frame: int) -> None:
        """Make no preview of a frame: there is nothing on it any more."""
        self._drop_previews(frame)

    def propagate(
        self,
        frames: list[int | None],
        direction: Direction,
        start: int | None = None,
        stop: int | None = None,
    ) -> None:
        """Carry the rounds on these frames through the video, one after the other.

        None stands for the frame annotated last. Only frames from `start` up to, not including,
        `stop` are changed.
        """
        for frame in frames:
            self._drop_previews(frame)

            def make(frame: int | None = frame) -> Any:
                return self._session.plan_propagate(frame, direction, start, stop)

            self._queue.append(Job("propagation", make, frame))
        self._next()

    def export(self, path: Path, name: str | None = None, **options: object) -> None:
        """Write the masks to a file or folder, in the format of that name."""
        make = partial(_Export, self._session, path, {"format": name, **options})
        self._queue.append(Job("export", make, path=path))
        self._next()

    def pictures(
        self,
        masks: Mapping[int, LabelMap],
        show: Callable[[Picture], None],
        truth: Callable[[int], LabelMap] | None = None,
        palette: str = BRIGHT,
    ) -> None:
        """Read frames and show each under its mask; what was asked for before is dropped.

        With the truth about frames, each is shown once more under that, to the right.
        """
        self._queue = deque(job for job in self._queue if job.kind != "pictures")
        if self.kind == "pictures":
            self._worker.stop()
        make = partial(_Pictures, self._session, dict(masks), truth, palette)
        self._queue.append(Job("pictures", make, show=show))
        self._next()

    def stop(self) -> None:
        """End the running job within a frame, and forget those that wait."""
        self._queue.clear()
        self._stopped = True
        self._worker.stop()

    def heed_undo(self) -> None:
        """After an undo or redo: end a run that it ended, and forget previews that wait."""
        self._queue = deque(job for job in self._queue if job.kind != "preview")
        if self._interludes is not None:
            self._interludes.drop()
        if self._plan is not None and not getattr(self._plan, "alive", True):
            self._worker.stop()

    def when_idle(self, action: Callable[[], None]) -> None:
        """Stop everything, then do this; at once when nothing runs."""
        self.stop()
        self._afterwards.append(action)
        self._next()

    def close(self) -> None:
        """Stop everything and block until the thread is done (a frame's time at the most)."""
        self._queue.clear()
        self._afterwards.clear()
        self._worker.wait()
        # Where the end of a run cannot be written down, the next who opens the project sees that.
        with suppress(IvosError):
            self._finish()

    def _next(self) -> None:
        if self._worker.running:
            return
        while self._afterwards:
            self._afterwards.pop(0)()
        while self._queue and not self._worker.running:
            job = self._queue.popleft()
            try:
                plan = job.make()
            except IvosError as error:
                self._queue.clear()
                self.failed.emit(error)
                return
            self._job, self._plan, self._count, self._stopped = job, plan, 0, False
            if job.kind == "propagation":
                self._interludes = Interludes(self._session, plan)
            run = plan.run if self._interludes is None else self._interludes.run
            self._worker.start(run)
            self.progressed.emit(0, len(plan.frames))
            self.changed.emit()

    def _drop_previews(self, frame: int | None) -> None:
        kept = [job for job in self._queue if job.kind != "preview" or job.frame != frame]
        self._queue = deque(kept)

    def _on_arrived(self, update: Any) -> None:
        if self._job is None or self._job.kind == "export":
            return
        if self._job.show is not None:
            self._job.show(update)
            return
        if isinstance(update, Ended):
            self._on_preview_ended(update)
            return
        own = update.plan == self._plan.id
        self._count += own
        try:
            taken = self._session.commit(update)
        except IvosError as error:  # nothing can be kept any more, so there is no use in going on
            self.stop()
            self.failed.emit(error)
            return
        if taken:
            self.committed.emit(update.index)
        if own:
            self.progressed.emit(self._count, max(len(self._plan.frames), self._count))

    def _on_preview_ended(self, ended: Ended) -> None:
        if self._interludes is not None:
            self._interludes.end(ended.plan)
        if ended.error is not None:
            self.failed.emit(ended.error)
        else:
            self.done.emit(Job("preview", lambda: None, ended.plan.frame))

    def _on_ended(self, error: Exception | None) -> None:
        job, stopped = self._job, self._stopped
        alive, left = getattr(self._plan, "alive", True), list[int]()
        try:
            left = self._finish()
        except IvosError as failure:
            error = error or failure
        if error is not None:
            self._queue.clear()
        self.changed.emit()
        if error is not None:
            self.failed.emit(error)
        elif not stopped:
            if alive:
                # They came too late to be made between two frames.
                for frame in left:
                    self.preview(frame)
            self.done.emit(job)
        self._next()

    def _finish(self) -> list[int]:
        """End the round in the session, whatever came of it; gives the previews not made yet."""
        job, plan, interludes = self._job, self._plan, self._interludes
        self._job = self._plan = self._interludes = None
        left = [] if interludes is None else interludes.drop()
        if job is not None and job.kind in ("preview", "propagation"):
            self._session.finish(plan)
        return left


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A frame under its mask."""

    frame: int
    pixels: Frame
    """(h, w, 3) uint8, scaled down."""


class _Pictures:
    """Reading frames to look at, in the shape of a plan."""

    def __init__(
        self,
        session: Session,
        masks: dict[int, LabelMap],
        truth: Callable[[int], LabelMap] | None,
        palette: str,
    ) -> None:
        self.frames, self._palette = tuple(masks), palette
        self._session, self._masks, self._truth = session, masks, truth

    def run(self) -> Generator[Picture, None, None]:
        objects = self._session.objects
        for frame, mask in self._masks.items():
            labels = [mask] if self._truth is None else [mask, self._truth(frame)]
            pixels = self._session.video[frame]
            how = _PICTURE_SIDE, objects, self._palette
            shown = [overlay(pixels, one, *how) for one in labels]
            yield Picture(frame, np.hstack(shown))


class _Export:
    """An export in the shape of a plan."""

    frames: tuple[int, ...] = ()

    def __init__(self, session: Session, path: Path, options: dict[str, object]) -> None:
        self._session, self._path, self._options = session, path, options

    def run(self) -> Generator[None, None, None]:
        self._session.export(self._path, **self._options)
        yield None
