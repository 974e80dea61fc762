"""The runs of a session: plans that are under way, and what becomes of their results."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from napari_ivos.methods import Engine, get_method
from napari_ivos.session import _planner
from napari_ivos.session._history import Edit, History
from napari_ivos.session._loader import EngineLoader
from napari_ivos.session._plan import Plan
from napari_ivos.session._store import FrameStore
from napari_ivos.session._update import Update, segmented
from napari_ivos.video import Video


class Runs:
    """Makes plans and takes their results in; belongs to the main thread.

    Parameters
    ----------
    video, store, history
        Those of the session.
    strokes : {"hint", "law"}, optional
        Over the method's own choice.
    accumulate : bool
        Whether strokes of earlier rounds count again.
    interrupted : iterable of int
        Frames whose propagation was cut off when the program ended.
    """

    def __init__(
        self,
        video: Video,
        store: FrameStore,
        history: History,
        strokes: Literal["hint", "law"] | None,
        accumulate: bool,
        interrupted: Iterable[int] = (),
    ) -> None:
        self.interrupted = set(interrupted)
        self._video = video
        self._store = store
        self._history = history
        self._strokes = strokes
        self._accumulate = accumulate
        self._plans: dict[int, Plan] = {}
        self._ids = itertools.count(1)
        self._loaders: dict[tuple[str, str, Path | None], EngineLoader] = {}

    def use(self, engine: Engine) -> None:
        """Take an engine that is loaded already for the present method."""
        state = self._history.state
        key = (state.method, state.device, state.checkpoint)
        self._loaders[key] = EngineLoader(lambda: engine)

    @property
    def law(self) -> bool:
        """Whether strokes are pixels that must be kept."""
        return (self._strokes or get_method(self._history.state.method).strokes) == "law"

    def early_loading(self) -> Callable[[], None]:
        """See `Session.early_loading`."""
        return self._loader().prepare

    @contextmanager
    def step(self) -> Iterator[None]:
        """Make the changes within one action, which counts as soon as it is in the journal.

        What only the redo steps knew is forgotten afterwards, and after the last run.
        """
        with self._history.step():
            yield
        self._forget()

    @contextmanager
    def edit(self, text: str, previews: int | None = None) -> Iterator[Edit]:
        """Make the changes within one step of undo."""
        with self.step():
            yield self._begin(text, previews)

    def _begin(self, text: str, previews: int | None = None) -> Edit:
        edit = Edit(text, previews=previews)
        self._history.push(edit)
        return edit

    def plan_interact(self, frame: int) -> Plan:
        """See `Session.plan_interact`."""
        plan = _planner.plan_interact(self._context(), frame)
        with self.step():
            self._history.note("run", plan.id, "interact", frame)
        return self._register(plan)

    def check_propagate(self, *request: Any) -> None:
        """Raise what `plan_propagate` would raise."""
        _planner.plan_propagate(self._context(), *request)

    def plan_propagate(self, *request: Any) -> Plan:
        """See `Session.plan_propagate`."""
        plan = _planner.plan_propagate(self._context(), *request)
        state = self._history.state
        drafts = {index: draft for index, draft in state.drafts.items() if index != plan.frame}
        with self.step():
            self._history.note("run", plan.id, "propagate", plan.frame, *request[1:])
            plan.edit = self._begin(f"propagate from frame {plan.frame}")
            self._history.set_fields(
                plan.edit,
                rounds=(*state.rounds, _planner.round_of(plan)),
                drafts=MappingProxyType(drafts),
            )
        self.interrupted.discard(plan.frame)
        return self._register(plan)

    def commit(self, update: Update) -> bool:
        """See `Session.commit`."""
        plan = self._plans.get(update.plan)
        if plan is None or not plan.alive:
            return False
        context = self._context()
        wanted = _planner.is_wanted(context, plan, update)
        if not wanted and plan.kind == "interact":
            return False
        edit = plan.edit
        try:
            with self.step():
                self._history.note("result", plan.id, update.index)
                self._take(context, plan, update, wanted)
        except BaseException:
            plan.edit = edit
            raise
        return wanted

    def _take(self, context: _planner.Context, plan: Plan, update: Update, wanted: bool) -> None:
        edit = self._edit_of(plan, update)
        self._remember(edit, plan, update, wanted)
        if not wanted:
            return
        now = self._history.frame(update.index)
        mask, probs = _planner.under_new_rules(context, plan, update)
        result = replace(update, mask=mask, probs=probs)
        self._history.set_frame(edit, update.index, segmented(now, result))
        drafts = self._history.state.drafts
        if update.prior is not None and update.index in drafts:
            # Its round is still to come: the preview is made anew then, from what is known now.
            draft = replace(drafts[update.index], before=update.prior, inputs=())
            changed = MappingProxyType({**drafts, update.index: draft})
            self._history.set_fields(edit, drafts=changed)

    def finish(self, plan: Plan) -> None:
        """See `Session.finish`."""
        if self._plans.pop(plan.id, None) is None:
            return
        edit, alive = plan.edit, plan.alive
        plan.alive = False
        with self.step():
            self._history.note("end", plan.id)
            if alive and plan.kind == "propagate" and edit is not None and not edit.frames:
                # Nothing came of it: as if it had never been asked for.
                self._history.drop(edit)

    def undone(self, edit: Edit | None) -> None:
        """End the run whose step was taken back."""
        for plan in self._plans.values():
            if edit is not None and plan.edit is edit:
                plan.alive = False

    def reopen(self, strokes: Literal["hint", "law"] | None, accumulate: bool) -> None:
        """Go on as a session that is opened again: with these settings, and without runs."""
        self.close()
        self._strokes, self._accumulate = strokes, accumulate

    def close(self) -> None:
        """Drop all results that are still to come."""
        for plan in self._plans.values():
            plan.alive = False
        self._plans.clear()

    def _register(self, plan: Plan) -> Plan:
        self._plans[plan.id] = plan
        return plan

    def _edit_of(self, plan: Plan, update: Update) -> Edit:
        """The step of undo that a result belongs to."""
        if plan.edit is None:
            last = self._history.done[-1] if self._history.done else None
            # A preview goes with the stroke it shows: one undo takes both back.
            if last is not None and last.previews == update.index:
                plan.edit = last
            else:
                plan.edit = self._begin(f"preview of frame {update.index}", update.index)
        return plan.edit

    def _remember(self, edit: Edit, plan: Plan, update: Update, wanted: bool) -> None:
        """Keep what the method learnt from an annotated frame."""
        draft = update.draft
        if draft is None:
            return
        if plan.kind == "propagate" and update.index == plan.frame:
            # Even when the frame was drawn on since: the frames to come are computed with it.
            # Not when its strokes were erased or its objects merged since: then the memory must be
            # rebuilt.
            state = self._history.state
            merged = {old for old, _ in state.merged}.intersection(plan.objects)
            if _planner.still_holds(state, plan) and not merged:
                self._history.set_fields(edit, memory=draft.memory, memory_current=True)
            return
        if not wanted:
            return
        if plan.rounds:
            self._history.set_fields(edit, memory=draft.base, memory_current=True)
        drafts = {**self._history.state.drafts, update.index: draft}
        self._history.set_fields(edit, drafts=MappingProxyType(drafts))

    def _loader(self) -> EngineLoader:
        state = self._history.state
        key = (state.method, state.device, state.checkpoint)
        if key not in self._loaders:
            self._loaders[key] = EngineLoader.of(*key)
        return self._loaders[key]

    def _context(self) -> _planner.Context:
        spec = get_method(self._history.state.method)
        return _planner.Context(
            plan_id=next(self._ids),
            video=self._video,
            store=self._store,
            loader=self._loader(),
            history=self._history,
            spec=spec,
            law=self.law,
            accumulate=self._accumulate,
        )

    def _forget(self) -> None:
        # A run may still read what its plan names.
        if not self._plans:
            self._store.discard(self._history.dead)
            self._history.dead.clear()
