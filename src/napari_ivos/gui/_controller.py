"""Between the session and the viewer: what people do goes in, what changed is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_ivos.errors import IvosError
from napari_ivos.gui import _automatic
from napari_ivos.gui._difference import Difference
from napari_ivos.gui._early import EarlyLoading
from napari_ivos.gui._gl import free_layers_in_their_context
from napari_ivos.gui._imports import MaskImports
from napari_ivos.gui._jobs import Job, Jobs
from napari_ivos.gui._layers import is_own, is_same, placement
from napari_ivos.gui._looks import Looks
from napari_ivos.gui._navigation import Navigation
from napari_ivos.gui._opening import reader_of
from napari_ivos.gui._projects import OpenSession, Projects
from napari_ivos.gui._propagation import Extent, Propagation
from napari_ivos.gui._view import SessionView
from napari_ivos.scribbles import Stroke
from napari_ivos.session import Overview, Session
from napari_ivos.types import LabelMap, Mask, ObjectId
from napari_ivos.video import Video

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels

MakeSession = Callable[..., Session]


class Controller(QObject):
    """Everything that the panels and keys can ask for; holds no widget.

    A user's mistake is `said` in one sentence; anything else that goes wrong is raised, and napari
    reports it.

    Parameters
    ----------
    viewer : napari.Viewer
    make_session : callable
        `Session`, or something that is called like it.
    open_session : callable
        `Session.open`, or something that is called like it.

    Signals
    -------
    session_changed : ()
        A session began or ended, or has another method.
    state_changed : ()
        Its objects, strokes, selection or history changed.
    running_changed : ()
        Work began or ended.
    frame_changed : ()
        Another frame is displayed, or more is known of this one.
    progressed : int, int
        So many frames of the running work are done, of so many (0: not known).
    candidates_wanted : ()
        Somebody wants to see the frames to choose from, or to see them no more.
    help_wanted : ()
        Somebody wants to see the keys and the doctor, or to see them no more.
    said : str, bool
        A sentence for the user, and whether it is about something that went wrong.
    """

    session_changed = Signal()
    state_changed = Signal()
    running_changed = Signal()
    frame_changed = Signal()
    progressed = Signal(int, int)
    candidates_wanted = Signal()
    help_wanted = Signal()
    said = Signal(str, bool)

    def __init__(
        self,
        viewer: napari.Viewer,
        make_session: MakeSession = Session,
        open_session: OpenSession = Session.open,
    ) -> None:
        super().__init__()
        self.viewer = viewer
        free_layers_in_their_context(viewer)
        self.session: Session | None = None
        self.view: SessionView | None = None
        self.jobs: Jobs | None = None
        self.overview: Overview | None = None
        self.selected: ObjectId = 0
        self.background = False
        self._first_step = ""
        self.navigation = Navigation(self)
        self.projects = Projects(self, open_session)
        self.imports = MaskImports(self)
        self.looks = Looks(self)
        self.propagation = Propagation(self)
        self.difference = Difference(self)
        self._early = EarlyLoading(self)
        self._make_session = make_session
        self._video: Video | None = None
        self.closed = False
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.dims.events.current_step.connect(self._on_step)

    # -- session ------------------------------------------------------------------------------

    def suitable_layers(self) -> list[Image]:
        """The image layers that a session can be started on."""
        from napari.layers import Image

        return [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, Image) and layer.ndim == 3 and not is_own(layer)
        ]

    def label_layers(self) -> list[Labels]:
        """The labels layers that other programs made, whose objects can be taken over."""
        from napari.layers import Labels

        return [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and layer.ndim in (2, 3) and not is_own(layer)
        ]

    def take_labels(self, layer: Labels) -> None:
        """Take the labels that a layer has on the displayed frame as the truth about it."""
        frame = self.navigation.frame_to_act_on()
        if frame is None:
            return
        data = layer.data[0] if layer.multiscale else layer.data
        if layer.ndim == 3 and not 0 <= frame < len(data):
            self.say(f"The layer '{layer.name}' has no frame {frame}.", bad=True)
            return
        # That frame alone is read: the layer may be a lazy stack of any length.
        labels = np.asarray(data[frame] if layer.ndim == 3 else data)
        if self.edit(lambda session: session.add_mask(frame, labels)):
            count = np.count_nonzero(np.unique(labels))
            what = f"{count} objects" if count != 1 else "1 object"
            self.say(f"{what} of '{layer.name}' taken on frame {frame}. Now propagate (G).")

    def start(
        self, image: Image, method: str, device: str = "auto", checkpoint: Path | None = None
    ) -> None:
        """Begin a session on a layer; one that is open is closed first."""
        if self.jobs is not None:
            self.jobs.when_idle(lambda: self._restart(image, method, device, checkpoint))
        else:
            self._restart(image, method, device, checkpoint)

    def _restart(self, image: Image, method: str, device: str, checkpoint: Path | None) -> None:
        self.end()
        with self._telling():
            placement(image)
            video = reader_of(image)
            session = self._make_session(video, method=method, device=device, checkpoint=checkpoint)
            session.add_object()
            # Ids are never used again: no later step is called the same.
            self._begin(session, video, image, first_step=session.undo_text)
        self.session_changed.emit()
        self._changed()

    def go_on(self, session: Session, video: Video, layer: Callable[[], Image]) -> None:
        """Take a session that goes on; one that is open is closed first.

        Parameters
        ----------
        session : Session
        video : Video
            The session's; closed with it.
        layer : callable
            Gives the layer that shows the video.
        """

        def begin() -> None:
            self.end()
            self._begin(session, video, layer())
            for last in session.strokes()[-1:]:
                self.navigation.go_to(last.frame)
            self.session_changed.emit()
            self._changed()

        if self.jobs is not None:
            self.jobs.when_idle(begin)
        else:
            begin()

    def _begin(self, session: Session, video: Video, image: Image, first_step: str = "") -> None:
        self._video, self._first_step = video, first_step
        self.selected = session.objects[0].id if session.objects else 0
        self.background = False
        self.session = session
        self.overview = session.overview()
        self.view = SessionView(self.viewer, image, session, self)
        self.jobs = self._make_jobs(session)
        self.view.show_brush(self.selected, self.background)
        self.view.use_brush()

    def _make_jobs(self, session: Session) -> Jobs:
        jobs = Jobs(session, self)
        jobs.changed.connect(self.running_changed)
        jobs.committed.connect(self.show_frame)
        jobs.progressed.connect(self.progressed)
        jobs.failed.connect(self.report)
        jobs.done.connect(self._on_done)
        return jobs

    def set_method(self, method: str, device: str, checkpoint: Path | None = None) -> None:
        """Go on with another method or device."""
        session, jobs = self.session, self.jobs
        if session is None or jobs is None:
            return
        if (session.method.name, session.device) == (method, device):
            return

        def change() -> None:
            with self._telling():
                session.set_method(method, device=device, checkpoint=checkpoint)
            self.session_changed.emit()
            self._changed()

        jobs.when_idle(change)

    def end(self) -> None:
        """Close the session and take its layers away; what runs is cancelled first."""
        self.projects.stop()
        self.imports.close()
        jobs, view, session = self.jobs, self.view, self.session
        empty = session.project if session is not None and not self.has_work else None
        self.jobs = self.view = self.session = self.overview = None
        self.difference.close()
        if jobs is not None:
            jobs.close()
            jobs.deleteLater()
        if view is not None:
            view.close()
        if session is not None and self._video is not None:
            session.close()
            self._video.close()
            if empty is not None:
                _automatic.remove(empty)
            self.session_changed.emit()
            self._changed()

    def close(self) -> None:
        """End for good: lets go of the viewer."""
        self.closed = True
        self.blockSignals(True)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.viewer.dims.events.current_step.disconnect(self._on_step)
        self.looks.close()
        self.end()
        self.difference.let_go()
        self._early.close()

    # -- objects ------------------------------------------------------------------------------

    def add_object(self) -> None:
        """Add an object and select it."""
        if self.session is not None:
            with self._telling():
                self.select(self.session.add_object())

    def select(self, object_id: ObjectId, background: bool = False) -> None:
        """Choose what the brush paints."""
        self.selected, self.background = object_id, background
        self._changed()

    def select_next(self) -> None:
        """Select the object after the selected one."""
        if self.session is not None and self.session.objects:
            ids = [item.id for item in self.session.objects]
            after = [i for i in ids if i > self.selected]
            self.select(after[0] if after else ids[0])

    def toggle_background(self) -> None:
        """Change between strokes of the object and strokes of the background."""
        self.select(self.selected, not self.background)

    # -- strokes and history ------------------------------------------------------------------

    def add_strokes(self, strokes: list[Stroke]) -> bool:
        """Take strokes, and preview their frames; False when the session refuses them."""
        taken = self.edit(lambda session: session.add_strokes(strokes))
        if taken:
            self._preview(strokes)
            self._tell_locked({stroke.object_id for stroke in strokes})
        return taken

    def _tell_locked(self, drawn: set[ObjectId]) -> None:
        objects = () if self.session is None else self.session.objects
        for item in objects:
            if item.locked and item.id in drawn:
                text = f"{item.name} is locked, so no stroke changes its masks. Unlock it first."
                self.say(text, bad=True)

    def remove_strokes(self, strokes: list[Stroke]) -> None:
        """Take strokes away, and preview what is left on their frames."""
        if self.edit(lambda session: session.remove_strokes(strokes)):
            self._preview(strokes)

    def _preview(self, strokes: list[Stroke]) -> None:
        if self.session is None or self.jobs is None:
            return
        self.propagation.before_stroke()
        annotated = self.session.annotated_frames
        for frame in sorted({stroke.frame for stroke in strokes}):
            if frame in annotated:
                self.jobs.preview(frame)
            else:
                self.jobs.forget_preview(frame)

    def paint(self, frame: int, labels: LabelMap, where: Mask) -> None:
        """Take pixels that a person painted on the masks; no run changes them any more."""
        session = self.session
        if session is None:
            return
        unknown = set(np.unique(labels[where]).tolist()) - {0, *(o.id for o in session.objects)}
        if unknown:
            self.say(f"There is no object {min(unknown)}. Add it first (K).", bad=True)
        else:
            self.edit(lambda session: session.paint(frame, labels, where))

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back; the object that a session begins with is none."""
        session = self.session
        return session is not None and session.undo_text not in ("", self._first_step)

    @property
    def has_work(self) -> bool:
        """Whether anything was done in the session that can be taken back or done again."""
        return self.can_undo or (self.session is not None and self.session.can_redo)

    def undo(self) -> None:
        """Take the last step back; a propagation that runs ends when it is that step."""
        if self.session is not None and self.can_undo:
            self._travel(lambda session: session.undo(), f"Undone: {self.session.undo_text}.")

    def redo(self) -> None:
        """Do the step undone last once more."""
        if self.session is not None and self.session.can_redo:
            self._travel(lambda session: session.redo(), f"Done again: {self.session.redo_text}.")

    def _travel(self, step: Callable[[Session], None], told: str) -> None:
        if self.edit(step):
            self.say(told)
        if self.jobs is not None:
            self.jobs.heed_undo()

    def accept(self) -> None:
        """Vouch for the mask of the displayed frame: no run changes it."""
        frame = self.navigation.frame_to_act_on()
        if frame is not None and self.edit(lambda session: session.accept(frame)):
            self.say(f"Frame {frame} is accepted: no run changes it any more.")

    def accept_range(self, start: int, stop: int) -> None:
        """Vouch for the masks of the frames from `start` up to, not including, `stop`."""
        if self.edit(lambda session: session.accept(start, stop)):
            self.say(f"Frames {start} to {stop - 1} are accepted: no run changes them any more.")

    def mark_absent(self, start: int, stop: int) -> None:
        """Say that the selected object is not there on a range of frames."""
        selected = self.selected
        if selected and self.edit(lambda session: session.mark_absent(selected, start, stop)):
            self.say(f"Object {selected} is not there on the frames {start} to {stop - 1}.")

    # -- work ---------------------------------------------------------------------------------

    def propagate(self, extent: Extent | None = None) -> None:
        """Carry the strokes that are new through the video, or the last ones once more.

        So far as is set, unless something else is asked for.
        """
        if self.session is None or self.jobs is None:
            first = "Press Start" if self.suitable_layers() else "Open a video"
            self.say(f"{first} first, then draw a stroke on the object.", bad=True)
        elif self.jobs.kind == "propagation":
            self.say("A propagation is running already. Press H to stop it.", bad=True)
        elif not self.session.annotated_frames:
            self.say("There is nothing to propagate yet. Draw a stroke on an object.", bad=True)
        else:
            pending = self.session.pending_frames or self.session.interrupted_frames
            frames: list[int | None] = list(pending)
            self.propagation.go(frames or [None], extent)

    def propagate_range(self, start: int, stop: int) -> None:
        """Compute a range of frames once more, from the annotated frames in it and beside it."""
        self.propagation.go_range(start, stop)

    def stop(self) -> None:
        """Stop what runs; what was done stays."""
        self.imports.stop()
        if self.jobs is not None and self.jobs.kind is not None:
            self.propagation.forget()
            self.jobs.stop()
            self.say("Stopping after this frame; what is done stays.")

    def export(self, path: Path, name: str | None = None) -> None:
        """Write the masks to a file or folder, in the format of that name."""
        if self.jobs is not None:
            self.jobs.export(path, name, **self.looks.export_options(path))

    # -- telling ------------------------------------------------------------------------------

    def say(self, text: str, bad: bool = False) -> None:
        """Show a sentence to the user."""
        self.said.emit(text, bad)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except IvosError as error:
            self.report(error)

    def edit(self, action: Callable[[Session], Any]) -> bool:
        """Change something in the session; False when it refuses, which the user is told."""
        done = False
        if self.session is not None:
            with self._telling():
                action(self.session)
                done = True
            self._changed()
        return done

    def _changed(self) -> None:
        """Bring everything that is shown in line with the session."""
        if self.session is not None and self.view is not None:
            ids = [item.id for item in self.session.objects]
            if self.selected not in ids:
                self.selected = ids[-1] if ids else 0
            self.view.show_brush(self.selected, self.background)
            self.view.show_session()
        self.state_changed.emit()
        self.frame_changed.emit()

    def refresh(self) -> None:
        """Bring everything that is shown in line with the session."""
        self._changed()

    def show_frame(self, frame: int) -> None:
        """Show what is new on a frame, if it is the displayed one."""
        if frame == self.navigation.frame and self.view is not None:
            self.view.refresh_masks()
            self.frame_changed.emit()

    def report(self, error: Exception) -> None:
        """Say what went wrong; what is not the user's matter is raised."""
        self.state_changed.emit()
        if not isinstance(error, IvosError):
            raise error
        from napari.utils.notifications import show_warning

        self.say(str(error), bad=True)
        show_warning(str(error))

    def _on_done(self, job: Job) -> None:
        if job.kind == "export":
            self.say(f"Exported to {job.path}.")
        self.propagation.on_done(job)
        self.state_changed.emit()

    def _on_step(self) -> None:
        if self.view is not None:
            self.frame_changed.emit()

    def _tell_end(self, session: Session) -> None:
        """Say where the work of a session is whose video was removed."""
        self.projects.say_where(session.project)

    def _on_layer_removed(self, event: Any) -> None:
        if self.view is None:
            return
        if is_same(event.value, self.view.image):
            session, worked = self.session, self.has_work
            self.end()
            if session is not None and worked:
                self._tell_end(session)
        elif event.value in self.view.layers:
            self.view.put_back()
