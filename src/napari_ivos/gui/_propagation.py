"""What is propagated, how far, and what is done with what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from napari_ivos.gui._jobs import Job
from napari_ivos.session import Changes, Session

if TYPE_CHECKING:
    from napari_ivos.gui._controller import Controller

Extent = Literal["both", "forward", "backward", "trusted", "selected"]
"""Both ways or one, up to trusted frames only, or the frames selected in the timeline."""


class Propagation:
    """The requests to propagate, of which one may be several runs; needs a session.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.extent: Extent = "both"
        """How far, unless something else is asked for."""
        self.at_once = False
        """Whether each stroke is propagated as soon as its preview is there."""
        self.selected: tuple[int, int] | None = None
        """First frame selected in the timeline, and the one after the last."""
        self._session: Session | None = None
        self._rounds = 0
        self._cut: list[int] = []
        controller.session_changed.connect(self._on_session)

    def go(self, frames: list[int | None], extent: Extent | None = None) -> None:
        """Carry annotated frames through the video; None stands for the one annotated last."""
        session, jobs, how = self._controller.session, self._controller.jobs, extent or self.extent
        if session is None or jobs is None:
            return
        if how == "selected":
            if self.selected is None:
                self._refuse("No frames are selected. Drag over some in the timeline first.")
            else:
                self.go_range(*self.selected)
            return
        if how == "trusted":
            self._go_to_trusted(session, frames)
            return
        self._note(session)
        jobs.propagate(frames, how)

    def go_range(self, start: int, stop: int) -> None:
        """Compute a range of frames once more, from the annotated frames in it and beside it."""
        session, jobs = self._controller.session, self._controller.jobs
        if session is None or jobs is None:
            return
        known = session.annotated_frames
        inside: list[int | None] = [frame for frame in known if start <= frame < stop]
        beside = [max((f for f in known if f < start), default=None)]
        beside.append(min((f for f in known if f >= stop), default=None))
        frames = inside + [frame for frame in beside if frame is not None]
        if frames:
            self._note(session)
            jobs.propagate(frames, "both", start, stop)
        else:
            self._refuse("There is nothing to propagate yet. Draw a stroke on an object.")

    def _go_to_trusted(self, session: Session, frames: list[int | None]) -> None:
        """Towards trusted frames only: not where a run would go on to an end of the video."""
        jobs, trusted = self._controller.jobs, session.trusted_frames
        last = session.strokes()[-1].frame if session.strokes() else session.annotated_frames[-1]
        ways: list[tuple[int, Literal["both", "forward", "backward"]]] = []
        for frame in (last if frame is None else frame for frame in frames):
            before, after = min(trusted) < frame, max(trusted) > frame
            if before or after:
                way = "both" if before and after else "forward" if after else "backward"
                ways.append((frame, way))  # type: ignore[arg-type]
        if not ways or jobs is None:
            self._refuse(
                "There is no trusted frame to stop at. Accept one (Q) or draw on one, "
                "or propagate both ways."
            )
            return
        self._note(session)
        for frame, way in ways:
            jobs.propagate([frame], way)

    # -- compute at once ----------------------------------------------------------------------

    def before_stroke(self) -> None:
        """Make way for a stroke: a run that goes on begins again with it, if so wished."""
        jobs = self._controller.jobs
        if self.at_once and jobs is not None and jobs.kind == "propagation":
            self._cut += [frame for frame in jobs.propagating if frame not in self._cut]
            jobs.stop()

    def on_done(self, job: Job) -> None:
        """Go on after a preview, if so wished."""
        session, jobs = self._controller.session, self._controller.jobs
        if session is None or jobs is None:
            return
        if job.kind == "propagation" and not jobs.waiting:
            self._cut.clear()
        busy = jobs.previews or jobs.waiting or jobs.kind == "propagation"
        if job.kind != "preview" or not self.at_once or busy:
            return
        pending = list(session.pending_frames)
        cut = [f for f in self._cut if f in session.annotated_frames and f not in pending]
        self._cut.clear()
        if pending or cut:
            self.go([*pending, *cut])

    def forget(self) -> None:
        """Begin nothing again: somebody stopped it."""
        self._cut.clear()

    # -- what came of it ----------------------------------------------------------------------

    @property
    def runs(self) -> int:
        """How many runs the latest request came to, and were not taken back."""
        session = self._controller.session
        return 0 if session is None else max(session.rounds - self._rounds, 0)

    @property
    def changes(self) -> Changes | None:
        """What the latest request changed."""
        session = self._controller.session
        return session.changes(self.runs) if session is not None and self.runs else None

    def reject(self) -> None:
        """Take back all that the latest request did; strokes, and what was done since, stay."""
        jobs = self._controller.jobs
        if self.changes is None or jobs is None:
            self._refuse("There is no propagation to reject.")
        elif jobs.kind == "propagation":
            self.forget()
            jobs.when_idle(self._reject)
        else:
            self._reject()

    def _reject(self) -> None:
        runs, went = self.runs, list[int]()
        if self.changes is None:
            return
        if self._controller.edit(lambda session: went.append(session.reject(runs))):
            frames = "1 frame is" if went == [1] else f"{went[0]} frames are"
            self._controller.say(
                f"Rejected: {frames} as before the propagation. Undo (U) brings it back."
            )

    def _note(self, session: Session) -> None:
        self._rounds = session.rounds

    def _on_session(self) -> None:
        session = self._controller.session
        if session is not self._session:
            self._session = session
            self._cut.clear()
            # Of a project that goes on nobody knows what the latest request was: its latest run.
            self._rounds = 0 if session is None else max(session.rounds - 1, 0)

    def _refuse(self, text: str) -> None:
        self._controller.say(text, bad=True)
