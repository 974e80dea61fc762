"""One sequence of a study after the other: prepared, worked on, scored and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from qtpy.QtCore import QObject, QTimer, Signal

from napari_ivos.errors import IvosError
from napari_ivos.evaluation import EvaluationSequence
from napari_ivos.evaluation.study import Study, StudySettings, Trial
from napari_ivos.evaluation.truth import Truth
from napari_ivos.gui._study_controller import StudyController
from napari_ivos.gui._study_layers import StudyLayers
from napari_ivos.gui._worker import Worker
from napari_ivos.methods import Engine, create_engine
from napari_ivos.video import Video

MakeEngine: TypeAlias = Callable[[str, str, Path | None], Engine]
Stage = Literal["none", "preparing", "working", "keeping", "not kept", "finished"]


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    video: Video
    truth: Truth
    engine: Engine


class StudyRun(QObject):
    """Walks a participant through a study. Reading, loading and scoring are done in a thread.

    Parameters
    ----------
    controller : StudyController
    room : callable
        Gives (height, width) of the canvas in pixels.
    make_engine : callable
        `create_engine`, or something that is called like it.
    clock : callable
        Gives seconds.

    Signals
    -------
    changed : ()
        Another stage, or another sequence.
    progressed : int, int
        So many frames are scored, of so many.
    """

    changed = Signal()
    progressed = Signal(int, int)

    def __init__(
        self,
        controller: StudyController,
        room: Callable[[], tuple[int, int]],
        make_engine: MakeEngine = create_engine,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(controller)
        self.stage: Stage = "none"
        self.study: Study | None = None
        self.sequence: EvaluationSequence | None = None
        self.layers: StudyLayers | None = None
        self._controller, self._room = controller, room
        self._make_engine, self._clock = make_engine, clock
        self._engine: Engine | None = None
        self._prepared: _Prepared | None = None
        self._worker = Worker(self)
        self._worker.arrived.connect(self._on_arrived)
        self._worker.ended.connect(self._on_ended)
        self._again_soon = QTimer(self)
        self._again_soon.setSingleShot(True)
        self._again_soon.timeout.connect(self.begin_again)
        controller.satisfied.connect(self._keep)
        controller.session_changed.connect(self._on_session)

    @property
    def number(self) -> tuple[int, int]:
        """Which of the study's sequences this is, from 1 on, and how many there are."""
        if self.study is None or self.sequence is None:
            return 0, 0
        return self.study.sequences.index(self.sequence) + 1, len(self.study.sequences)

    def begin(self, settings: StudySettings) -> None:
        """Begin a study, or go on with it.

        Raises
        ------
        IvosError
            The viewer is not empty, or the study cannot be begun (see `Study`).
        """
        if self._controller.viewer.layers:
            raise IvosError(
                "There are layers in the viewer.",
                "Close them first: a participant sees nothing but the study.",
            )
        self.study = Study(settings)
        self._engine = None
        self._next()

    def begin_again(self) -> None:
        """Begin the present sequence once more; its strokes and times are forgotten."""
        if self.stage in ("working", "not kept"):
            self._clear()
            self._prepare()

    def leave(self) -> None:
        """End here; the study goes on later with the sequence that is not finished."""
        self._worker.wait()
        self._again_soon.stop()
        self.stage = "none"
        self._clear()
        if self.study is not None:
            self.study.close()
        self.study = self.sequence = self._engine = None
        self.changed.emit()

    def close(self) -> None:
        """End for good; touches no widget."""
        self.blockSignals(True)
        self.leave()

    def _next(self) -> None:
        study = self.study
        left = [] if study is None else study.unfinished
        if left:
            self.sequence = left[0]
            self._prepare()
        else:
            self._to("finished")

    def _prepare(self) -> None:
        self._prepared = None
        self._worker.start(self._read)
        self._to("preparing")

    def _read(self) -> Generator[_Prepared, None, None]:
        """In the thread: open a sequence, and load the method if it is not."""
        study, sequence = self.study, self.sequence
        assert study is not None
        assert sequence is not None
        chosen = study.settings
        video = sequence.open()
        try:
            truth = sequence.truth(video)
            # Loading weights is no part of anybody's time.
            engine = self._engine or self._make_engine(
                chosen.method, chosen.device, chosen.checkpoint
            )
        except BaseException:
            video.close()
            raise
        yield _Prepared(video, truth, engine)

    def _show(self, ready: _Prepared) -> None:
        study, sequence = self.study, self.sequence
        if study is None or sequence is None:
            return
        viewer, chosen = self._controller.viewer, study.settings
        self._engine = ready.engine
        how = self._room(), self._controller.looks.palette
        self.layers = StudyLayers(viewer, sequence.name, ready.video, ready.truth, *how)
        trial = Trial(chosen.guidance, self._clock)
        self._controller.begin(
            self.layers.image,
            trial,
            ready.engine,
            len(ready.truth.objects),
            chosen.method,
            chosen.device,
            chosen.checkpoint,
        )
        viewer.reset_view()
        self._to("working")

    def _keep(self) -> None:
        if self.stage in ("working", "not kept"):
            self._worker.start(self._score)
            self._to("keeping")

    def _score(self) -> Generator[None, None, None]:
        """In the thread: score and write, to the end even when the window closes."""
        study, sequence, ready = self.study, self.sequence, self._prepared
        session, trial = self._controller.session, self._controller.trial
        if study is None or sequence is None or ready is None or session is None or trial is None:
            return
        for done in study.keep(sequence, ready.truth, session.masks, trial.rounds):
            self.progressed.emit(done, len(ready.truth.frames))
        yield

    def _on_arrived(self, value: _Prepared | None) -> None:
        if value is not None:
            self._prepared = value

    def _on_ended(self, error: Exception | None) -> None:
        stage = self.stage
        if error is None and stage == "preparing" and self._prepared is not None:
            self._show(self._prepared)
        elif error is None and stage == "keeping":
            self._clear()
            self._next()
        elif error is not None:
            if stage == "keeping":
                self._to("not kept")
            else:
                self.leave()
            self._controller.report(error)

    def _clear(self) -> None:
        """Take the sequence away."""
        layers, self.layers, self._prepared = self.layers, None, None
        self._controller.trial = None
        self._controller.end()
        if layers is not None:
            layers.remove()

    def _on_session(self) -> None:
        """Begin the sequence again when somebody removed its video."""
        if self.stage == "working" and self._controller.session is None and self.layers:
            self._controller.say("The video was removed: the sequence begins again.", bad=True)
            # napari is still busy with the removal: begin a moment later.
            self._again_soon.start()

    def _to(self, stage: Stage) -> None:
        self.stage = stage
        self.changed.emit()
