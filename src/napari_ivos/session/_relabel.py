"""Reading what is stored of a frame, where ids read as others since objects were merged or deleted.

Nothing is written anew for that: however long the video is, it takes no time, and nor does undo.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_ivos.masks import MAX_ID, extend_probs, probs_from_labels
from napari_ivos.methods import HumanMap
from napari_ivos.session._history import Edit, History
from napari_ivos.session._state import FrameState, Relabels, changed_frame
from napari_ivos.session._store import FrameStore
from napari_ivos.types import LabelMap, ObjectId, ProbMap

_FEW = 4
"""So many pairs are quicker put one after the other than looked up, in a large frame."""


def read_mask(store: FrameStore, frame: FrameState, merged: Relabels = ()) -> LabelMap | None:
    """Mask of a frame, (H, W) uint16; None where there is none."""
    if frame.mask is None:
        return None
    labels: LabelMap = store.get(frame.mask)
    pairs = frame.relabelled + merged
    if len(pairs) > _FEW:
        return _looked_up(pairs).astype(np.uint16)[labels]
    if pairs:
        labels = labels.copy()
        for old, new in pairs:
            labels[labels == old] = new
    return labels


def read_human(store: FrameStore, frame: FrameState, merged: Relabels = ()) -> HumanMap | None:
    """A person's pixels of a frame, (H, W) int32, −1 elsewhere; None where there are none."""
    if frame.human is None:
        return None
    human = store.get(frame.human)
    pairs = frame.human_relabelled + merged
    return _looked_up(pairs)[human] if pairs else human.astype(np.int32, copy=False)


def read_probs(
    store: FrameStore,
    frame: FrameState,
    wanted: tuple[ObjectId, ...],
    merged: Relabels = (),
) -> ProbMap | None:
    """Probabilities of a frame for K objects, (K+1, H, W) float32; None: never segmented."""
    if frame.probs is not None:
        probs: ProbMap = store.get(frame.probs)
        pairs = frame.relabelled + merged
        if pairs:
            return _summed(probs, relabel_ids(frame.objects, pairs), wanted)
        return extend_probs(probs, frame.objects, wanted)
    labels = read_mask(store, frame, merged)
    return None if labels is None else probs_from_labels(labels, wanted)


def read_reliability(
    frame: FrameState, wanted: tuple[ObjectId, ...], merged: Relabels = ()
) -> tuple[float, ...]:
    """Reliability of K objects on a frame, nan where unknown.

    What is not known of an object is the frame's; what became one object has the least of its
    parts'.
    """
    scores: dict[ObjectId, float] = {}
    if not frame.trusted and len(frame.object_reliability) == len(frame.objects):
        pairs = frame.relabelled + merged
        ids = relabel_ids(frame.objects, pairs) if pairs else frame.objects
        for object_id, score in zip(ids, frame.object_reliability, strict=True):
            scores[object_id] = min(score, scores.get(object_id, score))
    return tuple(scores.get(object_id, frame.reliability) for object_id in wanted)


def relabel_ids(ids: tuple[ObjectId, ...], pairs: Relabels) -> tuple[int, ...]:
    """What ids read as, each in its place."""
    return tuple(_looked_up(pairs)[list(ids)].tolist())


def relabel_frame(frame: FrameState, pairs: Relabels) -> FrameState:
    """A frame on which ids read as others from now on; the very same where nothing is stored.

    A person's pixels of a deleted object become background where the person answers for the whole
    frame, and else nobody's.
    """
    if frame.mask is None and frame.human is None:
        return frame
    nobody = 0 if frame.trusted else -1
    human = tuple((old, new or nobody) for old, new in pairs)
    return changed_frame(
        frame,
        relabelled=frame.relabelled + pairs,
        human_relabelled=() if frame.human is None else frame.human_relabelled + human,
    )


def relabel_frames(history: History, edit: Edit, start: int, stop: int, pairs: Relabels) -> None:
    """Have ids read as others on the frames from `start` up to, not including, `stop`.

    It is noted as one change, so that the journal does not grow by a word for each frame.
    """
    frames = {index: frame for index, frame in history.frames.items() if start <= index < stop}
    changed = {index: relabel_frame(frame, pairs) for index, frame in frames.items()}
    changed = {index: frame for index, frame in changed.items() if frame is not frames[index]}
    if changed:
        history.set_frames(edit, changed, "relabel", start, stop, pairs)


def _summed(probs: ProbMap, ids: tuple[int, ...], wanted: tuple[ObjectId, ...]) -> ProbMap:
    """Channels that stand for one object now are added up; the rest goes to the background."""
    places = {object_id: channel for channel, object_id in enumerate(wanted, start=1)}
    out = np.zeros((len(wanted) + 1, *probs.shape[1:]), dtype=np.float32)
    out[0] = probs[0]
    for channel, object_id in enumerate(ids, start=1):
        out[places.get(object_id, 0)] += probs[channel]
    return out


@lru_cache(maxsize=16)
def _looked_up(pairs: Relabels) -> NDArray[np.int32]:
    """What each id reads as, and at the end −1, so that −1 finds itself."""
    table = np.arange(MAX_ID + 3, dtype=np.int32)
    table[-1] = -1
    for old, new in pairs:
        table[table == old] = new
    table.setflags(write=False)
    return table
