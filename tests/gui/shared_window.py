"""One napari window for many tests, since opening it takes longer than what most tests do in it."""

import gc
from contextlib import ExitStack
from unittest.mock import patch

from app_model import Application
from napari import Viewer
from napari._app_model._app import NapariApplication, _napari_names
from napari._qt._qapp_model.qactions import init_qactions
from napari._qt.qt_main_window import _QtMainWindow
from napari._qt.qt_viewer import QtViewer
from napari.plugins import _initialize_plugins
from napari.settings import get_settings
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QShortcut

from napari_ivos.gui._gl import free_layers_in_their_context

_MOUSE = ("mouse_drag", "mouse_move", "mouse_wheel", "mouse_double_click")


class SharedWindow:
    """A window that is opened when it is first asked for, and is not shown.

    A test has to leave it as it was before the first one: no layer, no dock, no widget of ours, no
    key, nobody who listens. The window of a test that does not, or that fails, is closed.
    """

    def __init__(self):
        self.viewer = None
        self.barred = False
        """While a test has a window of its own: both at once would share one napari."""

    def open(self):
        """The viewer, empty."""
        assert not self.barred, "take either `viewer` and what needs it, or `make_napari_viewer`"
        if self.viewer is None:
            self._stack = ExitStack()
            self._prepare()
            self.viewer = Viewer(show=False, show_welcome_screen=False)
            free_layers_in_their_context(self.viewer)
            self._size = self.viewer.window._qt_window.size()
            self._before = self._traces()
        return self.viewer

    def clear(self):
        """Take out what a test has put in, and see whether anything else is left of it."""
        viewer = self.viewer
        if not hasattr(viewer.window, "_qt_window"):
            self.close()  # the test has closed it
            return
        viewer.layers.clear()
        viewer.window.remove_dock_widget("all")
        viewer.window._qt_window.hide()
        viewer.window._qt_window.resize(self._size)
        delete_now()
        try:
            for name, left in self._traces().items():
                assert left == self._before[name], f"{name} left in the window"
        except AssertionError:
            self.close()
            raise

    def close(self):
        """Close the window, if there is one."""
        if self.viewer is None:
            return
        with self._stack:
            self.viewer.close()
            self.viewer = None
            gc.collect()
            delete_now()
            assert not QtViewer._instances

    def _prepare(self):
        """As napari's `make_napari_viewer` does it: an application of its own, and no thread."""
        for cached in (_initialize_plugins, init_qactions):
            cached.cache_clear()
            self._stack.callback(cached.cache_clear)
        app = NapariApplication("shared window")
        app.injection_store.namespace = _napari_names
        self._stack.callback(Application.destroy, "shared window")
        get_settings().reset()
        for place, name, instead in (
            (NapariApplication, "get_app_model", lambda *_: app),
            (_QtMainWindow, "_save_current_window_settings", lambda *_: None),
        ):
            self._stack.enter_context(patch.object(place, name, instead))
        # Its thread would look for what lies under the mouse.
        start = "napari._qt.threads.status_checker.StatusChecker.start"
        self._stack.enter_context(patch(start, lambda *_: None))

    def _traces(self):
        viewer, window = self.viewer, self.viewer.window
        groups = viewer.events, viewer.dims.events, viewer.layers.events
        groups += (viewer.layers.selection.events,)
        emitters = [emitter for group in groups for emitter in group.emitters.values()]
        return {
            "keys": set(viewer.keymap),
            "shortcuts": len(window._qt_window.findChildren(QShortcut)),
            "docks": set(window._wrapped_dock_widgets),
            "mouse callbacks": [len(getattr(viewer, f"{name}_callbacks")) for name in _MOUSE],
            "callbacks": [
                str(callback) for one in emitters for callback in one.callbacks if _ours(callback)
            ],
            "widgets": {
                type(widget).__name__
                for widget in QApplication.topLevelWidgets()
                if type(widget).__module__.startswith("napari_ivos")
            },
        }


def _ours(callback):
    # napari holds methods as a reference to their object and a name.
    called = callback[0]() if isinstance(callback, tuple) else callback
    return called.__module__.startswith("napari_ivos")


def delete_now():
    """Have Qt delete what it would have deleted in its event loop, which no longer runs."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
