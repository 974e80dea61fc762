"""From what a session knows to what a run needs: pure functions of state and request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from napari_ivos.errors import StrokeError
from napari_ivos.methods import MethodSpec
from napari_ivos.methods import _schedule as schedule
from napari_ivos.scribbles import Stroke, whole_number
from napari_ivos.session._disk import Key
from napari_ivos.session._history import History
from napari_ivos.session._loader import EngineLoader
from napari_ivos.session._plan import Plan
from napari_ivos.session._relabel import read_mask, relabel_ids
from napari_ivos.session._rules import Rules, absent_objects
from napari_ivos.session._state import EMPTY_FRAME, Annotated, Round, State
from napari_ivos.session._store import FrameStore
from napari_ivos.session._update import Interaction, Update
from napari_ivos.types import LabelMap, ObjectId
from napari_ivos.video import Video


@dataclass(frozen=True, slots=True)
class Context:
    """What planning looks at."""

    plan_id: int
    video: Video
    store: FrameStore
    loader: EngineLoader
    history: History
    spec: MethodSpec
    law: bool
    accumulate: bool

    @property
    def state(self) -> State:
        """The session's state."""
        return self.history.state


def annotations_of(state: State) -> list[Annotated]:
    """What people put on frames, oldest first, without the strokes of removed objects."""
    ids = {0, *state.ids}
    return [a for a in state.annotated if a.stroke is None or a.stroke.object_id in ids]


def strokes_on(state: State, frame: int | None, since: int = 0) -> tuple[Stroke, ...]:
    """Strokes on a frame (None: on all) from the round `since` on, oldest first."""
    return tuple(
        item.stroke
        for item in annotations_of(state)
        if item.stroke is not None and item.round >= since and frame in (None, item.frame)
    )


def newer_strokes(history: History, frame: int) -> frozenset[Stroke]:
    """Strokes on a frame since it was painted on or accepted last: the later word counts."""
    now, count, newer = history.frame(frame), 0, set[Stroke]()
    accepted = now.accepted_strokes if now.trusted else 0
    for item in history.state.annotated:
        if item.frame != frame:
            continue
        if item.stroke is None:
            newer.clear()
            continue
        count += 1
        if count > accepted:
            newer.add(item.stroke)
    return frozenset(newer)


def round_begin(state: State, frame: int) -> int:
    """The first round whose annotations of a frame no propagation has carried on yet."""
    past = [number for number, item in enumerate(state.rounds) if item.frame == frame]
    return past[-1] + 1 if past else 0


def pending_frames(state: State) -> tuple[int, ...]:
    """Annotated frames that were not propagated since, the one annotated last at the end."""
    latest: dict[int, None] = {}
    for item in annotations_of(state):
        if item.round >= round_begin(state, item.frame):
            latest.pop(item.frame, None)
            latest[item.frame] = None
    return tuple(latest)


def trusted_frames(context: Context) -> set[int]:
    """Frames that a run must not visit: annotated ones, and those a person vouches for."""
    trusted = {index for index, frame in context.history.frames.items() if frame.trusted}
    return trusted | {item.frame for item in annotations_of(context.state)}


def plan_interact(context: Context, frame: int) -> Plan:
    """Plan the preview of one annotated frame.

    Raises
    ------
    StrokeError
        There is no object, or nothing on this frame.
    """
    if frame not in {item.frame for item in annotations_of(context.state)}:
        raise StrokeError(f"Nothing is drawn on frame {frame}.", "Draw a stroke on it first.")
    item = _interaction(context, frame)
    return _plan(context, "interact", frame, (frame,), (item,))


def plan_propagate(
    context: Context, frame: int | None, direction: str, start: int | None, stop: int | None
) -> Plan:
    """Plan a propagation; see `Session.propagate`."""
    if direction not in ("both", "forward", "backward"):
        raise StrokeError(
            f"There is no direction '{direction}'.", "It is 'both', 'forward' or 'backward'."
        )
    length = len(context.video)
    origin = _origin(context, frame)
    frames_wanted = frame_range(start, stop, length)
    first, end = frames_wanted.start, frames_wanted.stop
    others = trusted_frames(context) - {origin}
    passed = {other for other in others if _goes_through(context, origin, other)}
    backward, forward = schedule.span(origin, others - passed, length, context.spec.span_proportion)
    # Frames on the way to the range are visited as well; those past it are not needed.
    back = tuple(i for i in backward if direction != "forward" and i >= first)
    fore = tuple(i for i in forward if direction != "backward" and i < end)
    frames = tuple(i for i in (origin, *back, *fore) if first <= i < end)
    pending = [f for f in pending_frames(context.state) if f != origin]
    items = tuple(_interaction(context, f) for f in (*pending, origin))
    plan = _plan(context, "propagate", origin, frames, items)
    plan.backward, plan.forward = back, fore
    plan.annotated = tuple(sorted(others))
    plan.passed = {
        index: _interaction(context, index) for index in (*back, *fore) if index in passed
    }
    return plan


def _goes_through(context: Context, origin: int, other: int) -> bool:
    """Whether a run carries an object on through an annotated frame where it is not known yet."""
    if context.history.frame(other).trusted:
        return False
    absent = absent_objects(context.state.absences, other)
    locked = {item.id for item in context.state.objects if item.locked}
    return bool(_known(context, origin) - _known(context, other) - absent - locked)


