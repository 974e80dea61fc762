"""README and docs tell what is there: links, commands, and Python that runs as it stands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import typer

import napari_ivos.methods
from napari_ivos.cli import app
from napari_ivos.sample_data import load

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = ROOT / "docs" / "adding-a-method.md"


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    """Code blocks of a page, and whether the page says that they run."""
    found = re.finditer(
        rf"^(<!-- run -->\n)?```{language}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S
    )
    return [(match[2], match[1] is not None) for match in found]


def runnable(page):
    return [code for code, runs in blocks(page, "python") if runs]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
            anchors = {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}
            assert heading in anchors, target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_understood(page):
    for line in commands(page):
        words = shlex.split(line, comments=True)[1:]
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            name, *words = words
            command = command.commands[name]
        command.make_context(command.name, words).close()


def commands(page):
    """All lines of a page that begin with the program's name, in blocks and within sentences."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    in_blocks = re.findall(r"^(napari-ivos [a-z].*)$", text, re.M)
    in_lines = re.findall(r"`(napari-ivos [a-z]+ [^`]*--[^`…]*)`", text)
    return in_blocks + in_lines


def test_there_are_commands_and_python_to_check():
    assert len(commands(ROOT / "README.md")) >= 6
    assert sum(len(runnable(page)) for page in PAGES) >= 6


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of, and the example method in its place."""
    frames = load("cells").frames[:44, :120, :140, 0].astype(np.uint16) * 16
    labels = np.zeros((12, 120, 140), np.uint16)
    labels[0, 28:36, 36:46], labels[0, 60:70, 60:72] = 1, 2
    tifffile.imwrite(tmp_path / "cells.tif", frames, metadata={"axes": "TYX"})
    plate = np.stack([frames[:12], frames[:12] // 3, frames[:12] // 2], axis=1)
    tifffile.imwrite(tmp_path / "plate.tif", plate, imagej=True, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "cellpose.tif", labels)
    write_example(tmp_path)
    monkeypatch.chdir(tmp_path)
    places = [*napari_ivos.methods.__path__, str(tmp_path / "methods")]
    monkeypatch.setattr(napari_ivos.methods, "__path__", places)
    napari_ivos.methods._specs.cache_clear()
    yield tmp_path
    napari_ivos.methods._specs.cache_clear()
    for name in [name for name in sys.modules if name.startswith("napari_ivos.methods.colour")]:
        del sys.modules[name]


def write_example(folder):
    for code, _ in blocks(EXAMPLE, "python"):
        place = re.match(r"# (methods/\S+\.py)\n", code)
        if place:
            (folder / place[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / place[1]).write_text(code, encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name_of)
def test_python_runs_as_it_stands(page, folder):
    names = {}
    for code in runnable(page):
        exec(compile(code, name_of(page), "exec"), names)
    session = names["session"]
    session.close()


def test_the_example_method_keeps_the_contract(tmp_path):
    write_example(tmp_path)
    (tmp_path / "with_example.py").write_text(
        "import napari_ivos.methods\n"
        f"napari_ivos.methods.__path__.append({str(tmp_path / 'methods')!r})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "with_example", "-k", "colour"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "tests/methods/test_contract.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 12, done.stdout
