"""A project's journal once more: what people said is taken from it, what methods made is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import ProjectError, StrokeError
from napari_ivos.methods import Engine
from napari_ivos.session._codec import Decoder, forget
from napari_ivos.session._disk import Key
from napari_ivos.session._folder import FRAMES, JOURNAL, read_head, the_video
from napari_ivos.session._history import Edit, History
from napari_ivos.session._journal import damaged
from napari_ivos.session._plan import Plan
from napari_ivos.session._project import Project
from napari_ivos.session._restore import NOTES, Restored, lines_of, read_settings, restore
from napari_ivos.session._session import Session
from napari_ivos.session._state import FrameState
from napari_ivos.session._store import DEFAULT_CACHE_BYTES, FrameStore
from napari_ivos.session._update import Update

_NOWHERE: Key = 0
"""Stands for an array whose file is gone: of a step that was taken back for good."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of running a journal once more."""

    session: Session
    """As the journal leaves it, with the masks of this time; close it."""
    runs: int
    """How many results of methods were computed again."""
    frames: int
    """How many frames have masks."""
    different: tuple[int, ...]
    """Frames whose mask is another one now."""


def replay(
    path: str | os.PathLike[str],
    video: Any = None,
    *,
    engine: Engine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Run a project's journal again, and compare the masks with those in the project.

    The project is only read. The masks are equal byte for byte when the method computes the same
    from the same: same version of napari-ivos and of the libraries, same kind of device.

    Parameters
    ----------
    path : path-like
        The project folder.
    video : Video, path, or whatever `open_video` takes, optional
        As for `Session.open`.
    engine : Engine, optional
        The method, already loaded.
    progress : callable, optional
        Called with how many lines of the journal are done, and of how many.

    Returns
    -------
    Replay

    Raises
    ------
    ProjectError
        The project cannot be read or is damaged, or was made from another video.
    EngineError, CheckpointError
        The method does not run here.
    """
    folder = Path(path).expanduser().absolute()
    head = read_head(folder)
    source = the_video(head, folder, video)
    recorded = restore(folder / JOURNAL, len(source))
    lines = [line for _, line, _, _ in lines_of(folder / JOURNAL)]
    settings = read_settings(lines[0][0][1])
    session = Session.__new__(Session)
    session._start(Project.temporary(settings, DEFAULT_CACHE_BYTES), source, engine)
    try:
        store = FrameStore(folder / FRAMES)
        player = _Player(session, store, recorded)
        for number, line in enumerate(lines, start=1):
            try:
                player.play(line)
            except StrokeError as error:  # a run that cannot have been
                raise damaged(folder / JOURNAL, number) from error
            if progress is not None:
                progress(number, len(lines))
        player.close()
        different = tuple(_different(recorded.history, store, session))
        store.close()
    except BaseException:
        session.close()
        raise
    masks = sum(frame.mask is not None for frame in recorded.history.frames.values())
    return Replay(session, player.runs, masks, different)


class _Player:
    """Does what the lines say, with results of its own.

    Parameters
    ----------
    session : Session
        An empty one, to play in.
    store : FrameStore
        The project's.
    recorded : Restored
        Where the journal leads to.
    """

    def __init__(self, session: Session, store: FrameStore, recorded: Restored) -> None:
        self._session, self._runs, self._history = session, session._runs, session._history
        self._decoder = _Decoder(len(session.video), store, session._store)
        self._alive = {e.number for e in (*recorded.history.done, *recorded.history.undone)}
        self._edits: dict[int, Edit] = {}
        self._plans: dict[int, tuple[Plan, Iterator[Update]]] = {}
        self.runs = 0

    def play(self, line: list[Any]) -> None:
        """Do what one line says."""
        word, *values = line[0]
        if word == "open":
            self._open(values[0])
        elif word == "run":
            self._plan(*values)
        elif word == "result":
            self._result(line, *values)
        elif word == "end":
            plan, run = self._plans.pop(values[0])
            _close(run)
            self._runs.finish(plan)
        else:
            self._take(line)
        for edit in self._history.done[-1:]:
            self._edits[edit.number] = edit

    def close(self) -> None:
        """End what the journal leaves open."""
        for _, run in self._plans.values():
            _close(run)
        self._runs.close()

    def _open(self, known: dict[str, Any]) -> None:
        for _, run in self._plans.values():
            _close(run)
        self._plans.clear()
        settings = read_settings(known)
        self._runs.reopen(settings.strokes, settings.accumulate)
        forget(self._history)

    def _plan(self, number: int, kind: str, *request: Any) -> None:
        plan = (
            self._runs.plan_interact(*request)
            if kind == "interact"
            else self._runs.plan_propagate(*request)
        )
        self._plans[number] = (plan, plan.run())

    def _result(self, line: list[Any], number: int, index: int) -> None:
        plan, run = self._plans[number]
        touched = {change[1] for change in line if change[0] in ("begin", "set", "frame")}
        if plan.edit is not None:
            touched.add(plan.edit.number)
        if not touched & self._alive:
            # Taken back for good: what it was computed from may be gone, and nothing needs it.
            self._take(line)
            return
        for update in run:
            if update.index == index:
                self._runs.commit(update)
                self.runs += 1
                break
        for change in line:
            if change[0] == "frame":
                self._decoder.pair(change[3], self._history.frame(index))
            elif change[0] == "set":
                # What a passed frame is to be segmented from is made by the run as well.
                drafts = self._history.state.drafts
                for frame, known in change[2].get("drafts", {}).items():
                    if int(frame) in drafts:
                        self._decoder.pair(known, drafts[int(frame)].before)

    def _take(self, line: list[Any]) -> None:
        with self._runs.step():
            for change in line:
                if change[0] not in NOTES:
                    self._decoder.apply(change, self._history, self._edits)


class _Decoder(Decoder):
    """Reads changes with the keys of this time."""

    def __init__(self, length: int, recorded: FrameStore, store: FrameStore) -> None:
        super().__init__(length)
        self._recorded, self._store = recorded, store
        self._keys: dict[Key, Key] = {}

    def pair(self, known: dict[str, Any], now: FrameState) -> None:
        """Take note that what the journal has for a frame is this, this time."""
        for name, new in (("mask", now.mask), ("probs", now.probs)):
            old = super().key(known.get(name))
            if old is not None and new is not None:
                self._keys[old] = new

    def key(self, value: Any) -> Key | None:
        """Its key of this time; what people made is copied."""
        key = super().key(value)
        if key is not None and key not in self._keys:
            try:
                self._keys[key] = self._store.put(self._recorded.get(key))
            except ProjectError:
                return _NOWHERE
        return None if key is None else self._keys[key]


def _different(then: History, store: FrameStore, session: Session) -> Iterator[int]:
    """Frames whose masks are not the same bytes."""
    now = session._history
    for index in sorted({*then.frames, *now.frames}):
        old, new = then.frame(index).mask, now.frame(index).mask
        if (old is None) != (new is None):
            yield index
        elif old is not None and new is not None:
            one, other = store.get(old), session._store.get(new)
            if one.dtype != other.dtype or not np.array_equal(one, other):
                yield index


def _close(run: Iterator[Update]) -> None:
    close = getattr(run, "close", None)
    if close is not None:
        close()
