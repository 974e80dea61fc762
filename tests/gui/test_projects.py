"""Where the work is kept: automatically, in a folder that somebody chose, and back from there."""

import json
import shutil
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_ivos.gui import _automatic
from napari_ivos.scribbles import make_stroke
from napari_ivos.session import Session, _saving

FRAMES = 12


def masked(controller):
    return [t for t in range(FRAMES) if controller.session.masks[t].any()]


@pytest.fixture
def settled(qtbot, controller):
    """Wait until the work is kept."""

    def settled():
        projects = controller.projects
        qtbot.waitUntil(lambda: projects._task is None and not projects._waiting, timeout=30_000)

    settled()
    return settled


@pytest.fixture
def choose(monkeypatch):
    """Answer the file dialogs with a path."""

    def choose(path):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(path))
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))

    return choose


@pytest.fixture
def project(tmp_path, engine):
    """A project about a TIFF of noise that lies beside it; strokes on frame 2, all propagated."""
    pixels = np.random.default_rng(1).integers(0, 255, (FRAMES, 40, 60), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "movie.tif", pixels, metadata={"axes": "TYX"})
    path = tmp_path / "work.ivos"
    with Session(tmp_path / "movie.tif", engine=engine, project=path) as session:
        session.add_object("nucleus")
        session.add_stroke(2, 1, [[20, 10], [20, 30]], 2)
        list(session.propagate())
        session.add_object()
        session.add_stroke(8, 2, [[30, 10], [30, 30]], 2)
        session.video.close()
    return path


def test_work_is_kept_without_asking(dock, controller, settled, projects_folder, paint, idle):
    (kept,) = projects_folder.iterdir()
    assert controller.session.project == kept
    assert kept.stem in dock.project.text.text()
    assert "Nobody chose it" in dock.project.text.toolTip()
    paint((2, 20, 10))
    idle()
    with Session.open(_copied(kept), np.asarray(controller.view.image.data)) as other:
        assert len(other.strokes()) == 1
        assert other.masks[2].any()


def _copied(path):
    return shutil.copytree(
        path, path.with_name("copy.ivos"), ignore=shutil.ignore_patterns("owner.json", "lock")
    )


def test_what_was_drawn_before_it_is_kept_is_kept_too(controller, paint, qtbot, engine, idle):
    paint((2, 20, 10))
    qtbot.waitUntil(lambda: controller.session.project is not None, timeout=30_000)
    idle()
    lines = (controller.session.project / "journal.jsonl").read_text().splitlines()
    assert sum("stroke on frame 2" in line for line in lines) == 1


def test_nothing_is_left_of_a_session_without_work(viewer, controller, settled, projects_folder):
    assert list(projects_folder.iterdir())
    viewer.layers.clear()
    assert controller.session is None
    assert not list(projects_folder.iterdir())


def test_it_is_said_when_work_cannot_be_kept(
    dock, controller, settled, monkeypatch, tmp_path, said
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(_automatic.ENVIRONMENT, str(tmp_path / "file" / "in it"))
    controller.start(controller.view.image, "flow")
    settled()
    assert "cannot be made" in said[-1]
    assert "Save as" in said[-1]
    assert controller.session.project is None
    assert "not kept" in dock.project.text.text()


def test_saved_elsewhere_the_automatic_one_goes(
    dock, controller, settled, paint, idle, choose, projects_folder, tmp_path
):
    paint((2, 20, 10))
    idle()
    choose(tmp_path / "mine")
    dock.project.save.click()
    settled()
    assert controller.session.project == tmp_path / "mine.ivos"
    assert dock.project.text.text() == "mine.ivos"
    assert not list(projects_folder.iterdir())
    paint((3, 20, 10))
    idle()
    before = np.asarray(controller.session.masks)
    pixels = controller.view.image.data
    controller.end()
    with Session.open(tmp_path / "mine.ivos", pixels) as again:
        assert len(again.strokes()) == 2
        assert np.array_equal(again.masks, before)


def test_it_is_saved_while_a_propagation_runs(
    qtbot, dock, controller, settled, paint, idle, engine, choose, tmp_path
):
    paint((0, 20, 10))
    idle()
    engine.hold_frames(after=3)
    controller.propagate()
    qtbot.waitUntil(lambda: bool(controller.session.masks[3].any()), timeout=30_000)
    choose(tmp_path / "mine.ivos")
    dock.project.save.click()
    qtbot.waitUntil(lambda: controller.projects.path == tmp_path / "mine.ivos", timeout=30_000)
    assert controller.jobs.kind == "propagation"
    engine.frames.release(100)
    idle()
    settled()
    pixels = controller.view.image.data
    controller.end()
    with Session.open(tmp_path / "mine.ivos", pixels) as again:
        assert all(again.masks[t].any() for t in range(FRAMES))
        assert again.interrupted_frames == ()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.mkdir() or (path / "thesis.txt").write_text("mine"), "other files"),
        (lambda path: path.write_text("mine"), "is a file"),
    ],
)
def test_a_place_that_cannot_be_taken_is_refused(
    dock, controller, settled, paint, idle, choose, tmp_path, said, spoil, sentence
):
    paint((2, 20, 10))
    idle()
    spoil(tmp_path / "mine.ivos")
    before = controller.session.project
    choose(tmp_path / "mine.ivos")
    dock.project.save.click()
    settled()
    assert sentence in said[-1]
    assert controller.session.project == before
    assert len(controller.session.strokes()) == 1
    controller.accept()


