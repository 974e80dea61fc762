"""Loading what a method needs before it is needed, while the window stays alive."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path

from napari_ivos.methods._protocol import MethodSpec


def load_early(spec: MethodSpec) -> None:
    """Import a method's engine, in any thread, so that making it later takes no time.

    Parameters
    ----------
    spec : MethodSpec

    Raises
    ------
    ImportError
        Something is not installed; whoever makes the engine says it to the user.
    """
    if _runs_on_torch(spec):
        _open_torch()
    importlib.import_module(spec.engine.split(":")[0])


def _runs_on_torch(spec: MethodSpec) -> bool:
    return spec.devices != ("cpu",)


def _open_torch() -> None:
    """Have the system load torch's libraries, which takes a third of a second and more.

    An import does that too, but holds the interpreter's lock meanwhile, so that the window would
    stand still; a function called through ctypes does not. An import finds them loaded already.
    """
    found = None if "torch" in sys.modules else importlib.util.find_spec("torch")
    if found is None or found.origin is None or sys.platform == "win32":
        return
    ending = ".dylib" if sys.platform == "darwin" else ".so"
    folder = Path(found.origin).parent / "lib"
    # Where a name is missing or a library does not load, the import will say so.
    with suppress(OSError, AttributeError):
        load = ctypes.CDLL(None).dlopen
        load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        # In the order and in the ways in which torch loads them.
        load(os.fsencode(folder / f"libtorch_global_deps{ending}"), os.RTLD_NOW | os.RTLD_GLOBAL)
        load(os.fsencode(folder / f"libtorch_python{ending}"), os.RTLD_NOW | os.RTLD_LOCAL)
