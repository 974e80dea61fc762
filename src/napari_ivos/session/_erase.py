"""Strokes that a person takes away again, as an edit of the history."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from napari_ivos.scribbles import Stroke
from napari_ivos.session._history import Edit, History
from napari_ivos.session._relabel import read_human, read_mask
from napari_ivos.session._state import Annotated, FrameState, Round, State
from napari_ivos.session._store import FrameStore


def erase_strokes(history: History, store: FrameStore, edit: Edit, strokes: Set[Stroke]) -> None:
    """Take strokes out of the present round and of those before.

    Their frames go back to what they were before these strokes counted first. Where a finished
    round loses strokes, what else is on its frame counts as drawn in the present round, so that the
    frame is carried on once more, and the method's memory is rebuilt without them.
    """
    state = history.state
    rounds = tuple(_without(item, strokes) for item in state.rounds)
    reopened = {old.frame for old, new in zip(state.rounds, rounds, strict=True) if new is not old}
    gone = set()
    for index in sorted({stroke.frame for stroke in strokes}):
        before = _before(state, index, strokes)
        if before is not None:
            now = history.frame(index)
            # An accepted frame is as it was accepted.
            back = _accepted(now, store) if now.trusted else _back(now, before, store)
            history.set_frame(edit, index, back)
            gone.add(index)
        _count_anew(history, edit, index, strokes)
    drafts = {index: draft for index, draft in state.drafts.items() if index not in gone}
    history.set_fields(
        edit,
        annotated=_left(state, strokes, reopened),
        drafts=MappingProxyType(drafts),
    )
    if reopened:
        history.set_fields(
            edit, rounds=rounds, memory=None, memory_current=all(item.empty for item in rounds)
        )


def _count_anew(history: History, edit: Edit, index: int, strokes: Set[Stroke]) -> None:
    """Of the strokes that lay on a frame when it was accepted there are fewer."""
    now = history.frame(index)
    on_frame = [a.stroke for a in history.state.annotated if a.frame == index and a.stroke]
    gone = sum(stroke in strokes for stroke in on_frame[: now.accepted_strokes])
    if gone:
        left = now.accepted_strokes - gone
        history.set_frame(edit, index, replace(now, accepted_strokes=left))


def _without(item: Round, strokes: Set[Stroke]) -> Round:
    left = tuple(stroke for stroke in item.strokes if stroke not in strokes)
    return item if len(left) == len(item.strokes) else replace(item, strokes=left)


def _left(state: State, strokes: Set[Stroke], reopened: Set[int]) -> tuple[Annotated, ...]:
    """What is still annotated; on frames of rounds that are open again as of now, and so last."""
    left = [item for item in state.annotated if item.stroke not in strokes]
    now = len(state.rounds)
    again = (replace(item, round=now) for item in left if item.frame in reopened)
    return (*(item for item in left if item.frame not in reopened), *again)


def _before(state: State, index: int, strokes: Set[Stroke]) -> FrameState | None:
    """The frame before the strokes counted first; None: they never did."""
    for item in state.rounds:
        if item.frame == index and not strokes.isdisjoint(item.strokes):
            return item.before
    draft = state.drafts.get(index)
    return None if draft is None else draft.before


def _back(now: FrameState, before: FrameState, store: FrameStore) -> FrameState:
    """The earlier frame, under the pixels that are a person's by now."""
    back = replace(
        before,
        human=now.human,
        human_objects=now.human_objects,
        human_relabelled=now.human_relabelled,
        binding=now.binding,
    )
    human = read_human(store, now)
    if human is None or now.human == before.human:
        return back
    mask = read_mask(store, before)
    shown = np.where(human >= 0, human, 0 if mask is None else mask).astype(np.uint16)
    key = store.put(shown)
    return replace(back, mask=key, probs=None, objects=(), relabelled=(), source="human")


def _accepted(now: FrameState, store: FrameStore) -> FrameState:
    """A frame that a person answers for, without what strokes on it have changed since."""
    human = read_human(store, now)
    if human is None or now.probs is None:
        return now
    mask = store.put(np.maximum(human, 0).astype(np.uint16))
    return replace(now, mask=mask, probs=None, objects=(), object_reliability=(), relabelled=())


def known_strokes(state: State, strokes: Iterable[Stroke]) -> frozenset[Stroke]:
    """Those of the strokes that are there."""
    return frozenset(strokes) & {item.stroke for item in state.annotated if item.stroke}
