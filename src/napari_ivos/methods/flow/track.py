"""What is kept from step to step on the way out from an annotated frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_ivos.methods.flow.carry import Carried, carry
from napari_ivos.methods.flow.looks import Looks
from napari_ivos.methods.flow.lost import UNLIKE, Search
from napari_ivos.methods.flow.parallax import KEPT, moves_with
from napari_ivos.methods.flow.path import Step
from napari_ivos.methods.flow.refiner import Moved, Opinion, Refiner
from napari_ivos.methods.flow.trust import expected_overlap
from napari_ivos.methods.flow.window import Plane, Window, box_of, sample, window_round
from napari_ivos.types import Frame

# How fast trust is lost where the flow is not consistent at all.
_LOSS = 0.1
# How far the place of an object that was found again is trusted, and how many steps to wait before
# it is looked for again when there is something that may be it.
_PLACED_SURE = np.float32(0.3)
_PATIENCE = 4
# Pixels of a window on the way: fewer than on an annotated frame, as there is one for each frame.
_WORKED_PIXELS = 60_000
# An object of which less than this share is left is looked for as well.
_SHRUNK = 0.35


class Track:
    """One object on its way.

    Parameters
    ----------
    start : (H, W) float32
        Its probability on the annotated frame.
    frame : (H, W, 3) uint8
        The annotated frame.
    looks : sequence of Looks
        From the annotated frames; may be empty.
    refiner : Refiner, optional
        Decides again at each step, and finds an object that was lost.
    """

    def __init__(
        self,
        start: Plane,
        frame: Frame,
        looks: Sequence[Looks],
        refiner: Refiner | None = None,
    ) -> None:
        self.plane = self._start = np.ascontiguousarray(start)
        self.looks = looks
        self._trust, self._opinion = 1.0, Opinion(self.plane, 1.0, 1.0)
        self._refiner = refiner
        self._moved = np.zeros_like(self.plane)
        # The step that was begun: what flow carries, and what is made of it.
        self._ahead: tuple[Carried, Moved] | None = None
        self._box = box_of(start > 0.3)
        self._search = Search(refiner, frame, start, looks) if refiner and looks else None
        # Where it was last, how like itself it was there, and whether flow led there all the way.
        self._seen, self._anchored = self._box, True
        self._wait = 0
        self._area = int(np.count_nonzero(start > 0.5))

    def begin(self, frame: Frame, step: Step) -> Moved | None:
        """Begin a step: what flow makes of the object on the next frame, if anything is left."""
        self._ahead = None
        window = self._window_ahead(step)
        if window is not None:
            here = self._fetch(step, window)
            moved = carry(frame, window, here, self.looks)
            if moved is None:
                self._trust *= 1 - _LOSS
            else:
                self._ahead = here, moved
        return self._ahead[1] if self._ahead else None

    def finish(self, frame: Frame, step: Step, opinion: Opinion | None) -> None:
        """Take the step that was begun; `opinion` is the refiner's, if it was asked."""
        self._lose()
        if self._ahead is not None:
            here, moved = self._ahead
            moved.window.give(moved.region if opinion is None else opinion.plane, self.plane)
            moved.window.give(here.moved, self._moved)
            self._trust *= 1 - _LOSS * (1 - moved.sure)
            self._opinion = opinion or self._opinion
            self._box = _box_in(self.plane, moved.window)
        if self._search is not None:
            self._look_out(self._search, frame, step)
        self._seen = self._box or self._seen

    def miss(self) -> None:
        """Take a step to a frame where the object is not: it has no way back."""
        self._lose()

    def _lose(self) -> None:
        self._box, self.plane = None, np.zeros_like(self.plane)
        self._moved = np.zeros_like(self.plane)

    @property
    def judged(self) -> bool:
        """Whether a refiner says how good it is."""
        return self._refiner is not None and bool(self.looks)

    def reliability(self, plane: Plane, away: int) -> float:
        """How good what became of it (H, W) is, `away` frames from an annotated one."""
        if not self.judged:
            return self._trust
        return expected_overlap(self._opinion if self._box else None, plane, away)

    def _look_out(self, search: Search, frame: Frame, step: Step) -> None:
        """Look whether the object is elsewhere, if there is too little of it or it is unlike it."""
        self._wait -= 1
        small = self._left() < _SHRUNK * self._area
        if self._seen is None or not (small or self._opinion.alike < UNLIKE):
            return
        if self._box is not None and self._wait > 0:
            return
        self._wait = _PATIENCE
        top, bottom, left, right = self._seen
        followed = np.zeros_like(self.plane) if small else self.plane
        placed = search.find(frame, followed, ((top + bottom) / 2, (left + right) / 2))
        # The object as it was, put there; what is found so is put there again.
        found = None if placed is None else self._try(frame, step, placed)
        found = None if found is None else self._try(frame, step, found[0])
        if found is None:
            return
        plane, window, opinion = found
        worse = self._box is not None and opinion.expected < self._opinion.expected
        if opinion.alike < UNLIKE or worse:
            return
        self.plane, self._moved, self._box = plane, np.zeros_like(plane), _box_in(plane, window)
        self._opinion, self._anchored = opinion, False

    def _left(self) -> int:
        """Pixels that there are of the object."""
        if self._box is None:
            return 0
        top, bottom, left, right = self._box
        return int(np.count_nonzero(self.plane[top:bottom, left:right] > 0.5))

    def _try(self, frame: Frame, step: Step, placed: Plane) -> tuple[Plane, Window, Opinion] | None:
        """What there is of the object where it was put; None when there is nothing."""
        box = box_of(placed > 0.3)
        if box is None:
            return None
        size = max(box[1] - box[0], box[3] - box[2])
        window = window_round(box, max(12.0, 0.3 * size), placed.shape, _WORKED_PIXELS)
        here = _placed(placed, window, step)
        moved = carry(frame, window, here, self.looks)
        if moved is None or self._refiner is None:
            return None
        (opinion,) = self._refiner.moved([moved])
        plane = np.zeros_like(placed)
        window.give(opinion.plane, plane)
        return plane, window, opinion

    def _window_ahead(self, step: Step) -> Window | None:
        """Window round where the flow takes the object."""
        if self._box is None:
            return None
        top, bottom, left, right = self._box
        down = step.back.shape[0] / self.plane.shape[0]
        across = step.back.shape[1] / self.plane.shape[1]
        rows = slice(int(top * down), int(np.ceil(bottom * down)))
        columns = slice(int(left * across), int(np.ceil(right * across)))
        moves = step.back[rows, columns].reshape(-1, 2)
        (x0, y0), (x1, y1) = np.percentile(moves, [5, 95], axis=0).tolist()
        box = top + y0 / down, bottom + y1 / down, left + x0 / across, right + x1 / across
        size = max(bottom - top, right - left)
        return window_round(box, max(12.0, 0.3 * size), self.plane.shape, _WORKED_PIXELS)

    def _fetch(self, step: Step, window: Window) -> Carried:
        shape = self.plane.shape
        down, across = step.flow.shape[0] / shape[0], step.flow.shape[1] / shape[1]
        flow = window.take_from(step.flow, shape)
        origin = window.take_from(step.origin, shape)
        x, y = window.centres()
        there = x + flow[..., 0] / across, y + flow[..., 1] / down
        region = sample(self.plane, *there)
        anchor = sample(
            self._start,
            (origin[..., 0] + 0.5) / across - 0.5,
            (origin[..., 1] + 0.5) / down - 0.5,
        )
        held, like = window.take_from(step.held, shape), window.take_from(step.like, shape)
        if not self._anchored:
            # Flow did not lead here from the annotated frame, so it has nothing to say of it.
            anchor, held, like = region, np.zeros_like(held), np.zeros_like(like)
        return Carried(
            region,
            anchor,
            window.take_from(step.sure, shape),
            held,
            window.take_from(step.bare, shape),
            like,
            KEPT * sample(self._moved, *there) + moves_with(flow, region),
            flow,
        )


