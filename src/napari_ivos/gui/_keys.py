"""The keys of the plugin: one table, bound while the dock is open, released when it closes.

All of them are free in napari's Labels and Shapes layers, whose own keys would win. The keys of a
user study are bound to the whole window while a sequence is worked on, and win over napari's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QShortcut
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    import napari

    from napari_ivos.gui._controller import Controller


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it does."""

    key: str
    text: str
    action: Callable[[Any], None]


KEYS: dict[str, Key] = {
    "propagate": Key("G", "Propagate (go)", lambda c: c.propagate()),
    "stop": Key("H", "Stop (halt)", lambda c: c.stop()),
    "background": Key("N", "Object or background strokes", lambda c: c.toggle_background()),
    "add_object": Key("K", "Add an object", lambda c: c.add_object()),
    "next_object": Key("O", "Select the next object", lambda c: c.select_next()),
    "undo": Key("U", "Undo", lambda c: c.undo()),
    "redo": Key("Y", "Redo", lambda c: c.redo()),
    "check": Key("J", "Go to the next frame to check", lambda c: c.navigation.go_to_doubtful()),
    "accept": Key("Q", "Accept the displayed frame (quality is fine)", lambda c: c.accept()),
    "candidates": Key(
        ";", "Show or hide the candidates to check", lambda c: c.candidates_wanted.emit()
    ),
    "earlier": Key(
        ",", "Go to the annotated frame before", lambda c: c.navigation.go_to_annotated(-1)
    ),
    "later": Key(
        ".", "Go to the annotated frame after", lambda c: c.navigation.go_to_annotated(+1)
    ),
    "unreviewed": Key(
        "/", "Go to the next frame nobody has looked at", lambda c: c.navigation.go_to_unreviewed()
    ),
    "changes": Key(
        "Shift+G", "Show or hide what the last propagation changed", lambda c: c.difference.toggle()
    ),
    "reject": Key(
        "Shift+U",
        "Reject the last propagation (strokes stay)",
        lambda c: c.propagation.reject(),
    ),
    "masks": Key("W", "Show or hide the masks", lambda c: c.navigation.toggle_masks()),
    "look": Key("Shift+W", "Show the masks in another way", lambda c: c.looks.show_next()),
    "help": Key("F1", "Show or hide all keys and the doctor", lambda c: c.help_wanted.emit()),
}

OTHER_KEYS = (
    ("A B C D", "Go to a candidate, while the candidates are shown"),
    ("[ ]", "Smaller or larger brush"),
    ("E", "The eraser, which takes strokes away"),
    ("Right button", "Hold to draw background strokes"),
    ("Space", "Hold to move the picture with the mouse"),
    ("← →", "The frame before, the frame after"),
    ("Ctrl+Z", "Undo, like U; with Shift redo, like Y"),
    ("M", "Add an object, like K"),
)
"""Keys of napari, and of windows that are not always there, that are worth knowing."""


def _object_key(number: int) -> Key:
    return Key(str(number), f"Select object {number}", lambda c: c.choose_object(number))


# A to D choose a candidate, as in the dock, while the candidates are shown.
STUDY_KEYS = {
    "run": Key("R", "Run", lambda c: c.run()),
    "satisfied": Key("S", "Satisfied", lambda c: c.be_satisfied()),
    "choose": Key("Space", "Draw on the displayed frame next", lambda c: c.choose_displayed()),
    "background": KEYS["background"],
    "next_object": KEYS["next_object"],
    "undo": KEYS["undo"],
    "redo": KEYS["redo"],
    "masks": KEYS["masks"],
} | {f"object_{number}": _object_key(number) for number in range(1, 10)}


class WindowKeys:
    """Binds a table to a whole window, whatever in it has the keyboard.

    napari's own bindings would not do: those of a layer, such as 1 to 7 and Space, win over them.

    Parameters
    ----------
    window : QWidget
        The main window.
    table : mapping of str to Key
    controller : Controller
    """

    def __init__(self, window: QWidget, table: Mapping[str, Key], controller: Controller) -> None:
        self._bound = [_shortcut(window, entry, controller) for entry in table.values()]

    def release(self) -> None:
        """Unbind all of them."""
        for shortcut in self._bound:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._bound.clear()


def _shortcut(window: QWidget, entry: Key, controller: Controller) -> QShortcut:
    made = QShortcut(entry.key, window)
    made.setAutoRepeat(False)
    made.activated.connect(lambda: entry.action(controller))
    return made


class Bindings:
    """Binds the table to a viewer, and gives back what was bound there before."""

    def __init__(self, viewer: napari.Viewer, controller: Controller) -> None:
        self._viewer = viewer
        self._before: dict[str, Any] = {}
        self._bound: dict[str, Any] = {}
        for entry in KEYS.values():
            action = _on_press(entry, controller)
            self._before[entry.key] = viewer.bind_key(entry.key, action, overwrite=True)
            self._bound[entry.key] = action

    def release(self) -> None:
        """Unbind all of them; a key that somebody else bound in the meantime stays theirs."""
        for key, action in self._bound.items():
            now = self._viewer.bind_key(key, None)
            keep = self._before[key] if now is action else now
            if keep is not None:
                self._viewer.bind_key(key, keep)
        self._bound.clear()


def _on_press(entry: Key, controller: Controller) -> Callable[[Any], None]:
    def pressed(_: Any) -> None:
        entry.action(controller)

    pressed.__doc__ = entry.text
    return pressed


def with_key(text: str, name: str, table: Mapping[str, Key] = KEYS) -> str:
    """A tooltip that names the key as well."""
    return f"{text}\nKey: {table[name].key}"
