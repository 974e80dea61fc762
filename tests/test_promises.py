"""Promises that no other test holds as a whole; docs/promises.md says which test holds which."""

import ast
import re
import socket
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos import Session, list_methods, open_video
from napari_ivos.sample_data import load
from projects import begin, draw, everything, reopen

PAGE = Path(__file__).parents[1] / "docs" / "promises.md"
PUBLISHED = ("gis", "atnet", "ipnet")


def test_every_promise_names_tests_that_exist():
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [int(section.split(".")[0]) for section in sections] == list(range(1, 11))
    for section in sections:
        named = re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", section)
        assert named, section
        for path, test in named:
            assert test in names_in(PAGE.parents[1] / path), f"{path}::{test}"


def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_strokes_are_law_for_our_methods_and_evidence_for_published_ones():
    asked = {spec.name: spec.strokes for spec in list_methods()}
    assert asked["lite"] == asked["flow"] == "law"
    assert {asked[name] for name in PUBLISHED} == {"hint"}


def test_objects_come_change_and_go_without_touching_the_others(session, draw, run):
    session.add_object()
    draw(5)
    draw(5, y=20, object_id=2)
    run()
    before = np.asarray(session.masks)
    third = session.add_object("late")
    draw(11, y=2, object_id=third)
    run()
    assert (np.asarray(session.masks) == third).any()
    for step in (
        lambda: session.rename_object(third, "latecomer"),
        lambda: session.show_objects([third], False),
        lambda: session.lock_object(third),
        lambda: session.lock_object(third, False),
        lambda: session.delete_objects([third], 12),
        lambda: session.mark_absent(third, 3, 6),
        lambda: session.remove_object(third),
    ):
        step()
        now = np.asarray(session.masks)
        np.testing.assert_array_equal(np.where(now == third, 0, now), before)


def test_an_object_leaves_and_comes_back(session, draw, run):
    draw(5)
    session.mark_absent(1, 8, 12)
    run()
    session.mark_absent(1, 14, 16)
    there = [t for t in range(20) if (session.masks[t] == 1).any()]
    assert there == [*range(8), 12, 13, *range(16, 20)]


def test_undo_goes_back_over_restarts_to_the_very_beginning(tmp_path):
    path = tmp_path / "work.ivos"
    with begin(path) as session:
        nothing = everything(session)
        session.add_object()
        draw(session, 5)
    with reopen(path) as session:
        list(session.propagate())
        session.add_mask(9, np.full((30, 40), 3))
    with reopen(path) as session:
        session.accept(2)
        last = everything(session)
    with reopen(path) as session:
        while session.can_undo:
            session.undo()
        assert everything(session)[:6] == nothing[:6]
    with reopen(path) as session:
        while session.can_redo:
            session.redo()
        assert everything(session) == last


class Endless:
    """A video of any length, of which each frame is made when it is read."""

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, length):
        self.shape = (length, 100, 120, 3)

    def __getitem__(self, index):
        first, *rest = index if isinstance(index, tuple) else (index,)
        frame = np.full(self.shape[1:], first % 200, np.uint8)
        frame[::7, ::5] = 255
        return frame[tuple(rest)]


def most_held(length):
    """Most bytes that Python and numpy held at once while a round went through a video."""
    tracemalloc.start()
    video = open_video(Endless(length), axes="TYXS", cache_bytes=200_000)
    with Session(video, engine=FakeEngine(), cache_bytes=200_000) as session:
        session.add_object()
        session.add_stroke(length // 2, 1, [[50, 30], [50, 70]], 9)
        for result in session.propagate():
            # As a method reads it, and as a viewer shows it.
            assert video[result.index].any()
            assert session.masks[result.index].any()
    video.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_length_of_the_video():
    most_held(10)  # imports what it needs
    short, long = most_held(40), most_held(240)
    frames = 200 * 100 * 120
    assert long - short < frames / 2, "not half a byte for each pixel more"


def cells(kind):
    """Six frames of a corner of the cells, grey, in other types."""
    grey = load("cells").frames[:6, :96, :128].mean(axis=3).astype(np.uint8)
    grey[:, 0, 0], grey[:, 0, 1] = 255, 1
    return {"8": grey, "16": grey.astype(np.uint16), "stretched": grey.astype(np.uint16) * 257}[
        kind
    ]


@pytest.mark.parametrize("kind", ["16", "stretched"])
def test_8_and_16_bits_of_one_movie_give_the_same_masks(kind):
    labels = load("cells").labels[0, :96, :128]
    stroke = next(s for s in load("cells").strokes if (labels == s.object_id).sum() > 200)
    masks = []
    for data in (cells("8"), cells(kind)):
        with Session(data, method="flow") as session:
            session.add_object()
            session.add_stroke(0, 1, stroke.path, stroke.radius)
            list(session.propagate())
            masks.append(np.asarray(session.masks))
    assert all(mask.any() for mask in masks[0])
    np.testing.assert_array_equal(*masks)


def test_without_network_and_weights_the_default_works(monkeypatch, tmp_path):
    def refuse(*_):
        raise AssertionError("something was asked for from the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("NAPARI_IVOS_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Session(cells("8")) as session:
        assert session.method.checkpoint in ("none", "embedded")
        session.add_object()
        session.add_stroke(0, 1, [[40, 40], [40, 50]], 3)
        list(session.propagate(stop=2))
        assert session.masks[1].any()
