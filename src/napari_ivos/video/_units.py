"""Units of length and time, as files write them."""

from __future__ import annotations

from typing import Any

_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "msec": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0}
_SECONDS |= {"min": 60.0, "h": 3600.0, "hr": 3600.0, "d": 86400.0}
MICROMETRES = {"pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "µm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
"""How many micrometres a unit is."""

LONG_NAMES = {
    "pm": "picometer",
    "Å": "angstrom",
    "nm": "nanometer",
    "µm": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
}
"""What OME-Zarr calls it."""

_OTHER_NAMES = {"um": "µm", "micron": "µm", "microns": "µm"}
_OTHER_NAMES |= {name: sign for sign, name in LONG_NAMES.items()}


def _sign(text: Any) -> str:
    # The Greek letter is taken for the sign; ImageJ writes it as an escape.
    return str(text).strip().replace("\\u00B5", "µ").replace("μ", "µ")


def length_unit(text: Any) -> str | None:
    """A unit of length by its sign, as OME has it; None for one that is not known."""
    sign = _OTHER_NAMES.get(_sign(text), _sign(text))
    return sign if sign in MICROMETRES else None


def seconds(unit: Any) -> float:
    """How many seconds a unit of time is; 0 for one that is not known."""
    return _SECONDS.get(_sign(unit), 0.0)
