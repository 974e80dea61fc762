"""Undo as values: an edit knows what it replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from napari_ivos.session._state import EMPTY_FRAME, FrameState, State
from napari_ivos.session._store import Key


@dataclass(slots=True, eq=False)
class Edit:
    """One step of undo: the values before and after, field by field and frame by frame."""

    text: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    frames: dict[int, tuple[FrameState, FrameState]] = field(default_factory=dict)
    previews: int | None = None
    """The frame whose preview belongs to this edit (a stroke's does)."""


class History:
    """The state, the frames, and the way back.

    Undo and redo touch only what an edit touched, however long the video is. Frames hold keys,
    so an edit of ten thousand frames is a small dictionary.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.frames: dict[int, FrameState] = {}
        self.done: list[Edit] = []
        self.undone: list[Edit] = []

    def frame(self, index: int) -> FrameState:
        """What is known of a frame."""
        return self.frames.get(index, EMPTY_FRAME)

    def push(self, edit: Edit) -> list[Key]:
        """Begin a step; returns the keys that only the redo steps it ends had."""
        dead = self._keys_of_undone() if self.undone else []
        self.undone.clear()
        self.done.append(edit)
        return dead

    def set_fields(self, edit: Edit, **values: Any) -> None:
        """Change fields of the state as part of an edit."""
        for name, value in values.items():
            before = edit.fields[name][0] if name in edit.fields else getattr(self.state, name)
            edit.fields[name] = (before, value)
        self.state = replace(self.state, **values)

    def set_frame(self, edit: Edit, index: int, frame: FrameState) -> None:
        """Change a frame as part of an edit."""
        before = edit.frames[index][0] if index in edit.frames else self.frame(index)
        edit.frames[index] = (before, frame)
        self.frames[index] = frame

    def undo(self) -> Edit | None:
        """Take the last edit back; None when there is none."""
        if not self.done:
            return None
        edit = self.done.pop()
        self._apply(edit, 0)
        self.undone.append(edit)
        return edit

    def redo(self) -> Edit | None:
        """Do the edit undone last once more; None when there is none."""
        if not self.undone:
            return None
        edit = self.undone.pop()
        self._apply(edit, 1)
        self.done.append(edit)
        return edit

    def drop(self, edit: Edit) -> None:
        """Take an edit back that turned out to be empty, as if it had never begun."""
        self._apply(edit, 0)
        self.done.remove(edit)

    def _apply(self, edit: Edit, side: int) -> None:
        self.state = replace(self.state, **{k: v[side] for k, v in edit.fields.items()})
        for index, sides in edit.frames.items():
            self.frames[index] = sides[side]

    def _keys_of_undone(self) -> list[Key]:
        """Keys that no frame can come back to once the redo steps are gone."""
        doomed = _keys(sides[1] for edit in self.undone for sides in edit.frames.values())
        if not doomed:
            return []
        kept = _keys(self.frames.values())
        kept |= _keys(
            side for edit in self.done for sides in edit.frames.values() for side in sides
        )
        kept |= _keys(draft.before for draft in self.state.drafts.values())
        kept |= _keys(item.before for item in self.state.rounds)
        return sorted(doomed - kept)


def _keys(frames: Iterable[FrameState]) -> set[Key]:
    found = {key for frame in frames for key in (frame.mask, frame.probs, frame.human)}
    return {key for key in found if key is not None}
