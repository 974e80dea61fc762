"""The annotated frames that a propagation draws on, and what they send to each frame."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from napari_ivos.methods._frames import Image, annotation_key
from napari_ivos.methods._protocol import Frames
from napari_ivos.methods._rounds import Entry
from napari_ivos.methods._working import Working
from napari_ivos.methods.atnet.model import Chain, Model, Transferred
from napari_ivos.methods.atnet.transfer import spread
from napari_ivos.types import ObjectId


class Sources:
    """The rounds so far, at one working size.

    An object is looked for in the rounds that knew it, and its transfer is their mean.

    Parameters
    ----------
    model : Model
    working : Working
    video : Frames
    entries : sequence of Entry
        In the order of the rounds.
    objects : tuple of int
    """

    def __init__(
        self,
        model: Model,
        working: Working,
        video: Frames,
        entries: Sequence[Entry],
        objects: tuple[ObjectId, ...],
    ) -> None:
        self.objects = objects
        self._model = model
        self._working = working
        self._video = video
        self._entries = entries
        self._frames: dict[int, tuple[bytes, tuple[int, int]]] = {}
        self._links: dict[tuple[int, ObjectId], tuple[bytes, bytes]] = {}
        self._held: tuple[tuple[int, tuple[ObjectId, ...]], tuple[Tensor, list[Tensor]]] | None
        self._held = None

    def transfer(
        self, image: Image, query: Tensor, objects: Sequence[ObjectId], block: int
    ) -> dict[ObjectId, Transferred]:
        """Global transfer of objects to a frame.

        The terms of a round never change, so only those are computed that no kept sum holds yet.

        Parameters
        ----------
        image : Image
        query : (1, 2048, h, w)
            Of that frame.
        objects : sequence of int
        block : int
            How many annotated positions are done at a time.

        Returns
        -------
        dict of int to Transferred
            Without objects that no round knew.
        """
        rounds = {one: self._rounds(one) for one in objects}
        totals: dict[ObjectId, Tensor] = {}
        missing: dict[int, list[ObjectId]] = {}
        for one, numbers in rounds.items():
            known = self._model.transferred(image, self._chain(one, numbers))
            if known is not None:
                totals[one] = known.total
            for number in numbers[known.rounds if known else 0 :]:
                missing.setdefault(number, []).append(one)
        positions = query.flatten(2)[0]
        for number, some in sorted(missing.items()):
            key, values = self._reference(number, tuple(some))
            for one, term in zip(some, spread(key, positions, values, block), strict=True):
                totals[one] = term.add_(totals[one]) if one in totals else term
        for one in {one for some in missing.values() for one in some}:
            chain = self._chain(one, rounds[one])
            self._model.keep_transferred(image, chain, totals[one])
        return {one: Transferred(total, len(rounds[one])) for one, total in totals.items()}

    def _rounds(self, object_id: ObjectId) -> list[int]:
        return [n for n, entry in enumerate(self._entries) if object_id in entry.objects]

    def _chain(self, object_id: ObjectId, rounds: Sequence[int]) -> Chain:
        return tuple(self._link(number, object_id) for number in rounds)

    def _link(self, number: int, object_id: ObjectId) -> tuple[bytes, bytes]:
        if (number, object_id) not in self._links:
            if number not in self._frames:
                image = self._image(number)
                self._frames[number] = image.key, image.size
            key, size = self._frames[number]
            guide = self._entries[number].guide(object_id, size)
            self._links[number, object_id] = annotation_key(key, guide)
        return self._links[number, object_id]

    def _image(self, number: int) -> Image:
        return self._working.image(self._video[self._entries[number].frame])

    def _reference(self, number: int, objects: tuple[ObjectId, ...]) -> tuple[Tensor, list[Tensor]]:
        """Key and values of a round; the latest stay at hand, since the next frame needs them."""
        if self._held is None or self._held[0] != (number, objects):
            self._held = None
            entry, image = self._entries[number], self._image(number)
            key = self._model.key(image).flatten(2)[0]
            values = [
                self._model.marked(image, entry.guide(one, image.size)).value for one in objects
            ]
            self._held = (number, objects), (key, values)
        return self._held[1]
