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
from napari_ivos.methods.flow.window import Plane
from napari_ivos.scribbles import Stroke
from napari_ivos.scribbles.raster import rasterise, rasterise_all
from napari_ivos.types import AnyArray, Frame, Mask, ObjectId

# Of regions that are kept, so that one more stroke costs no more than the one before.
_MOST_BYTES = 128 * 2**20


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
        others = tuple(s for s in strokes if s.object_id not in (0, object_id))
        # Where the other objects are is known from the start.
        marks = rasterise_all(others, frame.shape[:2])
        own = tuple(s for s in strokes if s.object_id in (0, object_id))
        given = object_id, _sum(frame), _sum(human), _sum(prior), others
        keys = [(given, own[:count]) for count in range(len(own) + 1)]
        done = max((count for count, key in enumerate(keys) if key in self._made), default=-1)
        region = self._made[keys[done]] if done >= 0 else prior
        for count, key in enumerate(keys):
            if count > 0:
                stroke = own[count - 1]
                marks = np.where(rasterise(stroke, marks.shape), stroke.object_id, marks)
            if count <= done or (count == 0 and prior is None):
                continue
            seeds, against = sides(marks, human, object_id)
            if says_more(seeds, against, region):
                region = segment(frame, seeds, against, region, motion(), self._refiner)
            self._keep(key, region)
        return _obeyed(region, *sides(rasterise_all(strokes, marks.shape), human, object_id))

    def _keep(self, key: tuple[object, ...], region: Plane | None) -> None:
        self._made[key] = region
        self._held += 0 if region is None else region.nbytes
        while self._held > _MOST_BYTES and len(self._made) > 1:
            dropped = self._made.popitem(last=False)[1]
            self._held -= 0 if dropped is None else dropped.nbytes


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
