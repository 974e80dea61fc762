"""The array behind the layer of masks, into which people paint corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_ivos.errors import ProjectError
from napari_ivos.gui._colours import colormap, object_colours
from napari_ivos.session import MaskView, Session, SessionObject
from napari_ivos.types import AnyArray, LabelMap, ObjectId

if TYPE_CHECKING:
    from napari.layers import Labels


class MaskCanvas:
    """A session's masks, (T, H, W) uint16, that can be painted on.

    What is painted stays here until `take` is called, so that the session hears of it once, when
    the brush is lifted.

    Parameters
    ----------
    session : Session
    unreadable : callable
        Is told of a frame whose mask cannot be read, once, and why. It is shown without one: the
        viewer cannot do without an answer, and the other frames are as good as before.
    """

    dtype = np.dtype(np.uint16)
    ndim = 3

    def __init__(
        self, session: Session, unreadable: Callable[[int, ProjectError], None] = lambda *_: None
    ) -> None:
        self.shape = session.masks.shape
        self._session, self._unreadable = session, unreadable
        self._masks = MaskView(self.shape, self.read)
        self._blank = np.zeros(self.shape[1:], dtype=self.dtype)
        self._blank.setflags(write=False)
        self._told: set[int] = set()
        self._painted: dict[int, LabelMap] = {}

    def read(self, frame: int) -> LabelMap:
        """The session's mask of a frame, (H, W) uint16, read-only."""
        try:
            mask: LabelMap = self._session.masks[frame]
        except ProjectError as error:
            if frame not in self._told:
                self._told.add(frame)
                self._unreadable(frame, error)
            return self._blank
        self._told.discard(frame)
        return mask

    @property
    def size(self) -> int:
        """Number of pixels in all frames."""
        return self._masks.size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> AnyArray:
        # Copies: napari paints into what it displays.
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, int | np.integer) and int(first) in self._painted:
            return np.array(self._painted[int(first)][(*rest,)])
        found = np.array(self._masks[index])
        if isinstance(first, slice):
            frames = np.arange(len(self))[first]
            for position in np.flatnonzero(np.isin(frames, list(self._painted))):
                found[position] = self._painted[int(frames[position])][(*rest,)]
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        first, *rest = index if isinstance(index, tuple) else (index,)
        places = np.atleast_1d(np.arange(len(self))[first])
        single = isinstance(first, int | np.integer)
        if not single and not isinstance(first, slice):
            # Single pixels, each with its own frame: what a brush and a bucket write.
            self._scatter(places, rest, value)
            return
        for position, frame in enumerate(places.tolist()):
            stacked = not single and np.ndim(value) == 3
            self._picture(frame)[(*rest,)] = value[position] if stacked else value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        """All frames; a copy, always."""
        return self._masks.__array__(dtype, copy)

    def astype(self, dtype: Any) -> AnyArray:
        """All frames in another type, as napari asks for them; a copy."""
        return self.__array__(dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> AnyArray:
        """The masks as they are now, for napari's copy of the layer: they follow nothing."""
        return self.__array__()

    def take(self) -> list[tuple[int, LabelMap, NDArray[np.bool_]]]:
        """Frames painted on since this was asked last: number, labels, and where they changed."""
        painted, self._painted = self._painted, {}
        taken = []
        for frame, labels in sorted(painted.items()):
            changed = labels != self._masks[frame]
            if changed.any():
                taken.append((frame, labels, changed))
        return taken

    def _scatter(self, frames: NDArray[np.intp], rest: list[Any], value: Any) -> None:
        frames, rows, columns = np.broadcast_arrays(frames, *rest)
        values = np.broadcast_to(value, frames.shape)
        for frame in np.unique(frames).tolist():
            here = frames == frame
            self._picture(frame)[rows[here], columns[here]] = values[here]

    def _picture(self, frame: int) -> LabelMap:
        if frame not in self._painted:
            self._painted[frame] = np.array(self._masks[frame])
        return self._painted[frame]


class LayerColours:
    """Gives the layers of masks and strokes the objects' colours.

    Hidden objects are transparent in the layer of masks; the masks stay as they are.

    Parameters
    ----------
    masks, strokes : napari.layers.Labels
    """

    def __init__(self, masks: Labels, strokes: Labels) -> None:
        self._masks, self._strokes = masks, strokes
        self._hidden: frozenset[ObjectId] = frozenset()
        self._colours = object_colours()

    def show(self, objects: tuple[SessionObject, ...], palette: str) -> None:
        """Show these as far as they are visible."""
        hidden = frozenset(item.id for item in objects if not item.visible)
        colours = object_colours(objects, palette)
        recoloured = not np.array_equal(colours, self._colours)
        if hidden != self._hidden or recoloured:
            self._masks.colormap = colormap(objects, palette=palette)
        if recoloured:
            self._strokes.colormap = colormap(objects, hide=False, palette=palette)
        self._hidden, self._colours = hidden, colours
