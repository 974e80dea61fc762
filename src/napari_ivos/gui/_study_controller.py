"""A controller that heeds the phases of a user study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer, Signal

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.study import Phase, StudyGuidance, Trial
from napari_ivos.gui._controller import Controller
from napari_ivos.gui._propagation import Extent
from napari_ivos.methods import Engine
from napari_ivos.scribbles import Stroke
from napari_ivos.session import Session
from napari_ivos.types import LabelMap, Mask

if TYPE_CHECKING:
    import napari
    from napari.layers import Image


class StudyController(Controller):
    """Lets a participant do what the present phase allows, and says why not otherwise.

    Parameters
    ----------
    viewer : napari.Viewer

    Signals
    -------
    phase_changed : ()
    satisfied : ()
        The participant is content with the masks.
    """

    phase_changed = Signal()
    satisfied = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__(viewer, self._make)
        self.trial: Trial | None = None
        self._engine: Engine | None = None
        # A run has ended when nothing follows: a moment after the last job.
        self._look_soon = QTimer(self)
        self._look_soon.setSingleShot(True)
        self._look_soon.timeout.connect(self._look)
        self.running_changed.connect(self._look_soon.start)
        self.session_changed.connect(self.phase_changed)

    def _tell_end(self, session: Session) -> None:
        """Say nothing: the sequence begins again then, and that is said."""

    def _make(self, video: Any, **given: Any) -> Session:
        # As in the authors' program: strokes of earlier rounds on a frame do not count again.
        return Session(video, engine=self._engine, accumulate=False, **given)

    def begin(
        self,
        image: Image,
        trial: Trial,
        engine: Engine,
        objects: int,
        method: str,
        device: str,
        checkpoint: Path | None,
    ) -> None:
        """Begin a session of so many objects, from 1 on."""
        self._engine, self.trial = engine, trial
        self.start(image, method, device, checkpoint)
        session, view = self.session, self.view
        if session is None or view is None:
            return
        for _ in range(objects - 1):
            session.add_object()
        # What is corrected is strokes alone.
        view.masks.editable = False
        view.strokes.mouse_drag_callbacks.append(self._on_press)
        self.select(1)
        self.navigation.go_to(0)
        self._phase_is_new()

    @property
    def phase(self) -> Phase | None:
        """What the participant is doing; None without a sequence."""
        return None if self.session is None or self.trial is None else self.trial.phase

    @property
    def guidance(self) -> StudyGuidance:
        """Who finds the next frame."""
        return "free" if self.trial is None else self.trial.guidance

    @property
    def drawn(self) -> int | None:
        """The frame with strokes that were not run; None: there is none."""
        frames = () if self.session is None else self.session.pending_frames
        return frames[0] if frames else None

    @property
    def chosen(self) -> int | None:
        """The frame that was chosen for this round."""
        return None if self.trial is None else self.trial.chosen

    @property
    def has_result(self) -> bool:
        """Whether there was a run."""
        return self.trial is not None and bool(self.trial.rounds)

    @property
    def can_choose(self) -> bool:
        """Whether the next frame can be chosen now, or once more."""
        searching = self.phase in (Phase.FINDING, Phase.SCRIBBLING)
        return searching and self.has_result and self.drawn is None

    @property
    def offers_candidates(self) -> bool:
        """Whether the next frame is one of several candidates."""
        return self.guidance == "rs4" and self._given

    # -- what the participant does ----------------------------------------------------------

    def run(self) -> None:
        """Carry the strokes of this round through the video."""
        if self._try(lambda trial: trial.run(self.drawn)):
            super().propagate("both")

    def be_satisfied(self) -> None:
        """End the sequence."""
        if self._try(lambda trial: trial.satisfied(self.drawn)):
            self.satisfied.emit()

    def choose_displayed(self) -> None:
        """Draw on the displayed frame next; where the frame is given, go back to it."""
        trial, frame = self.trial, self.navigation.frame
        if trial is None or frame is None:
            return
        if self.drawn is not None:
            self.navigation.go_to(self.drawn)
        elif trial.phase is Phase.SCRIBBLING and not trial.rounds:
            self.say("Draw on the frame that shows the objects best.")
        elif self._given:
            if trial.chosen is not None:
                self.navigation.go_to(trial.chosen)
            else:
                self.candidates_wanted.emit()
        else:
            self.choose(frame)

    def choose(self, frame: int) -> None:
        """Draw on this frame next."""
        self._try(lambda trial: trial.choose(frame, self.drawn))

    def choose_object(self, number: int) -> None:
        """Draw this object, if there is one of that number."""
        if self.session is not None and number in [item.id for item in self.session.objects]:
            self.select(number)

    def add_strokes(self, strokes: list[Stroke]) -> bool:
        """Take strokes where the round allows them."""
        for stroke in strokes:
            frame = stroke.frame
            if not self._try(lambda trial, frame=frame: trial.check_stroke(frame, self.drawn)):
                return False
        self._try(lambda trial: trial.press())
        return super().add_strokes(strokes)

    def remove_strokes(self, strokes: list[Stroke]) -> None:
        """Do nothing but say what to do instead of wiping: what was run stays."""
        self.say("Strokes are not wiped out here. Undo (U) takes the last one back.", bad=True)

    def propagate(self, extent: Extent | None = None) -> None:
        """Run, both ways as ever."""
        self.run()

    def undo(self) -> None:
        """Take back a stroke of this round; what was run stays."""
        if self.phase is Phase.SCRIBBLING and self.drawn is not None:
            super().undo()
            self.phase_changed.emit()

    def redo(self) -> None:
        """Give back a stroke of this round."""
        if self.phase is Phase.SCRIBBLING:
            super().redo()
            self.phase_changed.emit()

    def add_object(self) -> None:
        """Do nothing: the objects are given."""

    def paint(self, frame: int, labels: LabelMap, where: Mask) -> None:
        """Do nothing: masks are corrected by strokes."""

    # -- phases -----------------------------------------------------------------------------

    def report(self, error: Exception) -> None:
        """Say what went wrong; a run that failed can be tried again."""
        if self.trial is not None:
            self.trial.failed()
        super().report(error)
        self._phase_is_new()

    def _try(self, step: Any) -> bool:
        """Take a step; False when the phase does not allow it, which the participant is told."""
        if self.session is None or self.trial is None:
            return False
        try:
            step(self.trial)
        except IvosError as error:
            self.say(str(error), bad=True)
            return False
        self._phase_is_new()
        return True

    @property
    def _given(self) -> bool:
        """Whether the frame is not the participant's to search in this round."""
        session = self.session
        known = session is not None and not np.isnan(session.reliability).all()
        return self.guidance != "free" and known

    def _on_press(self, layer: Any, event: Any) -> None:
        if layer.mode == "paint" and event.button == 1 and self.trial is not None:
            self.trial.press()
            self._phase_is_new()

    def _look(self) -> None:
        """See whether the run has ended."""
        trial, jobs, session = self.trial, self.jobs, self.session
        if trial is None or jobs is None or session is None or trial.phase is not Phase.OPERATING:
            return
        if jobs.kind is None and not jobs.waiting:
            trial.operated()
            frames = session.recommend(1)
            if trial.guidance == "rs1" and frames:
                trial.choose(frames[0])
                self.navigation.go_to(frames[0])
            self._phase_is_new()

    def _phase_is_new(self) -> None:
        """Let the brush draw only where drawing is possible."""
        if self.view is not None and self.phase is not None:
            drawing = self.phase in (Phase.READY, Phase.SCRIBBLING)
            mode = "paint" if drawing else "pan_zoom"
            if self.view.strokes.mode != mode:
                self.viewer.layers.selection.active = self.view.strokes
                self.view.strokes.mode = mode
        self.phase_changed.emit()
