"""What the house promises of itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "napari_ivos"


@pytest.mark.parametrize(
    "module", ["session", "video", "scribbles", "export", "methods", "batch", "evaluation", "cli"]
)
def test_the_core_loads_neither_torch_nor_qt(module):
    code = (
        f"import sys, napari_ivos.{module}; "
        "print([m for m in ('torch', 'qtpy', 'PyQt6', 'PySide6', 'napari') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_there_is_no_blanket_silence_and_no_unsafe_loading():
    for file in SOURCE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                broad = node.type is None or (
                    isinstance(node.type, ast.Name)
                    and node.type.id in ("Exception", "BaseException")
                )
                assert not (silent and broad), f"{file}:{node.lineno}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert "pickle" not in names, f"{file}:{node.lineno}"