def test_a_folder_deleted_in_the_middle_can_be_saved_elsewhere(
    dock, controller, settled, paint, idle, choose, tmp_path, said
):
    paint((2, 20, 10))
    idle()
    shutil.rmtree(controller.session.project)
    controller.add_object()
    assert "is gone" in said[-1]
    assert len(controller.session.objects) == 1
    choose(tmp_path / "mine.ivos")
    dock.project.save.click()
    settled()
    controller.add_object()
    assert len(controller.session.objects) == 2
    assert controller.session.masks[2].any()


def test_opening_restores_everything(viewer, dock, controller, settled, project, choose):
    choose(project)
    dock.project._choose()
    settled()
    assert controller.session.project == project
    image = controller.view.image
    assert image.name == "movie"
    assert image.data.shape == (FRAMES, 40, 60, 3)
    assert controller.session.pending_frames == (8,)
    assert controller.navigation.frame == 8, "where the last stroke was drawn"
    assert dock.objects.model.objects[0].name == "nucleus"
    controller.navigation.go_to(2)
    assert controller.view.strokes._slice.image.raw[20, 20] == 1
    assert controller.view.masks._slice.image.raw[20, 20] == 1
    assert controller.selected == 1
    dock.timeline._refresh()
    assert dock.timeline.strip.content.status.any()
    assert dock.project.text.text() == "work.ivos"
    controller.undo()
    assert len(controller.session.strokes()) == 1


def test_going_on_with_an_opened_project(viewer, dock, controller, settled, project, paint, idle):
    controller.projects.open(project)
    settled()
    paint((3, 5, 10))
    idle()
    controller.propagate()
    idle()
    controller.end()
    with Session.open(project) as again:
        assert len(again.strokes()) == 3
        assert again.pending_frames == ()
        again.video.close()


def test_a_project_about_a_layer_is_opened_on_that_layer(
    dock, controller, settled, paint, idle, choose, tmp_path
):
    paint((2, 20, 10))
    idle()
    kept, image = controller.session.project, controller.view.image
    controller.start(image, "flow")
    settled()
    assert controller.session.project != kept
    dock.project._on_open()
    (action,) = [a for a in dock.project.menu.actions() if a.text() == kept.stem]
    action.trigger()
    dock.project.menu.close()
    settled()
    assert controller.session.project == kept
    assert controller.view.image is image
    assert len(controller.session.strokes()) == 1


def test_a_project_about_a_built_in_clip_needs_no_file(
    viewer, open_dock, engine, qtbot, tmp_path, monkeypatch
):
    frames = np.random.default_rng(0).integers(0, 255, (2, 5, 40, 60, 3), dtype=np.uint8)
    clips = {
        name: SimpleNamespace(frames=one) for name, one in zip(("a", "b"), frames, strict=True)
    }
    monkeypatch.setattr("napari_ivos.gui._opening.list_clips", lambda: tuple(clips))
    monkeypatch.setattr("napari_ivos.gui._opening.load", clips.get)
    for name, clip in clips.items():
        with Session(clip.frames, engine=engine, project=tmp_path / f"{name}.ivos") as session:
            session.add_object()
    controller = open_dock().controller
    for name, clip in clips.items():
        path = tmp_path / f"{name}.ivos"
        controller.projects.open(path)
        qtbot.waitUntil(lambda path=path: controller.projects.path == path, timeout=30_000)
        assert controller.view.image.name == name
        np.testing.assert_array_equal(controller.view.image.data[3], clip.frames[3])


def test_a_video_that_moved_is_asked_for(
    dock, controller, settled, project, choose, tmp_path, monkeypatch
):
    moved = tmp_path / "elsewhere" / "moved.tif"
    moved.parent.mkdir()
    (tmp_path / "movie.tif").rename(moved)
    choose(moved)
    asked = []

    def find(box):
        asked.append(box.text())
        box.buttons()[0].click()

    monkeypatch.setattr(QMessageBox, "exec", find)
    controller.projects.open(project)
    settled()
    assert "is not at" in asked[0]
    assert controller.session.project == project
    assert controller.session.video.source == moved


