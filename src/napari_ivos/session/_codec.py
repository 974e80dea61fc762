"""Changes of the history as JSON, and back: what a journal's line holds.

What a method keeps to itself (its memory) is not written; see `forget`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from napari_ivos.masks import MAX_ID
from napari_ivos.scribbles import Stroke, make_stroke
from napari_ivos.session import _checked as checked
from napari_ivos.session._accept import accept_frames
from napari_ivos.session._disk import Key
from napari_ivos.session._history import Change, Edit, History
from napari_ivos.session._relabel import relabel_frames
from napari_ivos.session._state import Absence, Annotated, Draft, FrameState, Round, State

_GROWING = ("annotated", "absences", "rounds")
"""Fields that mostly grow at their end: only what is new is written."""

_UNWRITTEN = ("memory", "memory_current")


def encode_change(change: Change) -> list[Any]:
    """One change as a JSON list; empty when there is nothing in it to keep."""
    word, *rest = change
    if word == "begin":
        edit: Edit = rest[0]
        return [word, edit.number, edit.text, edit.previews]
    if word == "set":
        number, fields = rest
        written = {
            name: _encode_field(name, *sides)
            for name, sides in fields.items()
            if name not in _UNWRITTEN
        }
        return [word, number, written] if written else []
    if word == "frame":
        number, index, frame = rest
        return [word, number, index, encode_frame(frame)]
    return [word, *rest]


def encode_frame(frame: FrameState) -> dict[str, Any]:
    """What is known of a frame, without what is as in an untouched one."""
    known: dict[str, Any] = {
        "mask": frame.mask,
        "probs": frame.probs,
        "objects": list(frame.objects) or None,
        "reliability": _score(frame.reliability),
        "object_reliability": [_score(value) for value in frame.object_reliability] or None,
        "source": frame.source or None,
        "human": frame.human,
        "human_objects": sorted(frame.human_objects) or None,
        "binding": None if frame.binding else False,
        "trusted": frame.trusted or None,
        "accepted_strokes": frame.accepted_strokes or None,
        "relabelled": list(frame.relabelled) or None,
        "human_relabelled": list(frame.human_relabelled) or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _score(reliability: float) -> float | None:
    return None if math.isnan(reliability) else reliability


def _encode_field(name: str, before: Any, after: Any) -> Any:
    if name in _GROWING:
        grown = after[: len(before)] == before
        new = after[len(before) :] if grown else after
        return {"more" if grown else "all": [_encode_item(item) for item in new]}
    if name == "objects":
        return [[o.id, o.name, o.locked, o.visible, o.parent] for o in after]
    if name == "removed":
        return sorted(after)
    if name == "drafts":
        return {str(index): encode_frame(draft.before) for index, draft in after.items()}
    if name == "checkpoint":
        return None if after is None else str(after)
    return after


def _encode_item(item: Annotated | Absence | Round) -> list[Any]:
    if isinstance(item, Absence):
        return [item.object_id, item.start, item.stop]
    if isinstance(item, Annotated):
        stroke = None if item.stroke is None else _encode_stroke(item.stroke)
        return [item.frame, item.round, stroke]
    strokes = [_encode_stroke(stroke) for stroke in item.strokes]
    return [item.frame, list(item.objects), strokes, encode_frame(item.before)]


def _encode_stroke(stroke: Stroke) -> dict[str, Any]:
    found = {"frame": stroke.frame, "object": stroke.object_id, "path": stroke.path.tolist()}
    if stroke.radius is not None:
        found["radius"] = stroke.radius
    if stroke.filled:
        found["filled"] = True
    return found


class Decoder:
    """Reads changes, and believes nothing: what is out of range is refused.

    Parameters
    ----------
    length : int
        Number of frames of the video.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self.highest = 0
        """The highest key that was ever named."""

    def apply(self, change: list[Any], history: History, edits: dict[int, Edit]) -> None:
        """Do to a history what a line says; `edits` are all that were ever begun.

        Raises
        ------
        ValueError, TypeError, KeyError, IvosError
            The change makes no sense.
        """
        word, *rest = change
        if word == "begin":
            number, text, previews = rest
            index = None if previews is None else self.index(previews)
            place = checked.whole(number, 1, checked.MOST)
            edit = Edit(checked.text(text), previews=index, number=place)
            edits[edit.number] = edit
            history.push(edit)
        elif word == "set":
            number, fields = rest
            state = history.state
            values = {name: self._field(name, value, state) for name, value in fields.items()}
            history.set_fields(edits[number], **values, **_memory(fields, values, state))
        elif word == "frame":
            number, index, frame = rest
            history.set_frame(edits[number], self.index(index), self.frame(frame))
        elif word == "relabel":
            number, start, stop, pairs = rest
            relabel_frames(
                history, edits[number], *self._range(start, stop), checked.relabels(pairs)
            )
        elif word == "accept":
            number, start, stop, blank = rest
            accept_frames(history, edits[number], *self._range(start, stop), self.key(blank))
        elif word == "drop":
            history.drop(edits[rest[0]])
        elif word in ("undo", "redo"):
            (history.undo if word == "undo" else history.redo)()
        else:
            raise ValueError(f"nobody knows what '{word}' means")

    def index(self, value: Any) -> int:
        """A frame's number."""
        return checked.whole(value, 0, self._length - 1)

    def key(self, value: Any) -> Key | None:
        """Under which something is stored."""
        key = None if value is None else checked.whole(value, 1, 10**15 - 1)
        self.highest = max(self.highest, key or 0)
        return key

    def _range(self, start: Any, stop: Any) -> tuple[int, int]:
        last = checked.whole(stop, 0, self._length)
        return checked.whole(start, 0, last), last

    def frame(self, known: dict[str, Any]) -> FrameState:
        """What is known of a frame."""
        keys = {name: self.key(known.get(name)) for name in ("mask", "probs", "human")}
        source = known.get("source", "")
        if source not in ("", "model", "human"):
            raise ValueError(f"a frame's source is '{source}'")
        return FrameState(
            mask=keys["mask"],
            probs=keys["probs"],
            human=keys["human"],
            objects=checked.object_ids(known.get("objects", ())),
            reliability=checked.number(known.get("reliability", math.nan)),
            object_reliability=checked.scores(known.get("object_reliability", ())),
            source=source,
            human_objects=frozenset(checked.object_ids(known.get("human_objects", ()))),
            binding=known.get("binding", True) is True,
            trusted=known.get("trusted", False) is True,
            accepted_strokes=checked.whole(known.get("accepted_strokes", 0), 0, checked.MOST),
            relabelled=checked.relabels(known.get("relabelled", ())),
            human_relabelled=checked.relabels(known.get("human_relabelled", ()), -1),
        )

    def _field(self, name: str, value: Any, state: State) -> Any:
        if name in _GROWING:
            ((how, items),) = value.items()
            before = getattr(state, name) if {"more": True, "all": False}[how] else ()
            return (*before, *(self._item(name, item) for item in items))
        if name in checked.FIELDS:
            return checked.FIELDS[name](value)
        if name == "drafts":
            return _stale((self.index(int(key)), self.frame(item)) for key, item in value.items())
        return setting(name, value)

    def _item(self, name: str, item: Any) -> Annotated | Absence | Round:
        if name == "annotated":
            return self._annotated(*item)
        return self._absence(*item) if name == "absences" else self._round(*item)

    def _annotated(self, frame: Any, number: Any, stroke: Any) -> Annotated:
        drawn = None if stroke is None else self._stroke(stroke)
        return Annotated(self.index(frame), checked.whole(number, 0, checked.MOST), drawn)

    def _absence(self, object_id: Any, start: Any, stop: Any) -> Absence:
        last = checked.whole(stop, 1, self._length)
        return Absence(checked.object_id(object_id), checked.whole(start, 0, last), last)

    def _round(self, frame: Any, objects: Any, strokes: Any, before: Any) -> Round:
        drawn = tuple(self._stroke(stroke) for stroke in strokes)
        return Round(self.index(frame), checked.object_ids(objects), drawn, self.frame(before))

    def _stroke(self, known: dict[str, Any]) -> Stroke:
        frame, object_id = self.index(known["frame"]), checked.whole(known["object"], 0, MAX_ID)
        filled = known.get("filled", False) is True
        return make_stroke(frame, object_id, known["path"], known.get("radius"), filled=filled)


