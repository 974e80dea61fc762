"""What a person does to objects as a whole, as edits of the history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from napari_ivos.errors import StrokeError
from napari_ivos.masks import MAX_ID
from napari_ivos.scribbles import Stroke, whole_number
from napari_ivos.session._history import Edit, History
from napari_ivos.session._relabel import relabel_frame, relabel_frames, relabel_ids
from napari_ivos.session._state import Relabels, Round, SessionObject, State
from napari_ivos.types import ObjectId


def as_ids(ids: Any) -> tuple[ObjectId, ...]:
    """One id or several, as several.

    Raises
    ------
    StrokeError
        They are neither.
    """
    if isinstance(ids, Iterable) and not isinstance(ids, str):
        return tuple(whole_number(item, "object") for item in ids)
    return (whole_number(ids, "object"),)


def check_objects(state: State, ids: Iterable[ObjectId]) -> None:
    """Whether there are such objects.

    Raises
    ------
    StrokeError
        There is none of that number.
    """
    for object_id in ids:
        if object_id not in state.ids:
            known = ", ".join(map(str, state.ids)) or "none yet"
            raise StrokeError(
                f"There is no object {object_id}.", f"Add it first; there is: {known}."
            )


def check_unlocked(state: State, ids: Collection[ObjectId], verb: str) -> None:
    """Whether there are such objects, and they may be changed as a whole.

    Raises
    ------
    StrokeError
        There is none of that number, or it is locked.
    """
    check_objects(state, ids)
    for item in state.objects:
        if item.id in ids and item.locked:
            raise StrokeError(
                f"Object {item.id} ('{item.name}') is locked and cannot be {verb}.",
                "Unlock it first.",
            )


def create_objects(
    history: History,
    edit: Edit,
    ids: Iterable[ObjectId],
    name: str | None = None,
    parent: ObjectId = 0,
) -> None:
    """Add the objects that there are none of yet."""
    state = history.state
    have = {item.id: item for item in state.objects}
    new = sorted(set(ids) - have.keys())
    if not new:
        return
    check_name(name)
    if new[-1] > MAX_ID:
        raise StrokeError(
            f"Objects cannot have numbers above {MAX_ID}.", "Begin another session on this video."
        )
    _forget_former(history, edit, frozenset(new))
    for object_id in new:
        called = name or f"object {object_id}"
        have[object_id] = SessionObject(object_id, called, parent=parent)
    history.set_fields(
        edit,
        objects=tuple(have[key] for key in sorted(have)),
        next_id=max(state.next_id, max(have) + 1),
        removed=state.removed - have.keys(),
    )


def check_name(name: str | None) -> None:
    """Whether an object may be called so: what cannot be read back must not be written down.

    Raises
    ------
    StrokeError
        It is no text.
    """
    if name is not None and not isinstance(name, str):
        raise StrokeError(f"The name of an object is a text, not {name!r}.")


def listed(ids: Collection[ObjectId]) -> str:
    """Objects in words, the first few by their ids."""
    first = ", ".join(map(str, list(ids)[:4]))
    return f"object {first}" if len(ids) == 1 else f"objects {first}{', …' if len(ids) > 4 else ''}"


def change_objects(history: History, edit: Edit, ids: Collection[ObjectId], **values: Any) -> None:
    """Replace values of some objects."""
    objects = tuple(
        replace(item, **values) if item.id in ids else item for item in history.state.objects
    )
    history.set_fields(edit, objects=objects)


def remove_objects(history: History, edit: Edit, ids: Collection[ObjectId]) -> None:
    """Take objects away; their strokes and pixels stay stored, and are passed over."""
    state = history.state
    objects = tuple(
        replace(item, parent=0) if item.parent in ids else item
        for item in state.objects
        if item.id not in ids
    )
    history.set_fields(edit, objects=objects, removed=state.removed.union(ids))


def delete_on(
    history: History, edit: Edit, object_ids: Collection[ObjectId], frames: range
) -> None:
    """Take objects' pixels and strokes off some frames; a run may put them there again."""
    change_strokes(
        history,
        edit,
        lambda s: None if s.object_id in object_ids and s.frame in frames else s,
    )
    relabel(history, edit, tuple((object_id, 0) for object_id in object_ids), frames)


def relabel(history: History, edit: Edit, pairs: Relabels, frames: range) -> None:
    """Have ids read as others on some frames, as they are stored now."""
    pairs = stored_pairs(history.state, pairs)
    relabel_frames(history, edit, frames.start, frames.stop, pairs)
    drafts = history.state.drafts
    if any(index in frames for index in drafts):
        # Without inputs they are out of date: what was previewed is no longer what is shown.
        changed = {
            index: replace(draft, before=relabel_frame(draft.before, pairs), inputs=())
            if index in frames
            else draft
            for index, draft in drafts.items()
        }
        history.set_fields(edit, drafts=MappingProxyType(changed))


def stored_pairs(state: State, pairs: Relabels) -> Relabels:
    """The same for pixels that are still stored under the ids of objects merged earlier."""
    table = dict(pairs)
    former = tuple(old for old, _ in state.merged)
    now = relabel_ids(former, state.merged)
    more = ((old, table[new]) for old, new in zip(former, now, strict=True) if new in table)
    return (*more, *pairs)


def change_strokes(history: History, edit: Edit, change: Callable[[Stroke], Stroke | None]) -> None:
    """Replace strokes, in past rounds too, or drop those that `change` gives None for."""
    changed = [
        (item, item.stroke if item.stroke is None else change(item.stroke))
        for item in history.state.annotated
    ]
    if all(stroke is item.stroke for item, stroke in changed):
        return
    history.set_fields(
        edit,
        annotated=tuple(
            item if stroke is item.stroke else replace(item, stroke=stroke)
            for item, stroke in changed
            if stroke is not None or item.stroke is None
        ),
    )

    def again(item: Round) -> Round:
        found = [change(stroke) for stroke in item.strokes]
        strokes = tuple(stroke for stroke in found if stroke is not None)
        ids = {*item.objects, *(stroke.object_id for stroke in strokes)} - {0}
        return Round(item.frame, tuple(sorted(ids)), strokes, item.before)

    change_rounds(history, edit, tuple(again(item) for item in history.state.rounds))


def change_rounds(history: History, edit: Edit, rounds: tuple[Round, ...]) -> None:
    """Replace past rounds; the method's memory is rebuilt of them when they are others now."""
    if rounds != history.state.rounds:
        current = all(item.empty for item in rounds)
        history.set_fields(edit, rounds=rounds, memory=None, memory_current=current)


def _forget_former(history: History, edit: Edit, ids: frozenset[ObjectId]) -> None:
    """Let ids of former objects name new ones, without what the former ones left."""
    state = history.state
    gone = ids & (state.removed | {old for old, _ in state.merged})
    if not gone:
        return
    pairs = state.merged + tuple((object_id, 0) for object_id in sorted(ids & state.removed))
    relabel(history, edit, pairs, range(max(history.frames, default=-1) + 1))
    rounds = tuple(
        replace(item, before=relabel_frame(item.before, pairs)) for item in history.state.rounds
    )
    history.set_fields(edit, merged=())
    change_rounds(history, edit, rounds)
    change_strokes(history, edit, lambda s: None if s.object_id in gone else s)
