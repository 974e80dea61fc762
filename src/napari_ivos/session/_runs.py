"""The runs of a session: plans that are under way, and what becomes of their results."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from napari_ivos.methods import Engine, get_method
from napari_ivos.session import _planner
from napari_ivos.session._history import Edit, History
from napari_ivos.session._plan import EngineLoader, Plan, Update
from napari_ivos.session._store import FrameStore, Key
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
    """

    def __init__(
        self,
        video: Video,
        store: FrameStore,
        history: History,
        strokes: Literal["hint", "law"] | None,
        accumulate: bool,
    ) -> None:
        self._video = video
        self._store = store
        self._history = history
        self._strokes = strokes
        self._accumulate = accumulate
        self._plans: dict[int, Plan] = {}
        self._ids = itertools.count(1)
        self._loaders: dict[tuple[str, str, Path | None], EngineLoader] = {}
        self._dead: list[Key] = []

    def use(self, engine: Engine) -> None:
        """Take an engine that is loaded already for the present method."""
        state = self._history.state
        key = (state.method, state.device, state.checkpoint)
        self._loaders[key] = EngineLoader(lambda: engine)

    def begin(self, text: str, previews: int | None = None) -> Edit:
        """Begin a step of undo; what only the redo steps knew is forgotten after the last run."""
        edit = Edit(text, previews=previews)
        self._dead.extend(self._history.push(edit))
        self._forget()
        return edit

    def plan_interact(self, frame: int) -> Plan:
        """See `Session.plan_interact`."""
        return self._register(_planner.plan_interact(self._context(), frame))

    def check_propagate(self, *request: Any) -> None:
        """Raise what `plan_propagate` would raise."""
        _planner.plan_propagate(self._context(), *request)

    def plan_propagate(self, *request: Any) -> Plan:
        """See `Session.plan_propagate`."""
        plan = self._register(_planner.plan_propagate(self._context(), *request))
        plan.edit = self.begin(f"propagate from frame {plan.frame}")
        state = self._history.state
        drafts = {index: draft for index, draft in state.drafts.items() if index != plan.frame}
        self._history.set_fields(
            plan.edit,
            rounds=(*state.rounds, _planner.round_of(plan)),
            drafts=MappingProxyType(drafts),
        )
        return plan

    def commit(self, update: Update) -> bool:
        """See `Session.commit`."""
        plan = self._plans.get(update.plan)
        if plan is None or not plan.alive:
            return False
        context = self._context()
        wanted = _planner.is_wanted(context, plan, update)
        if not wanted and plan.kind == "interact":
            return False
        edit = self._edit_of(plan, update)
        self._remember(edit, plan, update, wanted)
        if not wanted:
            return False
        now = self._history.frame(update.index)
        mask, probs = _planner.under_new_rules(context, plan, update)
        segmented = replace(
            now,
            mask=mask,
            probs=probs,
            objects=update.objects,
            reliability=now.reliability if now.trusted else update.reliability,
            source=now.source if now.trusted else "model",
        )
        self._history.set_frame(edit, update.index, segmented)
        return True

    def finish(self, plan: Plan) -> None:
        """See `Session.finish`."""
        if self._plans.pop(plan.id, None) is None:
            return
        edit = plan.edit
        if plan.alive and plan.kind == "propagate" and edit is not None and not edit.frames:
            # Nothing came of it: as if it had never been asked for.
            self._history.drop(edit)
        plan.alive = False
        self._forget()

    def undone(self, edit: Edit | None) -> None:
        """End the run whose step was taken back."""
        for plan in self._plans.values():
            if edit is not None and plan.edit is edit:
                plan.alive = False

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
                plan.edit = self.begin(f"preview of frame {update.index}", update.index)
        return plan.edit

    def _remember(self, edit: Edit, plan: Plan, update: Update, wanted: bool) -> None:
        """Keep what the method learnt from an annotated frame."""
        draft = update.draft
        if draft is None:
            return
        if plan.kind == "propagate" and update.index == plan.frame:
            # Even when the frame was drawn on since: the frames to come are computed with it.
            self._history.set_fields(edit, memory=draft.memory, memory_current=True)
            return
        if not wanted:
            return
        if plan.rounds:
            self._history.set_fields(edit, memory=draft.base, memory_current=True)
        drafts = {**self._history.state.drafts, update.index: draft}
        self._history.set_fields(edit, drafts=MappingProxyType(drafts))

    def _context(self) -> _planner.Context:
        state = self._history.state
        key = (state.method, state.device, state.checkpoint)
        if key not in self._loaders:
            self._loaders[key] = EngineLoader.of(*key)
        spec = get_method(state.method)
        return _planner.Context(
            plan_id=next(self._ids),
            video=self._video,
            store=self._store,
            loader=self._loaders[key],
            history=self._history,
            spec=spec,
            law=(self._strokes or spec.strokes) == "law",
            accumulate=self._accumulate,
        )

    def _forget(self) -> None:
        # A run may still read what its plan names.
        if not self._plans:
            self._store.discard(self._dead)
            self._dead.clear()
