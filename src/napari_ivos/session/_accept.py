"""A person answers for frames as they are."""

from __future__ import annotations

from collections import Counter

from napari_ivos.session._disk import Key
from napari_ivos.session._history import Edit, History
from napari_ivos.session._rules import absent_objects
from napari_ivos.session._state import FrameState, changed_frame


def accept_frames(history: History, edit: Edit, start: int, stop: int, blank: Key | None) -> None:
    """Make the masks of frames the person's own, without the objects that they do not show.

    Nothing is written anew for that, and it is noted as one change: however many frames are
    accepted, it takes no time.

    Parameters
    ----------
    history : History
    edit : Edit
    start, stop : int
        The frames from `start` up to, not including, `stop`.
    blank : int, optional
        Under which key an empty mask is stored, for the frames that have none; None: all have one.
    """
    strokes = Counter(a.frame for a in history.state.annotated if a.stroke is not None)
    accepted = {
        index: _accepted(history, index, blank, strokes[index]) for index in range(start, stop)
    }
    history.set_frames(edit, accepted, "accept", start, stop, blank, highest=blank or 0)


def has_masks(history: History, start: int, stop: int) -> bool:
    """Whether all frames of a range were segmented."""
    return all(history.frame(index).mask is not None for index in range(start, stop))


def _accepted(history: History, index: int, blank: Key | None, strokes: int) -> FrameState:
    state, now = history.state, history.frame(index)
    hidden = state.removed | absent_objects(state.absences, index)
    human = blank if now.mask is None else now.mask
    if human is None:
        raise ValueError(f"frame {index} has no mask")
    return changed_frame(
        now,
        human=human,
        human_objects=frozenset(state.ids),
        binding=True,
        trusted=True,
        accepted_strokes=strokes,
        source="human",
        reliability=1.0,
        human_relabelled=(
            *now.relabelled,
            *state.merged,
            *((object_id, 0) for object_id in sorted(hidden)),
        ),
    )
