"""Tasks that workers can load, and that end them on demand."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from napari_ivos.errors import VideoError


def write(place: Path) -> None:
    """Write which process did it, once, unless the name says otherwise."""
    if place.exists():
        return
    with (place.parent / "begun").open("a", encoding="utf-8") as file:
        file.write(f"{place.name}\n")
    if place.name == "deadly" or (place.name == "once" and begun(place.parent, "once") == 1):
        time.sleep(0.2)  # so that others are in hand as well
        os.kill(os.getpid(), signal.SIGKILL)
    if place.name == "wrong":
        raise VideoError("Nothing can be seen.", "Switch the light on.")
    place.write_text(str(os.getpid()), encoding="utf-8")


def begun(folder: Path, name: str) -> int:
    """How often a task was begun."""
    return (folder / "begun").read_text(encoding="utf-8").split().count(name)
