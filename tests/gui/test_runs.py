"""Propagation, stopping, errors, export, and closing while something runs."""

import threading

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QMessageBox

from napari_ivos.errors import ProjectError
from napari_ivos.gui._keys import KEYS

FRAMES = 12


@pytest.fixture
def drawn(paint, idle):
    """One stroke on frame 0, previewed."""
    paint((0, 20, 10), (0, 20, 20))
    idle()


@pytest.fixture
def held_run(qtbot, controller, engine, drawn):
    """A propagation that has done 4 of its frames and waits for the next."""
    engine.hold_frames(after=3)
    controller.propagate()
    qtbot.waitUntil(lambda: 3 in masked(controller), timeout=30_000)


def masked(controller):
    return [t for t in range(FRAMES) if controller.session.masks[t].any()]


def alive():
    return [t.name for t in threading.enumerate() if t.name == "napari-ivos"]


def test_propagation_fills_the_video_and_shows_its_progress(dock, controller, drawn, idle):
    counts = []
    controller.progressed.connect(lambda done, total: counts.append((done, total)))
    dock.propagate.go.click()
    assert controller.jobs.kind == "propagation"
    assert not dock.propagate.go.isEnabled()
    assert dock.propagate.stop.isEnabled()
    idle()
    assert masked(controller) == list(range(FRAMES))
    assert counts == [(n, FRAMES) for n in range(FRAMES + 1)]
    assert dock.propagate.go.isEnabled()
    assert dock.propagate.bar.text() == "Ready"
    assert controller.session.pending_frames == ()


@pytest.mark.parametrize(("direction", "frames"), [("forward", [6, 7, 8]), ("backward", [0, 1])])
def test_direction(dock, controller, paint, idle, direction, frames):
    paint((4, 20, 10))
    dock.propagate.direction.setCurrentIndex(dock.propagate.direction.findData(direction))
    dock.propagate.go.click()
    idle()
    assert set(frames) <= set(masked(controller))
    assert (0 in masked(controller)) == (direction == "backward")


def test_all_new_frames_are_propagated_in_turn(controller, engine, paint, idle):
    paint((2, 20, 10))
    paint((9, 30, 40))
    idle()
    controller.propagate()
    idle()
    propagated = [r.frame for r in engine.requests if hasattr(r, "forward")]
    assert sorted(propagated) == [2, 9]
    assert controller.session.pending_frames == ()


def test_the_displayed_frame_is_refreshed_when_it_arrives(
    qtbot, controller, held_run, engine, idle
):
    controller.navigation.go_to(7)
    shown = controller.view.masks
    assert not shown._slice.image.raw.any()
    engine.frames.release(100)
    idle()
    assert shown._slice.image.raw.any()


def test_stopping_keeps_what_was_done(dock, controller, held_run, engine, idle):
    dock.propagate.stop.click()
    engine.frames.release(100)
    idle()
    done = masked(controller)
    assert done[:4] == [0, 1, 2, 3]
    assert len(done) <= 5, "a frame may have been in hand, not more"
    controller.undo()
    assert masked(controller) == [0]
    controller.redo()
    assert masked(controller) == done
    controller.propagate()
    idle()
    assert masked(controller) == list(range(FRAMES))


def test_undo_ends_a_run_that_it_takes_back(controller, held_run, engine, idle):
    controller.undo()
    assert masked(controller) == [0]
    engine.frames.release(100)
    idle()
    assert masked(controller) == [0]


def test_drawing_while_it_runs(controller, held_run, engine, paint, idle):
    paint((10, 30, 40))
    engine.frames.release(100)
    idle()
    assert controller.session.masks[10][30, 40] == 1
    assert controller.session.masks[5].any()


def test_a_second_propagation_is_refused(controller, held_run, said):
    controller.propagate()
    assert "running already" in said[-1]
    assert controller.jobs.waiting == 0


def test_nothing_to_propagate_is_one_sentence(controller, said):
    controller.propagate()
    assert "Draw a stroke" in said[-1]
    assert controller.jobs.kind is None


def test_a_methods_error_is_one_sentence_and_keeps_what_was_done(
    dock, controller, engine, drawn, idle, said
):
    engine.fails_at = 5
    controller.propagate()
    idle()
    assert said == ["Frame 5 is too hard."]
    assert dock.hint.message.text() == "⚠ Frame 5 is too hard."
    assert masked(controller) == [0, 1, 2, 3, 4]
    engine.fails_at = None
    controller.propagate()
    idle()
    assert masked(controller) == list(range(FRAMES))


def test_a_disk_that_fills_up_during_a_run_is_one_sentence(
    controller, held_run, engine, idle, said, monkeypatch
):
    def full(_):
        raise ProjectError("The disk is full.")

    before = masked(controller)
    with monkeypatch.context() as patch:
        patch.setattr(controller.session._history, "record", full)
        engine.frames.release(100)
        idle()
    assert set(said) == {"The disk is full."}
    assert masked(controller) == before
    controller.propagate()
    idle()
    assert masked(controller) == list(range(FRAMES))


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), ZeroDivisionError("another")])
def test_a_bug_is_not_swallowed(qtbot, controller, engine, paint, idle, failure):
    engine.failure = failure
    with qtbot.capture_exceptions() as raised:
        paint((0, 20, 10))
        idle()
        qtbot.waitUntil(lambda: len(raised) == 1, timeout=30_000)
    assert raised[0][1] is failure
    engine.failure = None
    paint((0, 30, 40))
    idle()
    assert controller.session.masks[0][20, 10] == 1


