import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import napari_ivos
from napari_ivos.methods import MethodSpec

HEAVY = ("torch", "cv2", "numpy", "napari", "qtpy", "PyQt6", "PySide6", "av", "zarr", "scipy")


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint('\\n'.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    loaded = loaded_after("import napari_ivos")
    assert "napari_ivos" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_listing_methods_loads_neither_torch_nor_qt():
    loaded = loaded_after("import napari_ivos; assert 'flow' in napari_ivos.list_methods()")
    assert loaded.isdisjoint({"torch", "napari", "qtpy", "PyQt6", "PySide6"})


@pytest.mark.parametrize("name", ["Session", "open_video", "list_methods"])
def test_public_names_are_those_of_their_modules(name):
    home = {"Session": "session", "open_video": "video", "list_methods": "methods"}[name]
    module = importlib.import_module(f"napari_ivos.{home}")
    assert getattr(napari_ivos, name) is getattr(module, name)


def test_star_import_and_dir_agree_with_all():
    scope: dict[str, object] = {}
    exec("from napari_ivos import *", scope)
    assert set(napari_ivos.__all__) <= set(scope)
    assert set(napari_ivos.__all__) <= set(dir(napari_ivos))


def test_the_version_has_one_source():
    assert napari_ivos.__version__ == version("napari-ivos")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'segment_everything'"):
        _ = napari_ivos.segment_everything


def test_list_methods_gives_specs():
    assert all(isinstance(spec, MethodSpec) for spec in napari_ivos.list_methods())


def manifest_names() -> list[str]:
    path = Path(napari_ivos.__file__).with_name("napari.yaml")
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [command["python_name"] for command in manifest["contributions"]["commands"]]


def test_every_python_name_of_the_manifest_can_be_imported():
    pytest.importorskip("napari")
    names = manifest_names()
    assert names
    for name in names:
        module, _, attribute = name.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute)), name
