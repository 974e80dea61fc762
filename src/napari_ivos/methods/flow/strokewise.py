"""Strokes one after the other: each is an answer to what the strokes before it made."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from napari_ivos.methods._protocol import HumanMap
from napari_ivos.methods.flow.annotate import segment
from napari_ivos.methods.flow.refiner import Refiner
from napari_ivos.methods.flow.transport import Flow
from napari_ivos.methods.flow.window import Plane, box_of
from napari_ivos.scribbles import Stroke
from napari_ivos.scribbles.raster import rasterise, rasterise_all
from napari_ivos.types import AnyArray, Frame, Mask, ObjectId

# Of regions that are kept, so that one more stroke costs no more than the one before.
_MOST_BYTES = 128 * 2**20
# Round what is marked as an object's, as much as its own size is looked at (as `annotate` does, and
# no less than so many pixels); round what was found before, less.
_LEAST, _FOUND, _ROUND_FOUND = 48.0, 0.1, 0.2


class Strokewise:
    """Regions of objects by their strokes in the order in which they were drawn.

    A person looks at what a stroke made before drawing the next one. So the first stroke of an
    object makes its region, and each further one that contradicts the region corrects it. All
    strokes at once would be taken for examples of the whole object's looks: one on a thin part
    of another colour would then bring half of the background in.

    What comes out depends on the strokes alone. Regions that were made on the way are kept.
    """

    def __init__(self, refiner: Refiner | None) -> None:
        self._refiner = refiner
        self._made: OrderedDict[tuple[object, ...], Plane | None] = OrderedDict()
        self._held = 0

    def region(
        self,
        frame: Frame,
        strokes: Sequence[Stroke],
        human: HumanMap | None,
        object_id: ObjectId,
        prior: Plane | None,
        motion: Callable[[], Sequence[Flow]],
    ) -> Plane | None:
        """Region of one object on an annotated frame.

        Parameters
        ----------
        frame : (H, W, 3) uint8
        strokes : sequence of Stroke
            Of all objects, oldest first.
        human : (H, W) int32 or None
            Pixels that a person painted; -1 elsewhere.
        object_id : int
        prior : (H, W) float32 or None
            The object's probability before; None when it has no region yet.
        motion : callable
            Gives the flow to neighbouring frames; asked only if it is needed.

        Returns
        -------
        (H, W) float32 or None
            None when the object has no region.
        """
        size = frame.shape[0], frame.shape[1]
        # Where the other objects are is known from the start.
        others = [s for s in strokes if s.object_id not in (0, object_id)]
        own = tuple(s for s in strokes if s.object_id in (0, object_id))
        painted = None if human is None else box_of(human == object_id)
        found = None if prior is None else box_of(prior > _FOUND)
        areas = [_area(own[:count], object_id, painted, found) for count in range(len(own) + 1)]
        given = object_id, _sum(frame), _sum(human), _sum(prior)
        keys = [
            (given, own[:count], tuple(s for s in others if _reaches(s, area)))
            for count, area in enumerate(areas)
        ]
        done = max((count for count, key in enumerate(keys) if key in self._made), default=-1)
        region = self._made[keys[done]] if done >= 0 else prior
        marks = rasterise_all(others, size)
        for count, (key, area) in enumerate(zip(keys, areas, strict=True)):
            if count > 0:
                stroke = own[count - 1]
                marks = np.where(rasterise(stroke, size), stroke.object_id, marks)
            if count <= done or (count == 0 and prior is None):
                continue
            seeds, against = sides(marks, human, object_id)
            against &= _inside(area, size)
            if says_more(seeds, against, region):
                region = segment(frame, seeds, against, region, motion(), self._refiner)
            self._keep(key, region)
        return _obeyed(region, *sides(rasterise_all(strokes, size), human, object_id))

    def _keep(self, key: tuple[object, ...], region: Plane | None) -> None:
        self._made[key] = region
        self._held += 0 if region is None else region.nbytes
        while self._held > _MOST_BYTES and len(self._made) > 1:
            dropped = self._made.popitem(last=False)[1]
            self._held -= 0 if dropped is None else dropped.nbytes


Box = tuple[float, float, float, float]
"""(top, bottom, left, right)."""


def _area(
    strokes: Sequence[Stroke], object_id: ObjectId, painted: Box | None, found: Box | None
) -> Box | None:
    """Where an object can be, by what is marked, was painted or found as its own; None: nowhere.

    What is marked elsewhere as not the object says nothing of it: to look at it would only make
    the picture coarse, and have all objects of a frame made again for each stroke on one of them.
    """
    boxes = [_box(stroke) for stroke in strokes if stroke.object_id == object_id]
    boxes += [] if painted is None else [painted]
    areas = [_wider(boxes, 1.0)] if boxes else []
    areas += [] if found is None else [_wider([found], _ROUND_FOUND)]
    return _wider(areas, 0.0, 0.0) if areas else None


def _wider(boxes: Sequence[Box], share: float, least: float = _LEAST) -> Box:
    """Box round some boxes and a share of its diagonal."""
    top, bottom, left, right = np.transpose(boxes)
    box = float(top.min()), float(bottom.max()), float(left.min()), float(right.max())
    more = max(least, share * float(np.hypot(box[1] - box[0], box[3] - box[2])))
    return box[0] - more, box[1] + more, box[2] - more, box[3] + more


def _box(stroke: Stroke) -> Box:
    (top, left), (bottom, right) = stroke.path.min(axis=0), stroke.path.max(axis=0)
    radius = stroke.radius or 0.0
    return top - radius, bottom + radius + 1, left - radius, right + radius + 1


def _reaches(stroke: Stroke, area: Box | None) -> bool:
    box = _box(stroke)
    return area is not None and (
        box[0] < area[1] and area[0] < box[1] and box[2] < area[3] and area[2] < box[3]
    )


def _inside(area: Box | None, size: tuple[int, int]) -> Mask:
    """Pixels (H, W) of an area."""
    out = np.zeros(size, dtype=bool)
    if area is not None:
        top, bottom, left, right = (max(int(np.ceil(side)), 0) for side in area)
        out[top:bottom, left:right] = True
    return out


def sides(marks: AnyArray, human: HumanMap | None, object_id: ObjectId) -> tuple[Mask, Mask]:
    """Pixels (H, W) bool that are marked as an object's, and as not the object's."""
    known = marks if human is None else np.where(human >= 0, human, marks)
    return known == object_id, (known >= 0) & (known != object_id)


def says_more(seeds: Mask, against: Mask, region: Plane | None) -> bool:
    """Whether what a person marked says more about an object than its region does already."""
    if region is None:
        return bool(seeds.any())
    return bool((seeds & (region < 0.5)).any() or (against & (region >= 0.5)).any())


def _obeyed(region: Plane | None, seeds: Mask, against: Mask) -> Plane | None:
    if region is None or not says_more(seeds, against, region):
        return region
    return np.where(against, 0, np.where(seeds, 1, region)).astype(np.float32)


def _sum(values: AnyArray | None) -> int | None:
    return None if values is None else zlib.crc32(np.ascontiguousarray(values).tobytes())