def _memory(fields: Mapping[str, Any], values: Mapping[str, Any], state: State) -> dict[str, Any]:
    """What becomes of a method's memory: another method, or rounds that changed, need a new one."""
    if "method" not in fields and "all" not in fields.get("rounds", ()):
        return {}
    rounds = values.get("rounds", state.rounds)
    return {"memory": None, "memory_current": all(item.empty for item in rounds)}


def setting(name: str, value: Any) -> Any:
    """The method, device or checkpoint that a line names."""
    from pathlib import Path

    if name == "checkpoint":
        return None if value is None else Path(checked.text(value))
    if name in ("method", "device"):
        return checked.text(value)
    raise ValueError(f"nobody knows what '{name}' means")


def forget(history: History) -> None:
    """Take away what a method kept to itself, as if the session had just been opened.

    Its memory is rebuilt when it is needed next; previews are computed anew.
    """
    history.state = _without_memory(history.state)
    for edit in (*history.done, *history.undone):
        for name in _UNWRITTEN:
            edit.fields.pop(name, None)
        if "rounds" in edit.fields:
            before, after = edit.fields["rounds"]
            edit.fields["memory"] = (None, None)
            edit.fields["memory_current"] = (not before, not after)
        if "drafts" in edit.fields:
            before, after = edit.fields["drafts"]
            edit.fields["drafts"] = (_forgotten(before), _forgotten(after))


def _without_memory(state: State) -> State:
    current, drafts = not state.rounds, _forgotten(state.drafts)
    return replace(state, memory=None, memory_current=current, drafts=drafts)


def _forgotten(drafts: Mapping[int, Draft]) -> MappingProxyType[int, Draft]:
    return _stale((index, draft.before) for index, draft in drafts.items())


def _stale(befores: Iterable[tuple[int, FrameState]]) -> MappingProxyType[int, Draft]:
    """Previews whose inputs equal no present ones."""
    return MappingProxyType({i: Draft(before, (), None, None) for i, before in befores})