def advance(tracks: Sequence[Track], refiner: Refiner | None, frame: Frame, step: Step) -> None:
    """Take a step to the next frame with all objects; the refiner is asked about them at once.

    Parameters
    ----------
    tracks : sequence of Track
        Of objects that may be there.
    refiner : Refiner, optional
        That of the tracks.
    frame : (H, W, 3) uint8
    step : Step
    """
    views = [track.begin(frame, step) for track in tracks]
    asked = [view for view in views if view is not None and view.looks] if refiner else []
    opinions = iter(refiner.moved(asked) if refiner and asked else ())
    for track, view in zip(tracks, views, strict=True):
        said = any(view is one for one in asked)
        track.finish(frame, step, next(opinions) if said else None)


def _placed(plane: Plane, window: Window, step: Step) -> Carried:
    """What is known of an object (H, W) that was put where it may be."""
    region = window.take(plane)
    nothing = np.zeros_like(region)
    sure = np.full_like(region, _PLACED_SURE)
    flow = window.take_from(step.flow, plane.shape)
    return Carried(region, region, sure, nothing, nothing, nothing, nothing, flow)


def _box_in(plane: Plane, window: Window) -> tuple[int, int, int, int] | None:
    """Box of an object in the frame, which lies in a window."""
    box = box_of(plane[window.box] > 0.3)
    if box is None:
        return None
    down, right = window.top, window.left
    return box[0] + down, box[1] + down, box[2] + right, box[3] + right