def test_an_accepted_frame_is_left_alone(dock, controller, drawn, paint, idle, said):
    controller.propagate()
    idle()
    controller.navigation.go_to(6)
    dock.guidance.accept.click()
    assert "Frame 6 is accepted" in said[-1]
    assert dock.guidance.text.text() == "Frame 6: reliability 100%"
    kept = controller.session.masks[6].copy()
    paint((5, 30, 40))
    controller.propagate()
    idle()
    np.testing.assert_array_equal(controller.session.masks[6], kept)
    assert controller.session.masks[4][30, 40] == 1
    assert controller.session.masks[7][30, 40] == 0, "the run went past the accepted frame"
    controller.undo()
    controller.undo()
    controller.undo()
    paint((5, 30, 40))
    controller.propagate()
    idle()
    assert controller.session.masks[7][30, 40] == 1


@pytest.mark.parametrize("name", ["masks.tif", "masks.npz", "masks"])
def test_export(qtbot, controller, drawn, idle, said, tmp_path, name):
    controller.propagate()
    idle()
    controller.export(tmp_path / name)
    idle()
    assert said == [f"Exported to {tmp_path / name}."]
    assert (tmp_path / name).exists()
    if name == "masks.tif":
        written = tifffile.imread(tmp_path / name)
        np.testing.assert_array_equal(written, np.asarray(controller.session.masks))


def test_export_to_an_impossible_place_is_one_sentence(controller, drawn, idle, said, tmp_path):
    controller.export(tmp_path / "masks.doc")
    idle()
    assert len(said) == 1
    assert ".doc" in said[0]


def test_the_save_dialog_gives_the_ending(dock, controller, drawn, idle, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()

    def save(name, kind="NumPy archive (*.npz)"):
        chosen, where = (str(folder / name), kind), "napari_ivos.gui.panels.export"
        monkeypatch.setattr(f"{where}.QFileDialog.getSaveFileName", lambda *_: chosen)
        monkeypatch.setattr(f"{where}.QMessageBox.question", lambda *asked: answers.pop(asked[-1]))
        dock.export.save.click()
        idle()

    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    answers = {}
    for name in ("mine", "plate 7.B03", "other.TIF"):
        save(name)
    assert {path.name for path in folder.iterdir()} == {
        "mine.npz",
        "plate 7.B03.npz",
        "other.TIF",
    }
    (folder / "mine.npz").write_text("mine")
    save("mine.npz")  # of this the dialog asks
    assert (folder / "mine.npz").read_bytes() != b"mine"
    for answer in (no, yes):
        (folder / "mine.npz").write_text("mine")
        answers["'mine.npz' is there already. Replace it?"] = answer
        save("mine")
        assert ((folder / "mine.npz").read_bytes() == b"mine") is (answer == no)


# --- closing while it runs ---------------------------------------------------------------------


@pytest.fixture
def released(engine):
    """Let the held run go on as soon as somebody waits for its thread."""
    timer = threading.Timer(0.2, lambda: engine.frames.release(100))
    timer.start()
    yield
    timer.join()


def keys(viewer):
    return {str(key) for key in viewer.keymap} & {entry.key for entry in KEYS.values()}


def test_removing_the_video_ends_the_session(viewer, image, controller, held_run, released):
    assert alive()
    viewer.layers.remove(image)
    assert not alive()
    assert controller.session is None
    assert len(viewer.layers) == 0


def test_removing_a_layer_of_the_session_puts_it_back(qtbot, viewer, controller, drawn, said):
    masks = controller.view.masks
    viewer.layers.remove(masks)
    qtbot.waitUntil(lambda: masks in viewer.layers)
    assert "put back" in said[-1]
    assert masks._slice.image.raw.any()


def test_closing_the_dock_releases_everything(qtbot, viewer, image, dock, held_run, released):
    assert len(keys(viewer)) == len(KEYS)
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
        assert not alive()
    assert keys(viewer) == set()
    assert list(viewer.layers) == [image]
    viewer.dims.set_current_step(0, 3)
    viewer.layers.clear()


def test_keys_that_were_bound_before_come_back(qtbot, viewer, image, open_dock):
    def mine(_viewer):
        pass

    viewer.bind_key("G", mine)
    dock = open_dock()
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
    assert list(viewer.keymap.values()) == [mine]
    viewer.bind_key("G", None)


def test_closing_the_viewer_ends_the_thread(viewer, controller, held_run, released):
    viewer.close()
    assert not alive()
    assert controller.session is None


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_starting_again_asks_and_ends_the_session_before(
    qtbot, dock, controller, held_run, engine, monkeypatch, answer
):
    asked = []

    def question(_parent, _title, text):
        asked.append(text)
        return getattr(QMessageBox.StandardButton, answer)

    monkeypatch.setattr("napari_ivos.gui.panels.video.QMessageBox.question", question)
    before = controller.session
    dock.video.start.click()
    engine.frames.release(100)
    assert len(asked) == 1
    if answer == "Yes":
        qtbot.waitUntil(lambda: controller.session not in (before, None), timeout=30_000)
        assert controller.session.strokes() == ()
    else:
        assert controller.session is before
    assert len(controller.viewer.layers) == 3


def test_another_device_is_refused_in_one_sentence(dock, controller, drawn, said):
    controller.set_method("flow", "cuda")
    assert len(said) == 1
    assert "cuda" in said[0]
    assert controller.session.device == "auto"
    assert dock.video.devices.currentText() == "auto"
