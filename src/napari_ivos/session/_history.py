"""Undo as values: an edit knows what it replaced; and each step is noted before it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from napari_ivos.session._disk import Key
from napari_ivos.session._state import EMPTY_FRAME, FrameState, State

Change: TypeAlias = tuple[Any, ...]
"""What happened, as a word and values: ("begin", edit), ("set", edit, {name: (before, after)}),
("frame", edit, index, frame), ("relabel", edit, start, stop, pairs),
("accept", edit, start, stop, key), ("undo",), ("redo",), ("drop", edit); edits by their numbers,
but for ("begin", edit). Other words are notes, which change nothing here."""


@dataclass(slots=True, eq=False)
class Edit:
    """One step of undo: the values before and after, field by field and frame by frame."""

    text: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    frames: dict[int, tuple[FrameState, FrameState]] = field(default_factory=dict)
    previews: int | None = None
    """The frame whose preview belongs to this edit (a stroke's does)."""
    number: int = 0
    """1, 2, 3, … in the order in which edits began."""
    above: Key = 0
    """The highest key that a frame had had when this edit began."""
    highest: Key = 0
    """The same when it last changed a frame: none of its own is higher."""
    painted: frozenset[Key] = frozenset()
    """Masks that people made in this edit and previews have taken the place of: nobody can make
    them again, and a replay begins the preview from them."""


@dataclass(slots=True, eq=False)
class _Step:
    """What happened since an action began, and how to take it back."""

    changes: list[Change] = field(default_factory=list)
    backwards: list[Callable[[], None]] = field(default_factory=list)
    dead: list[Key] = field(default_factory=list)


class History:
    """The state, the frames, and the way back.

    Undo and redo touch only what an edit touched, however long the video is. Frames hold keys,
    so an edit of ten thousand frames is a small dictionary.

    Parameters
    ----------
    state : State
    record : callable, optional
        Takes the changes of an action before it counts; when it raises, the action is taken back.
        From then on changes are made within `step` only.
    """

    def __init__(self, state: State, record: Callable[[list[Change]], None] | None = None) -> None:
        self.state = state
        self.record = record
        self.frames: dict[int, FrameState] = {}
        self.done: list[Edit] = []
        self.undone: list[Edit] = []
        self.dead: list[Key] = []
        """Keys that nothing can come back to; for the owner of the store to discard."""
        self._last = 0
        self._highest: Key = 0
        self._step: _Step | None = None

    @contextmanager
    def step(self) -> Iterator[None]:
        """Make the changes within one action: all of it is recorded, or nothing of it happens."""
        if self._step is not None:
            yield
            return
        self._step = step = _Step()
        try:
            yield
            if step.changes and self.record is not None:
                self.record(step.changes)
        except BaseException:
            for back in reversed(step.backwards):
                back()
            raise
        finally:
            self._step = None
        self.dead.extend(step.dead)

    def note(self, *change: Any) -> None:
        """Have something recorded that changes nothing here."""
        self._changed(change, _nothing)

    def frame(self, index: int) -> FrameState:
        """What is known of a frame."""
        return self.frames.get(index, EMPTY_FRAME)

    def push(self, edit: Edit) -> None:
        """Begin a step of undo; ends what could be redone."""
        undone, last = list(self.undone), self._last
        dead = self._keys_of_undone() if undone else []
        self.undone.clear()
        edit.number, edit.above = edit.number or last + 1, self._highest
        self._last = edit.number
        self.done.append(edit)

        def back() -> None:
            self.done.remove(edit)
            self.undone[:], self._last = undone, last

        self._changed(("begin", edit), back)
        if self._step is not None:
            self._step.dead.extend(dead)

    def set_fields(self, edit: Edit, **values: Any) -> None:
        """Change fields of the state as part of an edit."""
        state, fields = self.state, dict(edit.fields)
        for name, value in values.items():
            before = edit.fields[name][0] if name in edit.fields else getattr(state, name)
            edit.fields[name] = (before, value)
        self.state = replace(state, **values)

        def back() -> None:
            self.state, edit.fields = state, fields

        changed = {name: (getattr(state, name), value) for name, value in values.items()}
        self._changed(("set", edit.number, changed), back)

    def set_frame(self, edit: Edit, index: int, frame: FrameState) -> None:
        """Change a frame as part of an edit.

        An edit that began later and changed the frame has nothing to take back there any more.
        """
        later = self._later(edit, index)
        sides, now = edit.frames.get(index), self.frames.get(index)
        painted = edit.painted
        if sides is not None and sides[1].source == "human" and sides[1].probs is None:
            edit.painted |= _keys(sides[1:])
        keys = (frame.mask or 0, frame.probs or 0, frame.human or 0)
        edit.highest = self._highest = max(self._highest, *keys)
        before = later[0][1][0] if later else self.frame(index)
        edit.frames[index] = (before if sides is None else sides[0], frame)
        for other, _ in later:
            other.frames[index] = (frame, frame)
        self.frames[index] = frame

        def back() -> None:
            for other, its in later:
                other.frames[index] = its
            edit.painted = painted
            _put(edit.frames, index, sides)
            _put(self.frames, index, now)

        self._changed(("frame", edit.number, index, frame), back)

    def _later(self, edit: Edit, index: int) -> list[tuple[Edit, tuple[FrameState, FrameState]]]:
        """Edits that began after another one and changed a frame, oldest first, and how.

        While a run goes on, people do other things: its results are part of an older step.
        """
        later: list[tuple[Edit, tuple[FrameState, FrameState]]] = []
        for other in reversed(self.done):
            if other is edit:
                break
            if index in other.frames:
                later.insert(0, (other, other.frames[index]))
        return later

    def set_frames(
        self,
        edit: Edit,
        frames: Mapping[int, FrameState],
        word: str,
        *values: Any,
        highest: Key = 0,
    ) -> None:
        """Change frames as part of an edit, by something that is recorded as one change.

        Parameters
        ----------
        edit : Edit
        frames : mapping of int to FrameState
        word, *values
            The change.
        highest : int, optional
            The highest key in them that no frame had yet.
        """
        sides = {index: edit.frames.get(index) for index in frames}
        now = {index: self.frames.get(index) for index in frames}
        for index, frame in frames.items():
            before = sides[index]
            edit.frames[index] = (self.frame(index) if before is None else before[0], frame)
        self.frames.update(frames)
        edit.highest = self._highest = max(self._highest, highest)

        def back() -> None:
            for index in frames:
                _put(edit.frames, index, sides[index])
                _put(self.frames, index, now[index])

        self._changed((word, edit.number, *values), back)

    def undo(self) -> Edit | None:
        """Take the last edit back; None when there is none."""
        return self._travel(self.done, self.undone, 0, "undo")

    def redo(self) -> Edit | None:
        """Do the edit undone last once more; None when there is none."""
        return self._travel(self.undone, self.done, 1, "redo")

    def drop(self, edit: Edit) -> None:
        """Take an edit back that turned out to be empty, as if it had never begun."""
        place = self.done.index(edit)
        restore = self._apply(edit, 0)
        del self.done[place]

        def back() -> None:
            self.done.insert(place, edit)
            restore()

        self._changed(("drop", edit.number), back)

    def _travel(self, source: list[Edit], target: list[Edit], side: int, word: str) -> Edit | None:
        if not source:
            return None
        edit = source.pop()
        restore = self._apply(edit, side)
        target.append(edit)

        def back() -> None:
            source.append(target.pop())
            restore()

        self._changed((word,), back)
        return edit

    def _apply(self, edit: Edit, side: int) -> Callable[[], None]:
        """Put one side's values; gives what takes that back."""
        state, frames = self.state, {index: self.frames.get(index) for index in edit.frames}
        self.state = replace(state, **{k: v[side] for k, v in edit.fields.items()})
        for index, sides in edit.frames.items():
            self.frames[index] = sides[side]

        def back() -> None:
            self.state = state
            for index, frame in frames.items():
                _put(self.frames, index, frame)

        return back

    def _changed(self, change: Change, back: Callable[[], None]) -> None:
        if self._step is None:
            assert self.record is None, "changes are made within a step"
            return
        self._step.changes.append(change)
        self._step.backwards.append(back)

    def _keys_of_undone(self) -> list[Key]:
        """Keys that no frame can come back to once the redo steps are gone."""
        # Only higher keys can have come with these steps. Of earlier ones just those know such
        # keys that went on beside them (runs), so the rest of the way back is not looked at.
        above = self.undone[-1].above
        fresh = [edit for edit in self.undone if edit.highest > above]
        new = _keys(sides[1] for edit in fresh for sides in edit.frames.values())
        new.update(*(edit.painted for edit in fresh))
        doomed = {key for key in new if key > above}
        if not doomed:
            return []
        kept = _keys(self.frame(index) for edit in self.undone for index in edit.frames)
        beside = (edit.frames for edit in self.done if edit.highest > above)
        kept |= _keys(side for frames in beside for sides in frames.values() for side in sides)
        kept.update(*(edit.painted for edit in self.done if edit.highest > above))
        kept |= _keys(draft.before for draft in self.state.drafts.values())
        kept |= _keys(item.before for item in self.state.rounds)
        return sorted(doomed - kept)

    def all_keys(self) -> set[Key]:
        """Every key that something here can come back to."""
        found = _keys(self.frames.values())
        states: list[dict[str, Any]] = [{"rounds": self.state.rounds, "drafts": self.state.drafts}]
        for edit in (*self.done, *self.undone):
            found |= edit.painted
            found |= _keys(side for sides in edit.frames.values() for side in sides)
            states += [{k: v[side] for k, v in edit.fields.items()} for side in (0, 1)]
        # Rounds and drafts are shared between states: each is looked at once.
        befores = {
            id(item): item.before
            for state in states
            for item in (*state.get("rounds", ()), *state.get("drafts", {}).values())
        }
        return found | _keys(befores.values())


def _put(entries: dict[int, Any], index: int, value: Any) -> None:
    if value is None:
        entries.pop(index, None)
    else:
        entries[index] = value


def _nothing() -> None:
    pass


def _keys(frames: Iterable[FrameState]) -> set[Key]:
    found = {key for frame in frames for key in (frame.mask, frame.probs, frame.human)}
    return {key for key in found if key is not None}
