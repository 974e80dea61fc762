"""Devices that a method could use here, found without loading torch."""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache

from napari_ivos.methods import MethodSpec


def devices_for(spec: MethodSpec) -> list[str]:
    """What to offer for a method: "auto" first, then the kinds of device found here."""
    return ["auto", *(kind for kind in spec.devices if kind in _found())]


def spell_device(spec: MethodSpec, device: str) -> str:
    """Give a device's name; for "auto" also what it comes to, as far as that is known."""
    if device != "auto":
        return device
    # In the order in which methods choose.
    kinds = [kind for kind in ("cuda", "mps", "cpu") if kind in devices_for(spec)]
    # There is a driver; whether this torch can use it is known when it is loaded.
    return " or ".join(kinds)


@cache
def _found() -> tuple[str, ...]:
    kinds = ["cpu"]
    if _has_nvidia_driver():
        kinds.append("cuda")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        kinds.append("mps")
    return tuple(kinds)


def _has_nvidia_driver() -> bool:
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