def test_a_file_is_found_again_whatever_read_it(
    viewer, open_dock, qtbot, project, tmp_path, choose
):
    viewer.open(str(tmp_path / "movie.tif"), plugin="napari")
    dock = open_dock()
    projects = dock.controller.projects
    qtbot.waitUntil(lambda: projects.path is not None and not projects.doing, timeout=30_000)
    head = json.loads((projects.path / "project.json").read_text())
    assert head["video"]["absolute"] == str(tmp_path / "movie.tif")


def test_a_project_that_is_open_elsewhere_is_refused(
    dock, controller, settled, project, engine, said, paint, idle
):
    paint((2, 20, 10))
    idle()
    before = controller.session
    with Session.open(project, engine=engine) as other:
        controller.projects.open(project)
        settled()
        other.video.close()
    assert "open already in this program" in said[-1]
    assert controller.session is before
    controller.projects.open(project.parent)
    settled()
    assert "no project" in said[-1]
    controller.projects.open(before.project)
    assert "is open already" in said[-1]


def test_a_project_can_be_opened_in_an_empty_viewer(viewer, open_dock, qtbot, project):
    dock = open_dock()
    dock.controller.projects.open(project)
    qtbot.waitUntil(lambda: dock.controller.session is not None, timeout=30_000)
    assert [layer.name for layer in viewer.layers] == ["movie", "masks", "strokes"]


def test_closing_while_a_project_is_opened(viewer, dock, controller, settled, project):
    controller.projects.open(project)
    viewer.window.remove_dock_widget(dock)
    Session.open(project).video.close()


def test_new_begins_in_the_folder_that_was_chosen(
    dock, controller, settled, choose, tmp_path, paint, idle, monkeypatch
):
    paint((2, 20, 10))
    idle()
    before = controller.session.project
    asked = []
    monkeypatch.setattr(
        QMessageBox,
        "question",
        lambda *given: asked.append(given[-1]) or QMessageBox.StandardButton.Yes,
    )
    choose(tmp_path / "fresh.ivos")
    dock.project.new.click()
    settled()
    assert before.stem in asked[0]
    assert controller.session.project == tmp_path / "fresh.ivos"
    assert controller.session.strokes() == ()
    assert (before / "journal.jsonl").exists()


def test_a_session_that_ends_while_it_is_saved_leaves_nothing(viewer, image, open_dock, tmp_path):
    dock = open_dock()
    dock.controller.projects.save(tmp_path / "mine.ivos")
    dock.controller.end()
    assert not (tmp_path / "mine.ivos").exists()


def test_work_is_kept_also_when_napari_closes_at_once(
    viewer, image, open_dock, projects_folder, monkeypatch, qtbot
):
    gate = threading.Event()
    describe = _saving.head_of
    monkeypatch.setattr(_saving, "head_of", lambda *given: gate.wait(20) and describe(*given))
    dock = open_dock()
    dock.controller.add_strokes([make_stroke(2, 1, [[20, 10]], 2)])
    assert dock.controller.session.project is None
    release = threading.Timer(0.2, gate.set)
    release.start()
    viewer.window.remove_dock_widget(dock)
    release.join()
    (kept,) = projects_folder.iterdir()
    with Session.open(kept, image.data) as again:
        assert len(again.strokes()) == 1


def test_a_project_dropped_on_napari_is_opened(viewer, qtbot, project):
    assert viewer.open(str(project), plugin="napari-ivos") == []
    _, dock = viewer.window.add_plugin_dock_widget("napari-ivos", "Interactive VOS")
    qtbot.waitUntil(lambda: dock.controller.session is not None, timeout=30_000)
    assert dock.controller.session.project == project
    assert [layer.name for layer in viewer.layers] == ["movie", "masks", "strokes"]


def test_a_damaged_mask_leaves_a_window_to_work_in(
    viewer, dock, controller, settled, project, said, paint, idle
):
    for file in (project / "frames").iterdir():
        file.write_bytes(b"damaged")
    controller.projects.open(project)
    settled()
    assert controller.session.project == project
    assert [layer.name for layer in viewer.layers][-2:] == ["masks", "strokes"]
    controller.navigation.go_to(5)
    controller.navigation.go_to(4)
    told = [text for text in said if "Frame 4 is shown without a mask" in text]
    controller.refresh()
    dock.timeline._refresh()
    assert len(told) == 1
    assert "from a backup" in told[0]
    assert not dock.timeline.strip.content.status[0, 4]
    # As it was told: take back what made it, and do it anew.
    while controller.can_undo:
        controller.undo()
    controller.add_object()
    paint((2, 20, 10), (2, 20, 30))
    idle()
    controller.propagate()
    idle()
    assert controller.session.masks[4].any()
    assert controller.view.masks._slice.image.raw.any()
