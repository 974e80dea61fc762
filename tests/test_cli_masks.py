"""``segment --masks``: label maps are where it starts from."""

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_ivos import cli
from napari_ivos.scribbles import make_stroke, to_davis, write_davis
from napari_ivos.session import Session

LENGTH, HEIGHT, WIDTH = 6, 48, 64


def square(frame):
    """Label map of the movie's square, as object 300, and of one below it, as object 7."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint16)
    labels[14:30, 10 + 2 * frame : 26 + 2 * frame] = 300
    labels[36:44, 40:50] = 7
    return labels


@pytest.fixture
def segment(tmp_path, monkeypatch):
    """Run the command on a movie with a bright square that moves to the right."""
    monkeypatch.chdir(tmp_path)
    frames = np.full((LENGTH, HEIGHT, WIDTH, 3), 40, np.uint8)
    for index, frame in enumerate(frames):
        frame[14:30, 10 + 2 * index : 26 + 2 * index] = 200
    tifffile.imwrite(tmp_path / "movie.tif", frames, photometric="rgb")

    def segment(*args):
        line = ["segment", "movie.tif", "--out", "out.tif", "--method", "flow", *map(str, args)]
        return CliRunner().invoke(cli.app, line, catch_exceptions=False)

    return segment


@pytest.fixture
def rounds(monkeypatch):
    """The frames that rounds began on, in order."""
    begun, real = [], Session.plan_propagate

    def noted(session, frame, *rest):
        begun.append(frame)
        return real(session, frame, *rest)

    monkeypatch.setattr(Session, "plan_propagate", noted)
    return begun


def test_a_single_map_is_carried_through_with_its_ids(segment, rounds, tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", square(2))
    result = segment("--masks", tmp_path / "one.tif", "--masks-frame", 2)
    assert result.exit_code == 0, result.stderr
    assert "2 objects" in result.stdout
    assert rounds == [2]
    masks = tifffile.imread(tmp_path / "out.tif")
    np.testing.assert_array_equal(masks[2], square(2))
    for frame in (0, LENGTH - 1):
        assert set(np.unique(masks[frame])) == {0, 7, 300}
        there = square(frame) == 300
        assert (masks[frame][there] == 300).mean() > 0.8, frame


def test_a_stack_fills_what_is_between_and_strokes_go_with_it(segment, rounds, tmp_path):
    stack = np.zeros((LENGTH, HEIGHT, WIDTH), np.uint16)
    stack[0], stack[1], stack[4] = square(0), square(1), square(4)
    np.save(tmp_path / "some.npy", stack)
    marks = tmp_path / "s.json"
    background = make_stroke(5, 0, [[42, 10], [42, 20]], 1.5)
    write_davis(marks, to_davis([background], (HEIGHT, WIDTH), LENGTH, "movie"))
    args = "--masks", tmp_path / "some.npy", "--project", tmp_path / "p.ivos"
    result = segment(*args, "--strokes", marks)
    assert result.exit_code == 0, result.stderr
    # Beside frame 0 there is nothing that is not given.
    assert rounds == [1, 4, 5]
    masks = tifffile.imread(tmp_path / "out.tif")
    for frame in (0, 1, 4):
        np.testing.assert_array_equal(masks[frame], stack[frame])
    assert 300 in masks[2]
    assert 300 in masks[3]
    rounds.clear()
    assert segment(*args, "--strokes", marks).exit_code == 0
    assert rounds == [], "the project has all of it"
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), masks)
    with Session.open(tmp_path / "p.ivos") as session:
        assert session.annotated_frames == (0, 1, 4, 5)


def test_where_all_is_given_nothing_is_computed(segment, rounds, tmp_path):
    stack = np.stack([square(frame) for frame in range(LENGTH)])
    tifffile.imwrite(tmp_path / "all.tif", stack)
    result = segment("--masks", tmp_path / "all.tif")
    assert result.exit_code == 0, result.stderr
    assert rounds == []
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), stack)


@pytest.mark.parametrize(
    ("labels", "args", "word"),
    [
        (None, (), "There is no file or folder"),
        (np.zeros((HEIGHT, WIDTH), np.uint16), (), "hold no objects"),
        (square(0)[:20], (), "of the same size"),
        (square(0)[None].repeat(3, 0), (), "have 3 frames, and the video has 6"),
        (square(0)[None].repeat(LENGTH, 0), ("--masks-frame", 1), "Leave out --masks-frame"),
        (square(0), ("--masks-frame", 6), "not a range within the video"),
        (square(0).astype(np.int32) * -1, (), "between 1 and"),
        (square(0).astype(np.float32), (), "whole numbers"),
        (square(0), ("--out", "png"), "object 300"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(segment, rounds, tmp_path, labels, args, word):
    if labels is not None:
        np.save(tmp_path / "m.npy", labels)
    before = sorted(tmp_path.iterdir())
    result = segment("--masks", tmp_path / "m.npy", *args)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert word in line
    assert rounds == []
    assert sorted(tmp_path.iterdir()) == before
