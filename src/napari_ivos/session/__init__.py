"""What a user has done to a video, and what came of it."""

from napari_ivos.session._changes import Change, Changes
from napari_ivos.session._import import GivenMask, MaskImport, checked_labels, frames_for
from napari_ivos.session._lineage import ancestors
from napari_ivos.session._overview import Overview, Status, shrink
from napari_ivos.session._plan import Plan
from napari_ivos.session._replay import Replay, replay
from napari_ivos.session._session import Direction, Session
from napari_ivos.session._state import SessionObject
from napari_ivos.session._update import Update
from napari_ivos.session._views import MaskView

__all__ = [
    "Change",
    "Changes",
    "Direction",
    "GivenMask",
    "MaskImport",
    "MaskView",
    "Overview",
    "Plan",
    "Replay",
    "Session",
    "SessionObject",
    "Status",
    "Update",
    "ancestors",
    "checked_labels",
    "frames_for",
    "replay",
    "shrink",
]