def _known(context: Context, frame: int) -> set[ObjectId]:
    """Objects that an annotated frame says something of, as far as can be told before the run."""
    state, now = context.state, context.history.frame(frame)
    known = {stroke.object_id for stroke in strokes_on(state, frame)}
    if now.human is not None and (now.trusted or now.probs is None):
        known |= now.human_objects
    if now.objects:
        known |= set(relabel_ids(now.objects, now.relabelled + state.merged))
    return known.intersection(state.ids)


def _origin(context: Context, frame: int | None) -> int:
    known = trusted_frames(context)
    if frame is None:
        noted = annotations_of(context.state)
        if not noted:
            raise StrokeError(
                "Nothing is annotated yet.", "Draw a stroke on one frame, then propagate."
            )
        return noted[-1].frame
    if frame not in known:
        raise StrokeError(
            f"Frame {frame} has no strokes and no mask of yours to start from.",
            "Draw on it first, or leave the frame out.",
        )
    return int(frame)


def frame_range(start: int | None, stop: int | None, length: int) -> range:
    """Frames from `start` (by default the first) up to, not including, `stop` (all).

    Raises
    ------
    StrokeError
        They are none, or not all within the video.
    """
    first = 0 if start is None else whole_number(start, "frame")
    end = length if stop is None else whole_number(stop, "frame")
    if not 0 <= first < end <= length:
        raise StrokeError(
            f"The frames from {first} to {end} are not a range within the video.",
            f"It has the frames 0 to {length - 1}; the end itself is not included.",
        )
    return range(first, end)


def _interaction(context: Context, frame: int) -> Interaction:
    state, now = context.state, context.history.frame(frame)
    since = round_begin(state, frame)
    strokes = strokes_on(state, frame, 0 if context.accumulate else since)
    # Propagating a frame once more without new strokes: then its old ones are what there is.
    strokes = strokes or strokes_on(state, frame)
    newer = newer_strokes(context.history, frame).intersection(strokes)
    human = (now.human, now.human_relabelled)
    inputs = (state.ids, strokes, human, state.method, state.checkpoint)
    draft = state.drafts.get(frame)
    if draft is None:
        return Interaction(frame, strokes, newer, now, None, inputs, None)
    before = replace(
        draft.before,
        human=now.human,
        human_relabelled=now.human_relabelled,
        human_objects=now.human_objects,
        binding=now.binding,
        trusted=now.trusted,
    )
    fresh = (
        draft.inputs == inputs
        and draft.base is state.memory
        and state.memory_current
        and now.probs is not None
    )
    return Interaction(frame, strokes, newer, before, now, inputs, draft if fresh else None)


def _plan(
    context: Context,
    kind: Literal["interact", "propagate"],
    frame: int,
    frames: tuple[int, ...],
    items: tuple[Interaction, ...],
) -> Plan:
    state = context.state
    if not state.objects:
        raise StrokeError("There is no object to segment yet.", "Add one and draw a stroke on it.")
    return Plan(
        id=context.plan_id,
        kind=kind,
        frame=frame,
        frames=frames,
        video=context.video,
        store=context.store,
        loader=context.loader,
        rules=_rules(context),
        law=context.law,
        interactions=items,
        memory=state.memory,
        merged=state.merged,
        rounds=() if state.memory_current else tuple(r for r in state.rounds if not r.empty),
        before=dict(context.history.frames),
    )


def _rules(context: Context) -> Rules:
    state, frames, store = context.state, dict(context.history.frames), context.store

    def current(index: int) -> LabelMap | None:
        return read_mask(store, frames.get(index, EMPTY_FRAME), state.merged)

    locked = frozenset(item.id for item in state.objects if item.locked)
    return Rules(state.ids, locked, state.absences, current)


def round_of(plan: Plan) -> Round:
    """The round that a propagation ends."""
    item = plan.interactions[-1]
    return Round(plan.frame, plan.objects, item.strokes, item.before)


def still_holds(state: State, plan: Plan) -> bool:
    """Whether none of the strokes that a propagation starts from was erased since."""
    there = {item.stroke for item in state.annotated if item.frame == plan.frame}
    return there.issuperset(plan.interactions[-1].strokes)


def is_wanted(context: Context, plan: Plan, update: Update) -> bool:
    """Whether a frame may still take a result, or a person has said something else since."""
    if plan.loader is not context.loader:
        return False
    if update.index in plan.passed:
        then, now = plan.passed[update.index], context.history.frame(update.index)
        same = _interaction(context, update.index).inputs[1:3] == then.inputs[1:3]
        return same and not now.trusted
    if update.draft is None:
        return update.index not in trusted_frames(context) - {plan.frame}
    if plan.kind == "propagate" and update.index == plan.frame:
        return update.index not in context.state.drafts and still_holds(context.state, plan)
    return update.draft.inputs == _interaction(context, update.index).inputs


def under_new_rules(context: Context, plan: Plan, update: Update) -> tuple[Key, Key]:
    """Mask and probabilities of a result, under what was locked or marked absent meanwhile."""
    rules = replace(_rules(context), objects=plan.objects)
    same = (rules.locked, rules.absences) == (plan.rules.locked, plan.rules.absences)
    if same or update.draft is not None or update.index in plan.passed:
        return update.mask, update.probs
    labels, probs = rules.apply(update.index, context.store.get(update.probs))
    return context.store.put(labels), context.store.put(probs)
