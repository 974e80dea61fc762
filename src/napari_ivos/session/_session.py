"""The session: a video, what a person said about it, and what a method made of that."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ivos.errors import StrokeError
from napari_ivos.guidance import recommend
from napari_ivos.masks import MAX_ID
from napari_ivos.methods import Engine, MethodSpec, check_choice, get_method
from napari_ivos.scribbles import Stroke, make_stroke, read_davis, strokes_from_davis
from napari_ivos.session import _planner
from napari_ivos.session._history import Edit, History
from napari_ivos.session._plan import EngineLoader, Plan, Update
from napari_ivos.session._rules import absent_objects
from napari_ivos.session._state import Absence, Annotated, SessionObject, State
from napari_ivos.session._store import FrameStore, Key
from napari_ivos.session._views import MaskView
from napari_ivos.types import AnyArray, LabelMap, ObjectId
from napari_ivos.video import Video, open_video

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

    Raises
    ------
    VideoError
        The video cannot be read.
    EngineError
        There is no such method, or it cannot use this device or checkpoint.
    """

    def __init__(
        self,
        video: Any,
        method: str = "flow",
        device: str = "auto",
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        strokes: Literal["hint", "law"] | None = None,
        accumulate: bool = True,
        cache_bytes: int = 256 * 2**20,
        engine: Engine | None = None,
    ) -> None:
        weights = None if checkpoint is None else Path(checkpoint)
        check_choice(method, device, weights)
        if strokes not in (None, "hint", "law"):
            raise StrokeError(f"strokes must be 'hint' or 'law', not {strokes!r}.")
        self.video: Video = open_video(video)
        self.accumulate = accumulate
        self._strokes_mode = strokes
        self._store = FrameStore(cache_bytes)
        self._history = History(State(method=method, device=device, checkpoint=weights))
        self._loaders: dict[tuple[Any, ...], EngineLoader] = {}
        if engine is not None:
            self._loaders[method, device, weights] = EngineLoader(lambda: engine)
        self._plans: dict[int, Plan] = {}
        self._plan_ids = itertools.count(1)
        self._dead: list[Key] = []
        self.masks = MaskView(self.video.shape[:3], self._mask)

    # --- what there is ---------------------------------------------------------------------

    @property
    def method(self) -> MethodSpec:
        """The method in use."""
        return get_method(self._state.method)

    @property
    def device(self) -> str:
        """The device asked for."""
        return self._state.device

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
        for index, frame in self._history.frames.items():
            values[index] = frame.reliability
        return values

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
        edit = self._begin(f"add object {object_id}")
        self._create_objects(edit, [object_id], name)
        return object_id

    def rename_object(self, object_id: ObjectId, name: str) -> None:
        """Give an object another name."""
        self._change_object(f"rename object {object_id}", object_id, name=name)

    def lock_object(self, object_id: ObjectId, locked: bool = True) -> None:
        """Keep runs from changing an object's pixels on any frame, or allow it again."""
        verb = "lock" if locked else "unlock"
        self._change_object(f"{verb} object {object_id}", object_id, locked=locked)

    def remove_object(self, object_id: ObjectId) -> None:
        """Remove an object with its strokes, from all frames."""
        self._known(object_id)
        edit = self._begin(f"remove object {object_id}")
        self._history.set_fields(
            edit,
            objects=tuple(item for item in self._state.objects if item.id != object_id),
            removed=self._state.removed | {object_id},
        )

    def mark_absent(self, object_id: ObjectId, start: int, stop: int) -> None:
        """Say that an object is not there on the frames from `start` up to, not including, `stop`.

        It vanishes from those frames, and runs do not put it there.
        """
        self._known(object_id)
        if not 0 <= start < stop <= len(self.video):
            raise StrokeError(
                f"The frames from {start} to {stop} are not a range within the video.",
                f"It has the frames 0 to {len(self.video) - 1}; the end itself is not included.",
            )
        edit = self._begin(f"object {object_id} absent")
        absence = Absence(object_id, int(start), int(stop))
        self._history.set_fields(edit, absences=(*self._state.absences, absence))

    def _create_objects(self, edit: Edit, ids: Iterable[ObjectId], name: str | None = None) -> None:
        have = {item.id: item for item in self._state.objects}
        for object_id in ids:
            have.setdefault(object_id, SessionObject(object_id, name or f"object {object_id}"))
        if len(have) > len(self._state.objects):
            self._history.set_fields(
                edit,
                objects=tuple(have[key] for key in sorted(have)),
                next_id=max(self._state.next_id, max(have) + 1),
                removed=self._state.removed - have.keys(),
            )

    def _change_object(self, text: str, object_id: ObjectId, **values: Any) -> None:
        self._known(object_id)
        edit = self._begin(text)
        self._history.set_fields(
            edit,
            objects=tuple(
                replace(item, **values) if item.id == object_id else item
                for item in self._state.objects
            ),
        )

    def _known(self, object_id: ObjectId) -> None:
        if object_id not in self._state.ids:
            known = ", ".join(map(str, self._state.ids)) or "none yet"
            raise StrokeError(
                f"There is no object {object_id}.", f"Add it first; there is: {known}."
            )

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
        new = list(strokes)
        for stroke in new:
            self._frame(stroke.frame)
            if stroke.object_id != 0:
                self._known(stroke.object_id)
        if new:
            self._annotate(_text("stroke", new), new)

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
        edit = self._begin(text, strokes[-1].frame)
        self._create_objects(edit, sorted({s.object_id for s in strokes} - {0}))
        now = len(self._state.rounds)
        added = tuple(Annotated(stroke.frame, now, stroke) for stroke in strokes)
        self._history.set_fields(edit, annotated=self._state.annotated + added)

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
        index, checked = self._frame(frame), self._labels(labels)
        edit = self._begin(f"mask on frame {index}", index)
        self._create_objects(edit, np.unique(checked[checked > 0]).tolist())
        self._give(edit, index, checked.astype(np.int32), binding=lock, trusted=lock)

    def paint(self, frame: int, labels: AnyArray, where: NDArray[np.bool_]) -> None:
        """Paint pixels of a frame; no run changes them again.

        Parameters
        ----------
        frame : int
        labels : (H, W) integer
            The ids to put, 0 for background; read where `where` is set.
        where : (H, W) bool
        """
        index = self._frame(frame)
        checked = self._labels(np.where(where, labels, 0))
        edit = self._begin(f"paint on frame {index}", index)
        self._create_objects(edit, np.unique(checked[checked > 0]).tolist())
        key = self._history.frame(index).human
        human = np.full(self._size, -1, np.int32) if key is None else self._store.get(key).copy()
        human[where] = checked[where]
        trusted = self._history.frame(index).trusted
        self._give(edit, index, human, binding=True, trusted=trusted)

    def accept(self, frame: int) -> None:
        """Vouch for a frame's mask as it is: no run changes it, and runs stop in front of it."""
        index = self._frame(frame)
        edit = self._begin(f"accept frame {index}")
        now = self._history.frame(index)
        accepted = replace(
            now,
            human=self._store.put(self._mask(index).astype(np.int32)),
            human_objects=frozenset(self._state.ids),
            binding=True,
            trusted=True,
            source="human",
            reliability=1.0,
        )
        self._history.set_frame(edit, index, accepted)

    def _give(
        self, edit: Edit, index: int, human: NDArray[np.int32], *, binding: bool, trusted: bool
    ) -> None:
        """Put a person's pixels on a frame and show them at once."""
        now = self._history.frame(index)
        shown = np.where(human >= 0, human, self._mask(index)).astype(np.uint16)
        given = replace(
            now,
            mask=self._store.put(shown),
            probs=None,
            objects=(),
            human=self._store.put(human),
            human_objects=frozenset(self._state.ids),
            binding=binding,
            trusted=trusted,
            source="human",
            reliability=1.0 if trusted else now.reliability,
        )
        self._history.set_frame(edit, index, given)
        note = Annotated(index, len(self._state.rounds))
        self._history.set_fields(edit, annotated=(*self._state.annotated, note))

    def _frame(self, frame: int) -> int:
        if not 0 <= frame < len(self.video):
            raise StrokeError(
                f"There is no frame {frame}.",
                f"The video has the frames 0 to {len(self.video) - 1}.",
            )
        return int(frame)

    def _labels(self, labels: AnyArray) -> NDArray[np.int64]:
        array = np.asarray(labels)
        if array.shape != self._size:
            raise StrokeError(
                f"The labels have the shape {array.shape}, the frames {self._size}.",
                "Give one (height, width) label map of the same size.",
            )
        if array.dtype.kind not in "biu":
            raise StrokeError(f"Labels must be whole numbers, not {array.dtype}.")
        if array.size and (array.min() < 0 or array.max() > MAX_ID):
            raise StrokeError(f"Object ids must lie between 1 and {MAX_ID} (0 is background).")
        return array.astype(np.int64)

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

        Goes outwards to the nearest other annotated or accepted frames, or the video's ends.

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
        self._make_propagation(frame, direction, start, stop)
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
        plan = _planner.plan_interact(self._context(), self._frame(frame))
        self._plans[plan.id] = plan
        return plan

    def plan_propagate(
        self,
        frame: int | None = None,
        direction: Direction = "both",
        start: int | None = None,
        stop: int | None = None,
    ) -> Plan:
        """Plan what `propagate` does; strokes drawn from now on belong to the next round."""
        plan = self._make_propagation(frame, direction, start, stop)
        self._plans[plan.id] = plan
        plan.edit = self._begin(f"propagate from frame {plan.frame}")
        drafts = {k: v for k, v in self._state.drafts.items() if k != plan.frame}
        self._history.set_fields(
            plan.edit,
            rounds=(*self._state.rounds, _planner.round_of(plan)),
            drafts=MappingProxyType(drafts),
        )
        return plan

    def commit(self, update: Update) -> bool:
        """Make a result the session's; quick, and on the main thread.

        Returns
        -------
        bool
            False when the result came too late to count: the run was undone, or a person has
            drawn on that frame since.
        """
        plan = self._plans.get(update.plan)
        if plan is None or not plan.alive:
            return False
        context = self._context()
        wanted = _planner.is_wanted(context, plan, update)
        if not wanted and plan.kind == "interact":
            return False
        edit = self._edit_of(plan, update)
        self._remember(edit, plan, update, wanted)
        if not wanted:
            return False
        now = self._history.frame(update.index)
        mask, probs = _planner.under_new_rules(context, plan, update)
        segmented = replace(
            now,
            mask=mask,
            probs=probs,
            objects=update.objects,
            reliability=now.reliability if now.trusted else update.reliability,
            source=now.source if now.trusted else "model",
        )
        self._history.set_frame(edit, update.index, segmented)
        return True

    def finish(self, plan: Plan) -> None:
        """End a plan's run, however it went; the round ends with it."""
        if self._plans.pop(plan.id, None) is None:
            return
        edit = plan.edit
        if plan.alive and edit is not None and not edit.frames:
            # Nothing came of it: as if it had never been asked for.
            self._history.drop(edit)
        plan.alive = False
        if not self._plans:
            self._store.discard(self._dead)
            self._dead.clear()

    def _make_propagation(
        self, frame: int | None, direction: Direction, start: int | None, stop: int | None
    ) -> Plan:
        return _planner.plan_propagate(self._context(), frame, direction, start, stop)

    def _edit_of(self, plan: Plan, update: Update) -> Edit:
        """The step of undo that a result belongs to."""
        if plan.edit is None:
            last = self._history.done[-1] if self._history.done else None
            # A preview goes with the stroke it shows: one undo takes both back.
            if last is not None and last.previews == update.index:
                plan.edit = last
            else:
                plan.edit = self._begin(f"preview of frame {update.index}", update.index)
        return plan.edit

    def _remember(self, edit: Edit, plan: Plan, update: Update, wanted: bool) -> None:
        """Keep what the method learnt from an annotated frame."""
        draft = update.draft
        if draft is None:
            return
        if plan.kind == "propagate" and update.index == plan.frame:
            # Even when the frame was drawn on since: the frames to come are computed with it.
            self._history.set_fields(edit, memory=draft.memory, memory_current=True)
            return
        if not wanted:
            return
        if plan.rounds:
            self._history.set_fields(edit, memory=draft.base, memory_current=True)
        drafts = {**self._state.drafts, update.index: draft}
        self._history.set_fields(edit, drafts=MappingProxyType(drafts))

    def _context(self) -> _planner.Context:
        state = self._state
        key = (state.method, state.device, state.checkpoint)
        if key not in self._loaders:
            self._loaders[key] = EngineLoader.of(*key)
        return _planner.Context(
            plan_id=next(self._plan_ids),
            video=self.video,
            store=self._store,
            loader=self._loaders[key],
            history=self._history,
            spec=self.method,
            law=(self._strokes_mode or self.method.strokes) == "law",
            accumulate=self.accumulate,
        )

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
        weights = None if checkpoint is None else Path(checkpoint)
        check_choice(name, device, weights)
        edit = self._begin(f"method {name}")
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
        edit = self._history.undo()
        for plan in self._plans.values():
            if edit is not None and plan.edit is edit:
                plan.alive = False

    def redo(self) -> None:
        """Do the step undone last once more."""
        self._history.redo()

    def _begin(self, text: str, previews: int | None = None) -> Edit:
        edit = Edit(text, previews=previews)
        self._dead.extend(self._history.push(edit))
        return edit

    def export(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the masks, in the format that the name's extension says (see `export`).

        Parameters
        ----------
        path : path-like
            ``.tif``, ``.npz``, or a folder for one PNG a frame.
        **options
            Of the format.

        Raises
        ------
        ExportError
            The format is not known, or the file cannot be written.
        """
        from napari_ivos.export import export_masks

        export_masks(
            path, self.masks, objects=self.objects, reliability=self.reliability, **options
        )

    def close(self) -> None:
        """Let go of the masks on disk; the video stays open, it is its owner's."""
        for plan in self._plans.values():
            plan.alive = False
        self._plans.clear()
        self._store.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mask(self, index: int) -> LabelMap:
        key = self._history.frame(index).mask
        if key is None:
            return np.zeros(self._size, dtype=np.uint16)
        mask: LabelMap = self._store.get(key)
        hidden = self._state.removed | absent_objects(self._state.absences, index)
        if not hidden:
            return mask
        return np.where(np.isin(mask, list(hidden)), np.uint16(0), mask)


def _text(what: str, strokes: list[Stroke]) -> str:
    frames = sorted({stroke.frame for stroke in strokes})
    return f"{what} on frame {frames[0]}" if len(frames) == 1 else f"{what} on {len(frames)} frames"
