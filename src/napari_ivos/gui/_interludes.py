"""Previews between the frames of a propagation, so that a stroke need not wait for its end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from napari_ivos.session import Plan, Session


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """A preview between two frames is over."""

    plan: Plan
    error: Exception | None
    """What it failed with."""


class Interludes:
    """A propagation that makes room for previews after each of its frames.

    One thread does both in turn: a second one would compute no faster and need twice the memory.

    Parameters
    ----------
    session : Session
    plan : Plan
        Of the propagation.
    """

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session, self._plan = session, plan
        self._waiting: SimpleQueue[Plan] = SimpleQueue()
        self._previews: dict[int, Plan] = {}

    def add(self, frame: int) -> None:
        """Preview a frame next; a preview of it that has not ended is dropped.

        Raises
        ------
        StrokeError
            Nothing is drawn on the frame.
        """
        self._drop(frame)
        plan = self._session.plan_interact(frame)
        self._previews[frame] = plan
        self._waiting.put(plan)

    def end(self, plan: Plan) -> None:
        """Take note that a preview is over."""
        if self._previews.get(plan.frame) is plan:
            self._drop(plan.frame)

    def drop(self) -> list[int]:
        """Drop the previews that have not ended, and say of which frames they were."""
        frames = list(self._previews)
        for frame in frames:
            self._drop(frame)
        return frames

    def _drop(self, frame: int) -> None:
        plan = self._previews.pop(frame, None)
        if plan is not None:
            # Results that are under way are not the session's any more.
            self._session.finish(plan)

    def run(self) -> Generator[Any, None, None]:
        """Do the work, in any thread.

        Yields
        ------
        Update or Ended
            Of the propagation, and in between of previews.
        """
        with closing(self._plan.run()) as frames:
            for update in frames:
                yield update
                yield from self._run_previews()

    def _run_previews(self) -> Generator[Any, None, None]:
        while (plan := self._next()) is not None:
            error: Exception | None = None
            try:
                with closing(plan.run()) as updates:
                    yield from updates
            except Exception as failure:  # the propagation goes on; the main thread says it
                error = failure
            yield Ended(plan, error)

    def _next(self) -> Plan | None:
        while True:
            try:
                plan = self._waiting.get_nowait()
            except Empty:
                return None
            if plan.alive:
                return plan
