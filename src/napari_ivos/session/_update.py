"""What a run is given about an annotated frame, and what it says about each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_ivos.scribbles import Stroke
from napari_ivos.session._disk import Key
from napari_ivos.session._state import Draft, FrameState
from napari_ivos.types import ObjectId


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What a run says about one frame; `Session.commit` makes it the session's."""

    plan: int
    """The plan's id."""
    index: int
    """The frame."""
    mask: Key
    probs: Key
    objects: tuple[ObjectId, ...]
    reliability: float
    """0–1, nan where the method does not estimate it."""
    object_reliability: tuple[float, ...] = ()
    """The same for each of `objects`; empty where the method does not tell."""
    in_range: bool = True
    """False for an annotated frame outside of the range that was asked for."""
    draft: Draft | None = None
    """Set on annotated frames."""
    prior: FrameState | None = None
    """Set on annotated frames that the run went on through, while their own round is to come: what
    such a frame is to be segmented from, with the objects that the run has brought there."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """An annotated frame to be segmented by its strokes."""

    frame: int
    strokes: tuple[Stroke, ...]
    newer: frozenset[Stroke]
    """Those of them that were drawn since the frame was painted on last."""
    before: FrameState
    """The frame as it was before the round, with the person's pixels of today."""
    shown: FrameState | None
    """The preview of the stroke before."""
    inputs: tuple[object, ...]
    draft: Draft | None
    """The preview there is, when it is up to date."""


def segmented(frame: FrameState, update: Update) -> FrameState:
    """A frame with what a run says about it."""
    return replace(
        frame,
        mask=update.mask,
        probs=update.probs,
        objects=update.objects,
        reliability=frame.reliability if frame.trusted else update.reliability,
        object_reliability=update.object_reliability,
        source=frame.source if frame.trusted else "model",
        relabelled=(),
    )
