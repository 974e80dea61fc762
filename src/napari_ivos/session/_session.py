"""The session: a video, what a person said about it, and what a method made of that."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ivos.defaults import DEFAULT_METHOD
from napari_ivos.errors import ProjectError, StrokeError
from napari_ivos.export import Origin, check_inputs, export_masks
from napari_ivos.guidance import recommend
from napari_ivos.methods import Engine, MethodSpec, check_choice, get_method
from napari_ivos.scribbles import (
    Stroke,
    make_stroke,
    rasterise_all,
    read_davis,
    strokes_from_davis,
    whole_number,
)
from napari_ivos.session import _annotate, _division, _lineage, _merge, _objects, _planner
from napari_ivos.session._accept import accept_frames, has_masks
from napari_ivos.session._changes import Changes, last_runs, take_back
from napari_ivos.session._erase import erase_strokes, known_strokes
from napari_ivos.session._folder import is_project
from napari_ivos.session._import import MaskImport, frames_for
from napari_ivos.session._overview import Overview
from napari_ivos.session._plan import Plan
from napari_ivos.session._project import Project
from napari_ivos.session._relabel import read_human, read_reliability
from napari_ivos.session._restore import Settings
from napari_ivos.session._rules import absent_objects
from napari_ivos.session._runs import Runs
from napari_ivos.session._saving import Saving
from napari_ivos.session._state import Absence, FrameState, SessionObject, State
from napari_ivos.session._store import DEFAULT_CACHE_BYTES
from napari_ivos.session._update import Update
from napari_ivos.session._views import MaskView, ShownMasks
from napari_ivos.types import AnyArray, LabelMap, ObjectId
from napari_ivos.video import LabelStack, Video, open_labels, open_video
from napari_ivos.video._cache import check_bytes

Direction: TypeAlias = Literal["both", "forward", "backward"]


class Session:
    """Interactive segmentation of one video.

    Everything here belongs to the main thread, but for `Plan.run`.

    Parameters
    ----------
    video : Video, path, or whatever `open_video` takes
    method : str
        One of `list_methods`.
    device : str
        "auto", or a device that the method can use.
    checkpoint : path-like, optional
        Weights, for methods that take them.
    strokes : {"hint", "law"}, optional
        Whether strokes are evidence that the method weighs, or pixels that it must keep; by
        default what the method asks for.
    accumulate : bool
        Whether strokes of earlier rounds on a frame count again when the frame is drawn on once
        more (as in the DAVIS evaluation), or not (as in the GIS and ATNet demonstrations).
    cache_bytes : int
        How much memory the masks may take; the rest lies on disk.
    engine : Engine, optional
        The method, already loaded.
    project : path-like, optional
        A folder that keeps everything as it is done; made, or opened if it is a project. Without
        it everything goes with the session, unless it is saved.

    Raises
    ------
    VideoError
        The video cannot be read.
    EngineError
        There is no such method, or it cannot use this device or checkpoint.
    ProjectError
        The project cannot be made or opened, or was made from another video.
    """

    def __init__(
        self,
        video: Any,
        method: str = DEFAULT_METHOD,
        device: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        strokes: Literal["hint", "law"] | None = None,
        accumulate: bool = True,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        engine: Engine | None = None,
        project: str | os.PathLike[str] | None = None,
    ) -> None:
        weights = None if checkpoint is None else _absolute(checkpoint)
        check_choice(method, device, weights)
        check_bytes(cache_bytes)
        if strokes not in (None, "hint", "law"):
            raise StrokeError(f"strokes must be 'hint' or 'law', not {strokes!r}.")
        source = open_video(video)
        how = Settings(method, device, weights, strokes, accumulate)
        if project is None:
            kept = Project.temporary(how, cache_bytes)
        elif is_project(_absolute(project)):
            kept, _ = Project.reopen(_absolute(project), source, cache_bytes, how)
        else:
            kept = Project.create(_absolute(project), source, how, cache_bytes)
        self._start(kept, source, engine)
        now = self._state
        if (now.method, now.device, now.checkpoint) != (method, device, weights):
            self.set_method(method, device, weights)

    def _start(self, project: Project, video: Video, engine: Engine | None) -> None:
        self.video: Video = video
        self._project, how = project, project.settings
        self._store, self._history = project.store, project.history
        self._runs = Runs(
            video, self._store, self._history, how.strokes, how.accumulate, project.interrupted
        )
        if engine is not None:
            self._runs.use(engine)
        self._masks = ShownMasks(self._store, self._size)
        self.masks = MaskView(video.shape[:3], self._mask)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        video: Any = None,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        engine: Engine | None = None,
    ) -> Session:
        """Go on with a project folder, where it was left, undo included.

        Parameters
        ----------
        path : path-like
        video : Video, path, or whatever `open_video` takes, optional
            Where the video is, if it is no longer where it was, or was an array in memory.
        cache_bytes, engine
            As for `Session`.

        Returns
        -------
        Session
            The method's memory is rebuilt when it is needed first.

        Raises
        ------
        ProjectError
            It is no project, is open elsewhere, is damaged, or was made from another video.
        VideoError
            The video cannot be read.
        """
        check_bytes(cache_bytes)
        kept, source = Project.reopen(_absolute(path), video, cache_bytes)
        session = cls.__new__(cls)
        session._start(kept, source, engine)
        return session

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything, undo included, to a new project folder, and go on in it.

        Nothing has to be saved again afterwards. A project that the session was in stays as it is.

        Parameters
        ----------
        path : path-like
            A folder that is not there yet, or empty; by custom ``NAME.ivos``.

        Raises
        ------
        ProjectError
            The folder holds something else, or cannot be written to; the session goes on as before.
        """
        self._project.check_open()
        self._project.save(_absolute(path), self.video)

    def plan_save(self, path: str | os.PathLike[str], file: Path | None = None) -> Saving:
        """Plan what `save` does: a worker runs it, then it is committed on the main thread.

        Parameters
        ----------
        path : path-like
            As for `save`.
        file : Path, optional
            Where the video may be found again, when it was an array; taken if it shows the same.
        """
        self._project.check_open()
        return Saving(self._project, _absolute(path), self.video, file)

    # --- what there is ---------------------------------------------------------------------

    @property
    def method(self) -> MethodSpec:
        """The method in use."""
        return get_method(self._state.method)

    @property
    def device(self) -> str:
        """The device asked for."""
        return self._state.device

    def early_loading(self) -> Callable[[], None]:
        """What to call, in any thread, so that the method need not be loaded at the first stroke.

        It may raise whatever is wrong with the method, which its first use says better.
        """
        return self._runs.early_loading()

    @property
    def objects(self) -> tuple[SessionObject, ...]:
        """The objects, by id."""
        return self._state.objects

    def strokes(self, frame: int | None = None) -> tuple[Stroke, ...]:
        """Strokes on a frame, or on all, oldest first; those of removed objects are left out."""
        return _planner.strokes_on(self._state, frame)

    @property
    def annotated_frames(self) -> tuple[int, ...]:
        """Frames with strokes or with painted or imported masks, ascending."""
        return tuple(sorted({item.frame for item in _planner.annotations_of(self._state)}))

    @property
    def pending_frames(self) -> tuple[int, ...]:
        """Annotated frames that were not propagated since, the one annotated last at the end."""
        return _planner.pending_frames(self._state)

    @property
    def reliability(self) -> NDArray[np.float64]:
        """(T,) float64: how far each frame's mask can be trusted, 0–1; nan where unknown."""
        values = np.full(len(self.video), math.nan)
        # A copy, since an export reads this in a worker while people go on.
        for index, frame in list(self._history.frames.items()):
            values[index] = frame.reliability
        return values

    def overview(self) -> Overview:
        """Status of every object on every frame; `Overview.refresh` keeps it up to date."""
        return Overview(self._history, len(self.video), self._raw)

    @property
    def project(self) -> Path | None:
        """The project folder that the session lives in; None: it goes with the session."""
        return self._project.path

    @property
    def interrupted_frames(self) -> tuple[int, ...]:
        """Frames whose propagation was cut off by the end of the program, ascending.

        What it had done is kept; propagating from them again does the rest.
        """
        return tuple(sorted(self._runs.interrupted))

    @property
    def trusted_frames(self) -> tuple[int, ...]:
        """Frames that runs stop in front of, ascending: annotated and accepted ones."""
        accepted = {index for index, frame in self._history.frames.items() if frame.trusted}
        return tuple(sorted(accepted.union(self.annotated_frames)))

    @property
    def rounds(self) -> int:
        """How many propagations there were, without those that were taken back."""
        return len(self._state.rounds)

    def changes(self, runs: int = 1) -> Changes | None:
        """What the latest propagations changed; None when there is none to take back.

        Parameters
        ----------
        runs : int
            How many of them, at least 1.
        """
        edits = last_runs(self._history, runs)
        return Changes(edits, self._shown) if edits else None

    def recommend(self, k: int = 1) -> list[int]:
        """Frames to correct next, least reliable first; at most `k` (see `guidance.recommend`)."""
        return recommend(self.reliability, k)

    @property
    def _state(self) -> State:
        return self._history.state

    # --- objects ---------------------------------------------------------------------------

    def add_object(self, name: str | None = None) -> ObjectId:
        """Add an object; it may first appear on any frame.

        Parameters
        ----------
        name : str, optional

        Returns
        -------
        int
            Its id: 1, 2, 3, … in order; ids of removed objects are not used again.
        """
        object_id = self._state.next_id
        with self._runs.edit(f"add object {object_id}") as edit:
            _objects.create_objects(self._history, edit, [object_id], name)
        return object_id

    def rename_object(self, object_id: ObjectId, name: str) -> None:
        """Give an object another name."""
        if name is None:
            raise StrokeError("The name of an object is a text, not None.")
        _objects.check_name(name)
        self._change_object(f"rename object {object_id}", object_id, name=name)

    def lock_object(self, object_id: ObjectId, locked: bool = True) -> None:
        """Keep runs from changing an object's pixels on any frame, or allow it again."""
        verb = "lock" if locked else "unlock"
        self._change_object(f"{verb} object {object_id}", object_id, locked=locked)

    def show_objects(self, object_ids: Iterable[ObjectId], visible: bool = True) -> None:
        """Have the viewer show objects, or hide them; masks and exports are the same either way."""
        ids = _objects.as_ids(object_ids)
        _objects.check_objects(self._state, ids)
        text = f"{'show' if visible else 'hide'} {_objects.listed(ids)}"
        with self._runs.edit(text) as edit:
            _objects.change_objects(self._history, edit, ids, visible=visible)

    def remove_object(self, object_id: ObjectId) -> None:
        """Remove an object with its strokes, from all frames; `delete_objects` also from some.

        Raises
        ------
        StrokeError
            There is no such object, or it is locked.
        """
        _objects.check_unlocked(self._state, (object_id,), "removed")
        with self._runs.edit(f"remove object {object_id}") as edit:
            _objects.remove_objects(self._history, edit, (object_id,))

    def delete_objects(
        self, object_ids: Iterable[ObjectId], start: int | None = None, stop: int | None = None
    ) -> None:
        """Delete objects' pixels and strokes on a frame, on some, or (no frame given) on all.

        Runs may put them there again; where they are marked as absent (`mark_absent`) they do not.

        Parameters
        ----------
        object_ids : iterable of int
        start : int, optional
            The frame; the first one, with `stop`. None: the objects are removed altogether.
        stop : int, optional
            The frame after the last one.

        Raises
        ------
        StrokeError
            There is no such object or frame, or an object is locked.
        """
        ids = _objects.as_ids(object_ids)
        _objects.check_unlocked(self._state, ids, "deleted")
        text = f"delete {_objects.listed(ids)}"
        if start is None:
            with self._runs.edit(text) as edit:
                _objects.remove_objects(self._history, edit, ids)
            return
        frames = self._frames(start, stop)
        with self._runs.edit(f"{text} on {_span(frames)}") as edit:
            _objects.delete_on(self._history, edit, ids, frames)

    def merge_objects(
        self,
        into: ObjectId,
        others: ObjectId | Iterable[ObjectId],
        start: int | None = None,
        stop: int | None = None,
    ) -> None:
        """Make objects part of another one on a frame, on some, or (no frame given) on all.

        Their pixels, painted ones too, and their strokes count as the other's. On all frames they
        are objects no more; on some, runs to come may tell them apart again.

        Parameters
        ----------
        into : int
            The object that stays.
        others : int, or iterable of int
        start : int, optional
            The frame; the first one, with `stop`. None: all frames.
        stop : int, optional
            The frame after the last one.

        Raises
        ------
        StrokeError
            There is no such object or frame, one of the objects is locked, or there is no other.
        """
        ids = _objects.as_ids(others)
        rest = tuple(dict.fromkeys(item for item in ids if item != into))
        _objects.check_unlocked(self._state, (into, *rest), "merged")
        if not rest:
            raise StrokeError("Only two objects or more can be merged.", "Select another one too.")
        text = f"merge {_objects.listed(rest)} into {into}"
        if start is None:
            with self._runs.edit(text) as edit:
                _merge.merge(self._history, edit, into, rest, len(self.video))
            return
        frames = self._frames(start, stop)
        with self._runs.edit(f"{text} on {_span(frames)}") as edit:
            _merge.merge_on(self._history, edit, into, rest, frames)

    def divide(
        self,
        parent: ObjectId,
        frame: int,
        daughters: Iterable[ObjectId] | None = None,
        *,
        split: bool = True,
    ) -> tuple[ObjectId, ...]:
        """Say that an object divides: it is absent from that frame on, and its daughters before.

        New daughters share the parent's mask of that frame, as evidence that strokes correct: each
        has a part of it where it is in several, else a half, cut at the waist. On an accepted frame
        that counts as accepted. Beside pixels that were painted there, they begin without a mask.

        Parameters
        ----------
        parent : int
        frame : int
            The first frame that shows the daughters, ≥ 1.
        daughters : iterable of int, optional
            Objects that are there already; by default new ones, called after the parent: two, or
            as many as its mask has parts.
        split : bool
            Whether new daughters share the parent's mask; else there are two without any.

        Returns
        -------
        tuple of int
            The daughters' ids. Their `SessionObject.parent` is the parent.

        Raises
        ------
        StrokeError
            There is no such object or frame, one of the objects is locked, the parent divides
            already, or a daughter has a parent already or is an ancestor of it.
        """
        index = self._frame(frame)
        chosen = None if daughters is None else _objects.as_ids(daughters)
        _lineage.check_division(self._state, parent, index, chosen)
        history, shown, parts = self._history, self._mask(index), None
        if split and chosen is None and _division.may_be_parted(history, index):
            parts = _division.parts_of(shown == parent)
        count = 2 if parts is None else int(parts.max())
        with self._runs.edit(f"division of object {parent} on frame {index}") as edit:
            found = _lineage.divide(history, edit, parent, index, chosen, len(self.video), count)
            if parts is not None:
                _division.give_parts(history, self._store, edit, index, found, parts, shown)
        return found

    def mark_absent(self, object_id: ObjectId, start: int, stop: int) -> None:
        """Say that an object is not there on the frames from `start` up to, not including, `stop`.

        It vanishes from those frames, and runs do not put it there. On a frame on which a person
        draws or paints it later it is there again.
        """
        self._known(object_id)
        frames = self._frames(start, stop)
        absence = Absence(object_id, frames.start, frames.stop)
        with self._runs.edit(f"object {object_id} absent") as edit:
            self._history.set_fields(edit, absences=(*self._state.absences, absence))

    def _change_object(self, text: str, object_id: ObjectId, **values: Any) -> None:
        self._known(object_id)
        with self._runs.edit(text) as edit:
            _objects.change_objects(self._history, edit, (object_id,), **values)

    def _known(self, object_id: ObjectId) -> None:
        _objects.check_objects(self._state, (object_id,))

    # --- annotations -----------------------------------------------------------------------

    def add_stroke(
        self,
        frame: int,
        object_id: ObjectId,
        path: ArrayLike,
        radius: float | None = None,
        *,
        filled: bool = False,
    ) -> None:
        """Add a stroke.

        Parameters
        ----------
        frame : int
        object_id : int
            The object it marks; 0 for the background.
        path : (N, 2) array-like of float
            Points (y, x) in pixels, pixel centres at integers.
        radius : float, optional
            Half the brush's width in pixels; None: a thin line.
        filled : bool
            Whether the path is the outline of an area.

        Raises
        ------
        StrokeError
            No such frame or object, or a path that is none.
        """
        self.add_strokes([make_stroke(frame, object_id, path, radius, filled=filled)])

    def add_strokes(self, strokes: Iterable[Stroke]) -> None:
        """Add several strokes as one step of undo."""
        new = _annotate.check_strokes(strokes)
        for stroke in new:
            self._frame(stroke.frame)
            if stroke.object_id != 0:
                self._known(stroke.object_id)
        if new:
            self._annotate(_text("stroke", new), new)

    def remove_strokes(self, strokes: Iterable[Stroke]) -> None:
        """Take strokes away, as one step of undo; those that are not there are passed over.

        A frame goes back to what it was before the round in which these strokes counted first.
        Strokes that are left on it count from now on as drawn in the present round: `interact`
        shows what they give, and `propagate` carries it on. Other frames keep their masks until
        then; accepted frames keep theirs for good.

        Parameters
        ----------
        strokes : iterable of Stroke
            Of any rounds and frames, as `Session.strokes` gives them.

        Raises
        ------
        StrokeError
            They are something else.
        """
        doomed = known_strokes(self._state, _annotate.check_strokes(strokes))
        frames = {stroke.frame for stroke in doomed}
        if doomed:
            text = _text("erase strokes", list(doomed))
            with self._runs.edit(text, frames.pop() if len(frames) == 1 else None) as edit:
                erase_strokes(self._history, self._store, edit, doomed)

    def add_scribbles(self, davis: Mapping[str, Any] | str | os.PathLike[str]) -> int:
        """Add the strokes of a DAVIS scribble dictionary or file that are not there yet.

        Objects that it names are created with their ids.

        Returns
        -------
        int
            How many strokes were added.

        Raises
        ------
        StrokeError
            The file cannot be read, or does not fit the video.
        """
        content = davis if isinstance(davis, Mapping) else read_davis(davis)
        have = set(self.strokes())
        found = strokes_from_davis(content, self._size, len(self.video))
        new = [stroke for stroke in dict.fromkeys(found) if stroke not in have]
        if new:
            self._annotate(_text("scribbles", new), new)
        return len(new)

    def _annotate(self, text: str, strokes: list[Stroke]) -> None:
        ids = {stroke.object_id for stroke in strokes} - {0}
        with self._runs.edit(text, strokes[-1].frame) as edit:
            _objects.create_objects(self._history, edit, sorted(ids))
            _annotate.add_strokes(self._history, edit, strokes)

    def add_mask(self, frame: int, labels: AnyArray, lock: bool = True) -> None:
        """Take a whole label map as the truth about a frame; it becomes a reference.

        Parameters
        ----------
        frame : int
        labels : (H, W) integer or bool
            Ids are kept, and objects created for those there are none for yet.
        lock : bool
            Whether no run may change this frame; else the labels are evidence.

        Raises
        ------
        StrokeError
            The labels have another size than the frame, or ids that are not possible.
        """
        index, checked = self._frame(frame), _annotate.check_labels(labels, self._size)
        self._give(f"mask on frame {index}", index, checked, checked, binding=lock, trusted=lock)

    def add_masks(
        self,
        labels: Any,
        start: int | None = None,
        stop: int | None = None,
        *,
        lock: bool = True,
        empty: bool = False,
    ) -> int:
        """Take the label maps of many frames, read one after the other, as one step of undo.

        Parameters
        ----------
        labels : path or array
            (T, H, W), or (H, W) for a single frame: whatever `open_labels` takes. Ids are kept.
        start, stop : int, optional
            Only frames from `start` up to, not including, `stop` are given labels. A single map
            goes to the frame `start`, by default the first.
        lock : bool
            Whether no run may change these frames; else the labels are evidence.
        empty : bool
            Whether frames without any label are taken as well, as showing nothing; by default they
            are passed over, as not labelled.

        Returns
        -------
        int
            How many frames were given labels.

        Raises
        ------
        StrokeError
            Labels of another size or number than the frames, or ids that are not possible. The
            frames before them are taken then.
        VideoError
            The labels cannot be read.
        """
        stack = open_labels(labels)
        try:
            plan = self.plan_masks(stack, start, stop, lock=lock, empty=empty)
            for given in plan.run():
                plan.commit(given)
        finally:
            stack.close()
        return plan.taken

    def plan_masks(
        self,
        labels: LabelStack,
        start: int | None = None,
        stop: int | None = None,
        *,
        lock: bool = True,
        empty: bool = False,
    ) -> MaskImport:
        """Plan what `add_masks` does; a worker runs it, the main thread commits each frame."""
        frames = frames_for(labels, (len(self.video), *self._size), start, stop)
        return MaskImport(
            labels,
            frames,
            self._size,
            self._runs,
            self._history,
            self._store,
            lock=lock,
            empty=empty,
        )

    def paint(self, frame: int, labels: AnyArray, where: NDArray[np.bool_]) -> None:
        """Paint pixels of a frame; no run changes them again.

        Parameters
        ----------
        frame : int
        labels : (H, W) integer
            The ids to put, 0 for background; read where `where` is set.
        where : (H, W) bool

        Raises
        ------
        StrokeError
            There is no such frame; another size than the frame's, or ids that are not possible.
        """
        index = self._frame(frame)
        there = _annotate.check_where(where, self._size)
        given = np.asarray(labels)
        # What lies elsewhere is nobody's business.
        put = np.where(there, given, 0) if given.shape in ((), self._size) else given
        checked = _annotate.check_labels(put, self._size)
        now = self._history.frame(index)
        known = read_human(self._store, now, self._state.merged)
        newer = _planner.newer_strokes(self._history, index)
        if known is not None and newer and self._runs.law:
            # What was painted before, and drawn over since, stays what the strokes said.
            drawn = rasterise_all([s for s in self.strokes(index) if s in newer], self._size)
            known = np.where((known >= 0) & (drawn >= 0), drawn, known)
        human = np.where(there, checked, -1 if known is None else known)
        text = f"paint on frame {index}"
        self._give(text, index, human, checked, binding=True, trusted=now.trusted)

    def accept(self, frame: int, stop: int | None = None) -> None:
        """Vouch for a frame's mask as it is: no run changes it, and runs stop in front of it.

        Parameters
        ----------
        frame : int
        stop : int, optional
            All frames from `frame` up to, not including, `stop`, as one step of undo.
        """
        frames = self._frames(frame, stop)
        with self._runs.edit(f"accept {_span(frames)}") as edit:
            blank = None
            if not has_masks(self._history, frames.start, frames.stop):
                blank = self._store.put(np.zeros(self._size, np.uint16))
            accept_frames(self._history, edit, frames.start, frames.stop, blank)

    def _give(
        self,
        text: str,
        index: int,
        human: NDArray[np.int32],
        new: NDArray[np.int32],
        *,
        binding: bool,
        trusted: bool,
    ) -> None:
        ids = np.unique(human[human > 0]).tolist()
        with self._runs.edit(text, index) as edit:
            _objects.create_objects(self._history, edit, ids)
            _annotate.say_present(self._history, edit, index, np.unique(new[new > 0]).tolist())
            _annotate.give_pixels(
                self._history,
                self._store,
                edit,
                index,
                human,
                self._mask(index),
                binding=binding,
                trusted=trusted,
            )

    def _frame(self, frame: int) -> int:
        index = whole_number(frame, "frame")
        if not 0 <= index < len(self.video):
            raise StrokeError(
                f"There is no frame {frame}.",
                f"The video has the frames 0 to {len(self.video) - 1}.",
            )
        return index

    def _frames(self, start: int, stop: int | None) -> range:
        """One frame, or those from `start` up to, not including, `stop`."""
        if stop is None:
            return range(self._frame(start), self._frame(start) + 1)
        return _planner.frame_range(start, stop, len(self.video))

    @property
    def _size(self) -> tuple[int, int]:
        return self.video.shape[1], self.video.shape[2]

    # --- runs ------------------------------------------------------------------------------

    def interact(self, frame: int) -> LabelMap:
        """Segment one annotated frame by what was drawn on it.

        Parameters
        ----------
        frame : int

        Returns
        -------
        (H, W) uint16
            The frame's mask, which `masks` shows as well.

        Raises
        ------
        StrokeError
            Nothing is drawn on this frame.
        EngineError
            The method failed.
        """
        plan = self.plan_interact(frame)
        try:
            for update in plan.run():
                self.commit(update)
        finally:
            self.finish(plan)
        return self._mask(plan.frame)

    def propagate(
        self,
        frame: int | None = None,
        direction: Direction = "both",
        start: int | None = None,
        stop: int | None = None,
    ) -> Generator[Update]:
        """Carry an annotated frame's objects through the video, and end the round.

        Goes outwards to the nearest other annotated or accepted frames, or the video's ends. An
        annotated frame is no end for an object that nobody marked there and no run had brought
        there before: the run adds it to the frame, changes nothing else on it, and goes on.

        Parameters
        ----------
        frame : int, optional
            The annotated frame to start from; by default the one annotated last.
        direction : {"both", "forward", "backward"}
        start, stop : int, optional
            Only frames from `start` up to, not including, `stop` are changed.

        Yields
        ------
        Update
            For each frame as it is done, the annotated one first; `index`, `reliability`. Closing
            the generator early keeps what was yielded.

        Raises
        ------
        StrokeError
            Nothing is annotated, or the range lies outside of the video.
        EngineError
            The method failed; what was done stays.
        """
        self._runs.check_propagate(frame, direction, start, stop)
        return self._propagate(frame, direction, start, stop)

    def _propagate(self, *request: Any) -> Generator[Update]:
        plan = self.plan_propagate(*request)
        try:
            for update in plan.run():
                if self.commit(update) and update.in_range:
                    yield update
        finally:
            self.finish(plan)

    def plan_interact(self, frame: int) -> Plan:
        """Plan what `interact` does; its run gives nothing when the preview is up to date."""
        return self._runs.plan_interact(self._frame(frame))

    def plan_propagate(
        self,
        frame: int | None = None,
        direction: Direction = "both",
        start: int | None = None,
        stop: int | None = None,
    ) -> Plan:
        """Plan what `propagate` does; strokes drawn from now on belong to the next round."""
        return self._runs.plan_propagate(frame, direction, start, stop)

    def commit(self, update: Update) -> bool:
        """Make a result the session's; quick, and on the main thread.

        Returns
        -------
        bool
            False when the result came too late to count: the run was undone, or a person has
            drawn on that frame since.
        """
        return self._runs.commit(update)

    def finish(self, plan: Plan) -> None:
        """End a plan's run, however it went; the round ends with it."""
        self._runs.finish(plan)

    def set_method(
        self,
        name: str,
        device: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        """Go on with another method; masks stay, and its memory is rebuilt from the annotations.

        Raises
        ------
        EngineError
            No such method, or it cannot use this device or checkpoint.
        """
        weights = None if checkpoint is None else _absolute(checkpoint)
        check_choice(name, device, weights)
        with self._runs.edit(f"method {name}") as edit:
            self._history.set_fields(
                edit,
                method=name,
                device=device,
                checkpoint=weights,
                memory=None,
                memory_current=not self._state.rounds,
                drafts=MappingProxyType({}),
            )

    # --- undo, leaving ---------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._history.done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._history.undone)

    @property
    def undo_text(self) -> str:
        """What `undo` takes back, in words; empty when there is nothing."""
        return self._history.done[-1].text if self._history.done else ""

    @property
    def redo_text(self) -> str:
        """What `redo` does again, in words; empty when there is nothing."""
        return self._history.undone[-1].text if self._history.undone else ""

    def undo(self) -> None:
        """Take the last step back: a stroke with its preview, a mask, a change of objects, a run.

        A run that is still going on ends. Does nothing when there is nothing to take back.
        """
        with self._runs.step():
            edit = self._history.undo()
        self._runs.undone(edit)

    def redo(self) -> None:
        """Do the step undone last once more."""
        with self._runs.step():
            self._history.redo()

    def reject(self, runs: int = 1) -> int:
        """Take back all that the latest propagations did, as a new step, and nothing else.

        Whatever was done since stays, and so do all strokes: those that were propagated are
        pending again. `undo` brings the result of the propagations back.

        Parameters
        ----------
        runs : int
            How many of them, at least 1.

        Returns
        -------
        int
            How many frames went back; those that a person has changed since did not.

        Raises
        ------
        StrokeError
            There was no propagation, it was taken back already, or all its frames are a person's
            by now.
        """
        edits = last_runs(self._history, runs)
        if not edits:
            raise StrokeError("There is no propagation to take back.", "Propagate first.")
        with self._runs.edit(f"reject {edits[-1].text}") as step:
            count = take_back(self._history, step, edits)
        for edit in edits:
            self._runs.undone(edit)
        return count

    def export(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the masks, in the format that the name's extension says (see `export`).

        Parameters
        ----------
        path : path-like
            ``.tif``, ``.zarr``, ``.npz``, ``.json`` (COCO), ``.csv``, ``.mp4``, or a folder for one
            PNG a frame; a folder with ``format="ctc"`` for the Cell Tracking Challenge.
        **options
            Of the format.

        Raises
        ------
        ExportError
            The format is not known, or the file cannot be written.
        """
        self._project.check_open()
        check_inputs(path, [self.video.source])
        export_masks(
            path,
            self.masks,
            objects=self.objects,
            reliability=self.reliability,
            video=self.video,
            parents={item.id: item.parent for item in self.objects if item.parent},
            origin=partial(self._origin, frozenset(self.annotated_frames)),
            **options,
        )

    def _origin(self, annotated: frozenset[int], index: int) -> Origin:
        frame = self._history.frame(index)
        human = read_human(self._store, frame, self._state.merged)
        ids = self._state.ids
        scores = read_reliability(frame, ids, self._state.merged)
        return Origin(frame.trusted, index in annotated, human, dict(zip(ids, scores, strict=True)))

    def close(self) -> None:
        """Let go of the project, or of the masks on disk without one.

        The video stays open, it is its owner's.
        """
        self._runs.close()
        self._project.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mask(self, index: int) -> LabelMap:
        return self._shown(index, self._history.frame(index))

    def _shown(self, index: int, frame: FrameState) -> LabelMap:
        """The mask of a frame in some state of it."""
        gone = tuple((object_id, 0) for object_id in sorted(self._hidden(index)))
        return self._masks.read(frame, self._state.merged + gone)

    def _hidden(self, index: int) -> frozenset[ObjectId]:
        """Objects that a frame does not show, whatever is stored."""
        return self._state.removed | absent_objects(self._state.absences, index)

    def _raw(self, index: int) -> LabelMap:
        """The mask of a frame that has one, under the ids that it was stored with."""
        key = self._history.frame(index).mask
        assert key is not None
        return self._store.get(key)


def _absolute(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except (TypeError, RuntimeError) as error:
        raise ProjectError(f"{path!r} is not a path that can be used here.") from error


def _text(what: str, strokes: list[Stroke]) -> str:
    frames = sorted({stroke.frame for stroke in strokes})
    return f"{what} on frame {frames[0]}" if len(frames) == 1 else f"{what} on {len(frames)} frames"


def _span(frames: range) -> str:
    first, last = frames[0], frames[-1]
    return f"frame {first}" if first == last else f"frames {first} to {last}"
