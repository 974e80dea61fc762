"""What is installed, what the computer has, and what to do where something is missing."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal

from napari_ivos.methods import MethodSpec, list_methods

_INSTALL = 'Run: pip install "napari-ivos[all]"'
_REINSTALL = "Run: pip install --force-reinstall {}"
_LOW_BYTES = 2 * 2**30

# Distribution, and the module that it brings.
_PACKAGES = (
    ("numpy", "numpy"),
    ("scipy", "scipy"),
    ("scikit-image", "skimage"),
    ("pillow", "PIL"),
    ("tifffile", "tifffile"),
    ("zarr", "zarr"),
    ("av", "av"),
    ("torch", "torch"),
)
_OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python")
_QT = ("PyQt6", "PySide6", "PyQt5", "PySide2")

# Run in a process of its own, because Qt ends the process when it finds no display.
_OPENGL = """
from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
app = QGuiApplication([])
context = QOpenGLContext()
surface = QOffscreenSurface()
surface.create()
if context.create() and context.makeCurrent(surface):
    print(*context.format().version(), sep=".")
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: Literal["ok", "note", "problem"]
    """"problem": something that ought to work does not."""
    text: str
    advice: str = ""
    """What to do about it."""


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after the other; the first ones come at once.

    Yields
    ------
    Finding
    """
    yield _python()
    yield Finding("ok", f"napari-ivos {version('napari-ivos')}")
    for distribution, module in _PACKAGES:
        yield _package(distribution, module)
    yield _opencv()
    yield _devices()
    yield from _window()
    yield from _room()
    for spec in list_methods():
        yield _method(spec)


def _python() -> Finding:
    return Finding("ok", f"Python {platform.python_version()} on {platform.platform(terse=True)}")


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _package(distribution: str, module: str) -> Finding:
    found = _installed(distribution)
    if found is None:
        return Finding("problem", f"{distribution} is missing", _INSTALL)
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:
        return Finding(
            "problem",
            f"{distribution} {found} cannot be loaded: {_first_line(error)}",
            _REINSTALL.format(distribution),
        )
    return Finding("ok", f"{distribution} {found}")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _opencv() -> Finding:
    found = {name: number for name in _OPENCV if (number := _installed(name)) is not None}
    if not found:
        return Finding("problem", "OpenCV is missing", _INSTALL)
    names = " and ".join(f"{name} {number}" for name, number in found.items())
    if len(found) > 1:
        return Finding(
            "problem",
            f"{names} overwrite each other's files",
            f"Run: pip uninstall -y {' '.join(found)} && pip install opencv-python-headless",
        )
    if _OPENCV[0] not in found and find_spec("PyQt5") is not None:
        return Finding(
            "problem",
            f"{names} brings a Qt of its own, with which PyQt5 ends the program",
            f"Run: pip uninstall -y {next(iter(found))} && pip install opencv-python-headless",
        )
    loads = _package(next(iter(found)), "cv2")
    return loads if loads.state == "problem" else Finding("ok", names)


def _devices() -> Finding:
    try:
        torch: ModuleType = importlib.import_module("torch")
    except (ImportError, OSError):
        return Finding("note", "devices: unknown, as torch cannot be loaded")
    devices = [f"cpu ({os.cpu_count()} cores)"]
    if torch.cuda.is_available():
        devices += [
            f"cuda:{index} ({torch.cuda.get_device_name(index)})"
            for index in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return Finding("ok", f"devices: {', '.join(devices)}")


def _window() -> Iterator[Finding]:
    """Napari, Qt, a display and OpenGL; without them everything but the window works."""
    napari = _installed("napari")
    if napari is None:
        yield Finding("note", "napari is not installed, so there is no window", _INSTALL)
        return
    yield Finding("ok", f"napari {napari}")
    bindings = [f"{name} {_installed(name)}" for name in _QT if find_spec(name) is not None]
    if not bindings:
        yield Finding("problem", "napari has no Qt binding", _INSTALL)
        return
    yield Finding("ok", f"Qt binding: {', '.join(bindings)}")
    wanted = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in wanted):
        yield Finding(
            "note",
            "there is no display, so no window can be opened",
            "Run on a desktop, or with xvfb-run; 'napari-ivos segment' needs none.",
        )
        return
    yield _opengl()


def _opengl() -> Finding:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _OPENGL], capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("problem", "OpenGL did not answer within a minute", "Update the driver.")
    if done.returncode == 0 and done.stdout.strip():
        return Finding("ok", f"OpenGL {done.stdout.strip()}")
    lines = done.stderr.strip().splitlines()
    return Finding(
        "problem",
        f"no window with OpenGL can be made{': ' + lines[-1] if lines else ''}",
        "Install the graphics driver and, on Linux, Qt's xcb libraries (libxcb-cursor0, …).",
    )


def _room() -> Iterator[Finding]:
    places = {Path.cwd(): "this folder", Path(tempfile.gettempdir()): "temporary files"}
    for folder, purpose in places.items():
        free = shutil.disk_usage(folder).free
        yield Finding(
            "note" if free < _LOW_BYTES else "ok",
            f"{free / 2**30:.1f} GiB of disk are free for {purpose} ({folder})",
            "Long videos need more." if free < _LOW_BYTES else "",
        )
    table = Path("/proc/meminfo")
    if table.exists():
        sizes = dict(line.split(":") for line in table.read_text(encoding="ascii").splitlines())
        free = int(sizes["MemAvailable"].split()[0]) * 1024
        yield Finding("ok", f"{free / 2**30:.1f} GiB of memory are available")


def _method(spec: MethodSpec) -> Finding:
    module, function = spec.engine.split(":")
    try:
        loaded = hasattr(importlib.import_module(module), function)
    except ImportError as error:
        return Finding(
            "problem", f"method {spec.name} cannot be loaded: {_first_line(error)}", _INSTALL
        )
    if not loaded:
        return Finding("problem", f"method {spec.name} has no engine '{spec.engine}'")
    if spec.checkpoint == "required":
        return Finding(
            "note",
            f"method {spec.name} needs its weights",
            "Give them with --checkpoint, or in the dock with 'Add file…' or 'Get it…'.",
        )
    return Finding("ok", f"method {spec.name} is ready")
