"""What the dock remembers from one session to the next, in the user's own settings."""

from __future__ import annotations

from qtpy.QtCore import QSettings

_OWNER, _NAME = "napari-ivos", "dock"


def remembered(key: str, default: str = "") -> str:
    """What was remembered under a name; anything may stand in the file."""
    return str(_file().value(key, default))


def remember(key: str, value: str) -> None:
    """Remember it from now on."""
    _file().setValue(key, value)


def _file() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, _OWNER, _NAME)
