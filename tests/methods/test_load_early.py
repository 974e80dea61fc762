import subprocess
import sys

import pytest


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, text=True, timeout=120).split()


def test_a_method_on_torch_brings_it_and_flow_does_not():
    code = (
        "import sys; from napari_ivos.methods import get_method, load_early\n"
        "for name in ('flow', 'lite'):\n"
        "    load_early(get_method(name))\n"
        "    print('torch' in sys.modules, f'napari_ivos.methods.{name}.engine' in sys.modules)"
    )
    assert run(code) == ["False", "True", "True", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="says what is loaded in /proc")
def test_libraries_are_loaded_before_the_import():
    code = (
        "import sys; from napari_ivos.methods import _early\n"
        "def loaded(): return 'libtorch_python' in open('/proc/self/maps').read()\n"
        "print(loaded()); _early._open_torch(); print(loaded(), 'torch' in sys.modules)"
    )
    assert run(code) == ["False", "True", "False"]
