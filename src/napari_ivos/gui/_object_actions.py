"""What can be done with the selected objects: the entries of menus, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMenu

from napari_ivos.gui._controller import Controller
from napari_ivos.session import Session
from napari_ivos.types import ObjectId

Span: TypeAlias = tuple[int, int] | None
"""A first frame and the one after the last; None: all frames."""


class ObjectActions:
    """Acts on the selected objects, on the displayed frame, selected frames, or everywhere.

    Parameters
    ----------
    controller : Controller
    selected : callable
        Gives the ids of the selected objects, ascending.
    selected_frames : callable
        Gives the frames that are selected in the timeline: the first, and the one after the last.
    """

    def __init__(
        self,
        controller: Controller,
        selected: Callable[[], tuple[ObjectId, ...]],
        selected_frames: Callable[[], tuple[int, int] | None],
    ) -> None:
        self._controller = controller
        self._selected, self._selected_frames = selected, selected_frames

    def fill(self, menu: QMenu, rename: Callable[[], None]) -> None:
        """Everything there is, for a context menu."""
        ids = self._selected()
        menu.setToolTipsVisible(True)
        _add(menu, "Rename", "Change the name", rename).setEnabled(len(ids) == 1)
        self._fill_visibility(menu, ids)
        self._fill_lock(menu, ids)
        menu.addSeparator()
        self.fill_merge(menu.addMenu(self.merge_text() if len(ids) > 1 else "Merge"))
        self.fill_delete(menu.addMenu("Delete"))
        division = _add(menu, self.division_text(), _DIVISION, self.divide)
        division.setEnabled(self.can_divide())

    def _fill_visibility(self, menu: QMenu, ids: tuple[ObjectId, ...]) -> None:
        objects = self._session.objects
        shown = {item.id for item in objects if item.visible}
        hide = bool(shown.intersection(ids))
        _add(
            menu,
            "Hide" if hide else "Show",
            "In the viewer only: masks stay as they are",
            lambda: self.show(ids, not hide),
        )
        others = tuple(i for i in shown if i not in ids)
        _add(
            menu, "Hide all others", "Show these objects alone", lambda: self.show(others, False)
        ).setEnabled(bool(others))
        hidden = tuple(item.id for item in objects if not item.visible)
        _add(
            menu, "Show all", "Show every object again", lambda: self.show(hidden, True)
        ).setEnabled(bool(hidden))

    def _fill_lock(self, menu: QMenu, ids: tuple[ObjectId, ...]) -> None:
        if len(ids) == 1:
            (item,) = (item for item in self._session.objects if item.id == ids[0])
            _add(
                menu,
                "Unlock" if item.locked else "Lock",
                "A locked object is left alone by every run, merged and deleted by nobody",
                lambda: self.toggle_lock(item.id),
            )

    def fill_merge(self, menu: QMenu) -> None:
        """On which frames the selected objects are merged."""
        menu.setToolTipsVisible(True)
        menu.setEnabled(len(self._selected()) > 1)
        for text, span in self._spans():
            _add(menu, text, f"{self.merge_text()} {text}", partial(self.merge, span))

    def fill_delete(self, menu: QMenu) -> None:
        """On which frames the selected objects are deleted."""
        menu.setToolTipsVisible(True)
        menu.setEnabled(bool(self._selected()))
        for text, span in self._spans():
            _add(menu, text, _EVERYWHERE if span is None else _HERE, partial(self.delete, span))

    def _spans(self) -> list[tuple[str, Span]]:
        frame, selected = self._controller.navigation.frame, self._selected_frames()
        spans: list[tuple[str, Span]] = []
        if frame is not None:
            spans.append((f"on this frame ({frame})", (frame, frame + 1)))
        if selected is not None and (frame is None or selected != (frame, frame + 1)):
            start, stop = selected
            text = f"on frames {start} to {stop - 1}, as selected in the timeline"
            spans.append((text, selected))
        return [*spans, ("everywhere", None)]

    # -- acts ---------------------------------------------------------------------------------

    def merge_text(self) -> str:
        """What merging would do."""
        into, *others = self._selected() or (0,)
        return f"Merge {', '.join(map(str, others))} into {into}"

    def merge(self, span: Span = None) -> None:
        """Make the selected objects one: the one with the lowest number."""
        ids = self._selected()
        if len(ids) < 2:
            self._controller.say("Select two objects or more to merge them (Ctrl-click).", bad=True)
            return
        into, others = ids[0], ids[1:]
        frames = span or (None, None)
        if self._controller.edit(lambda session: session.merge_objects(into, others, *frames)):
            self._controller.select(into)

    def delete(self, span: Span) -> None:
        """Delete the selected objects."""
        ids = self._selected()
        if ids:
            frames = span or (None, None)
            self._controller.edit(lambda session: session.delete_objects(ids, *frames))

    def can_divide(self) -> bool:
        """Whether the selection says what divides, or what divides into what."""
        return len(self._selected()) not in (0, 2) and bool(self._controller.navigation.frame)

    def division_text(self) -> str:
        """What dividing would do."""
        parent, *daughters = self._selected() or (0,)
        into = f" into {' and '.join(map(str, daughters))}" if len(daughters) > 1 else ""
        frame = self._controller.navigation.frame
        where = "" if frame is None else f" ({frame})"
        return f"Division of {parent}{into} on this frame{where}"

    def divide(self) -> None:
        """Have the selected object divide on the displayed frame, into two or the others."""
        frame, ids = self._controller.navigation.frame, self._selected()
        if frame is None or not ids:
            return
        found: list[ObjectId] = []

        def act(session: Session) -> None:
            found.extend(session.divide(ids[0], frame, ids[1:] or None))

        if self._controller.edit(act):
            self._controller.select(found[0])
            if len(ids) == 1:
                self._controller.say(self._told(frame, found))

    def _told(self, frame: int, daughters: list[ObjectId]) -> str:
        """What to do after a division."""
        both = " and ".join(map(str, daughters))
        if np.isin(daughters, self._session.masks[frame]).all():
            return f"The daughters {both} share the mask: correct it with strokes, then press G."
        return f"Draw a stroke on both daughters ({both}), then press G."

    def show(self, ids: tuple[ObjectId, ...], visible: bool) -> None:
        """Show objects in the viewer, or hide them."""
        self._controller.edit(lambda session: session.show_objects(ids, visible))

    def toggle_visible(self, object_id: ObjectId) -> None:
        """Show an object if it is hidden, else hide it; with it what is selected beside it."""
        ids = self._selected()
        (item,) = (item for item in self._session.objects if item.id == object_id)
        self.show(ids if object_id in ids else (object_id,), not item.visible)

    def toggle_lock(self, object_id: ObjectId) -> None:
        """Lock an object, or unlock it."""
        (item,) = (item for item in self._session.objects if item.id == object_id)
        self._controller.edit(lambda session: session.lock_object(object_id, not item.locked))

    @property
    def _session(self) -> Session:
        session = self._controller.session
        assert session is not None, "without a session there are no objects"
        return session


_HERE = (
    "Pixels and strokes go. A run may put the object there again;\n"
    "to keep it away, mark it as absent in the timeline."
)
_EVERYWHERE = "The object goes with its strokes, from all frames"
_DIVISION = (
    "The object ends in front of this frame, and its daughters begin: new ones that share\n"
    "its mask (its parts, or its halves), or the others that are selected with it"
)


def _add(menu: QMenu, text: str, tip: str, act: Callable[[], object]) -> QAction:
    action = menu.addAction(text)
    action.setToolTip(tip)
    action.triggered.connect(lambda _checked=False: act())
    return action
