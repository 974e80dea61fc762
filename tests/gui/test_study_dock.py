"""The dock "User study": what goes wrong, and what is given back."""

import numpy as np
import pytest
from qtpy.QtGui import QShortcut

from evaluation.made_data import labels_of, small_davis, write_sequence
from napari_ivos.errors import EngineError
from napari_ivos.evaluation.study import Phase, StudySettings
from napari_ivos.gui._keys import KEYS, STUDY_KEYS
from napari_ivos.gui._study_layers import place_beside
from napari_ivos.gui.study_widget import UserStudy
from napari_ivos.scribbles import make_stroke


@pytest.fixture
def settings(tmp_path):
    def settings(guidance="free", name="ada"):
        return StudySettings(tmp_path / "davis", tmp_path / "results", name, guidance)

    small_davis(tmp_path / "davis")
    return settings


@pytest.fixture
def viewer(make_napari_viewer):
    """Of its own: a study changes the window itself, and puts it back when it ends."""
    return make_napari_viewer(strict_qt=True)


@pytest.fixture
def dock(viewer, engine):
    made = UserStudy(viewer, lambda *_: engine)
    viewer.window.add_dock_widget(made, name="User study")
    return made


@pytest.fixture
def working(qtbot, dock):
    """Wait until a sequence is there to be worked on."""

    def working(name):
        def there():
            return dock.run.stage == "working" and dock.run.sequence.name == name

        qtbot.waitUntil(there, timeout=30_000)

    return working


@pytest.fixture
def draw(qtbot, dock):
    """Draw on a frame, as the layer hands strokes on."""

    def draw(frame, y=30):
        taken = dock.controller.add_strokes([make_stroke(frame, 1, [[y, 10], [y, 30]], 4)])
        qtbot.waitUntil(lambda: dock.controller.jobs.kind is None, timeout=30_000)
        return taken

    return draw


@pytest.fixture
def run(qtbot, dock):
    """Run, and wait for the end."""

    def run():
        controller = dock.controller
        controller.run()
        qtbot.waitUntil(lambda: controller.phase is not Phase.OPERATING, timeout=30_000)

    return run


def keys_bound(viewer):
    found = viewer.window._qt_window.findChildren(QShortcut)
    return sorted(k.key().toString() for k in found if k.isEnabled())


def test_the_form_says_what_is_missing(viewer, dock, settings, tmp_path):
    form = dock.form
    for line, text, said in (
        (form.dataset, tmp_path / "nowhere", "'Results' is empty"),
        (form.folder, tmp_path / "results", "no name"),
        (form.participant, "ada", "no folder"),
        (form.dataset, tmp_path, "layout of DAVIS"),
    ):
        line.setText(str(text))
        form.begin.click()
        assert said in dock.message.text()
    assert not (tmp_path / "results").exists()
    form.dataset.setText(str(tmp_path / "davis"))
    viewer.add_image(np.zeros((3, 8, 9)))
    form.begin.click()
    assert "Close them first" in dock.message.text()
    assert dock.run.stage == "none"
    panels = dock.panel, dock.panel.brush, form
    controls = [w for p in panels for w in vars(p).values() if hasattr(w, "clicked")]
    assert len(controls) >= 12
    assert all(control.toolTip() for control in controls)


def test_the_method_goes_to_the_next_frame_by_itself(dock, settings, working, draw, run):
    dock._begin(settings("rs1"))
    working("blob")
    draw(0)
    run()
    controller = dock.controller
    assert controller.phase is Phase.SCRIBBLING
    assert controller.chosen == controller.navigation.frame == 4
    assert controller.view.strokes.mode == "paint"
    assert not draw(2), "another frame was given"
    controller.choose_displayed()
    assert controller.navigation.frame == 4
    assert draw(4)
    run()
    assert [item.frame for item in controller.trial.rounds] == [0, 4]


def test_keys_are_bound_while_a_sequence_is_worked_on(viewer, dock, settings, working, qtbot):
    before = keys_bound(viewer)
    dock._begin(settings())
    working("blob")
    assert set(keys_bound(viewer)) == {*before, *(entry.key for entry in STUDY_KEYS.values())}
    dock.run.leave()
    assert keys_bound(viewer) == before
    assert {"R", "S", "Space", "1", "9"} <= {entry.key for entry in STUDY_KEYS.values()}
    assert len({entry.key for entry in STUDY_KEYS.values()}) == len(STUDY_KEYS)
    assert not {"A", "B", "C", "D"} & {entry.key for entry in (KEYS | STUDY_KEYS).values()}


def test_a_run_that_fails_can_be_tried_again(dock, settings, working, draw, run, engine):
    dock._begin(settings())
    working("blob")
    draw(1)
    engine.fails_at = 3
    run()
    controller = dock.controller
    assert (controller.phase, controller.trial.rounds) == (Phase.SCRIBBLING, [])
    assert "too hard" in dock.message.text()
    engine.fails_at = None
    draw(1, y=32)
    run()
    assert len(controller.trial.rounds) == 1


def test_what_was_run_and_given_stays(dock, settings, working, draw, run):
    dock._begin(settings())
    working("blob")
    controller = dock.controller
    draw(0)
    run()
    masks = np.asarray(controller.session.masks)
    assert masks[4].any()
    for attempt in (controller.undo, controller.add_object, controller.redo):
        attempt()
    controller.paint(0, np.ones((60, 80), np.uint16), np.ones((60, 80), bool))
    np.testing.assert_array_equal(np.asarray(controller.session.masks), masks)
    assert [item.id for item in controller.session.objects] == [1]
    assert not draw(0), "nothing is drawn while a frame is looked for"
    assert "Choose a frame first" in dock.message.text()


def test_results_that_cannot_be_written_are_tried_again(qtbot, dock, settings, working, draw, run):
    dock._begin(settings())
    working("blob")
    target = settings().place / "masks" / "blob"
    target.mkdir()
    (target / "mine.txt").write_text("dear to me")
    draw(0)
    run()
    dock.controller.be_satisfied()
    dock.controller.be_satisfied()
    qtbot.waitUntil(lambda: dock.run.stage == "not kept", timeout=30_000)
    assert "other files" in dock.message.text()
    assert "could not be saved" in dock.panel.task.text()
    (target / "mine.txt").unlink()
    dock.panel.content.click()
    working("pair")
    assert (target / "00004.png").exists()


def test_it_goes_on_with_the_unfinished_sequence(viewer, dock, settings, working, draw, run, qtbot):
    dock._begin(settings())
    working("blob")
    draw(0)
    run()
    dock.controller.be_satisfied()
    working("pair")
    draw(0)
    dock.panel.leave.click()
    assert (dock.run.stage, list(viewer.layers)) == ("none", [])
    dock._begin(settings())
    working("pair")
    assert dock.controller.phase is Phase.READY
    assert not dock.controller.session.strokes()
    assert dock.panel.title.text() == "<b>Video 2 of 2</b> · pair"
    assert list(dock.panel.brush.objects) == [1, 2]


def test_a_sequence_begins_again(viewer, dock, settings, working, draw, monkeypatch, qtbot):
    dock._begin(settings())
    working("blob")
    draw(0)
    answers = iter(["no", "yes"])
    box = "napari_ivos.gui.panels.study.QMessageBox"
    monkeypatch.setattr(f"{box}.question", lambda *_: {"no": 0, "yes": 0x4000}[next(answers)])
    dock.panel.again.click()
    assert dock.controller.session.strokes()
    dock.panel.again.click()
    working("blob")
    assert not dock.controller.session.strokes()
    draw(0)
    viewer.layers.remove(dock.run.layers.image)
    assert "begins again" in dock.message.text()
    qtbot.waitUntil(lambda: dock.controller.session is not None, timeout=30_000)
    assert len(viewer.layers) == 5


def test_the_truth_is_numbered_from_one_and_may_have_gaps(
    viewer, dock, settings, working, tmp_path
):
    gaps = labels_of(2, 4)
    gaps[gaps == 2] = 7
    write_sequence(tmp_path / "davis", "a", gaps, keep=(0, 3))
    dock._begin(settings())
    working("a")
    shown = viewer.layers["truth"].data
    np.testing.assert_array_equal(shown[3], labels_of(2, 4)[3])
    assert not shown[1].any()
    assert list(dock.panel.brush.objects) == [1, 2]
    dock.controller.choose_object(2)
    dock.controller.choose_object(7)
    assert dock.controller.selected == 2


@pytest.mark.parametrize(
    ("size", "room", "beside"),
    [
        ((480, 854), (700, 1000), "below"),
        ((480, 854), (400, 1000), "right"),
        ((500, 500), (700, 1000), "right"),
    ],
)
def test_the_truth_goes_where_both_are_large(size, room, beside):
    y, x = place_beside(size, room)
    assert (x == 0, y > size[0]) == ((True, True) if beside == "below" else (False, False))
    assert (y == 0, x > size[1]) == ((True, True) if beside == "right" else (False, False))


def test_a_method_that_cannot_be_loaded_is_said(viewer, settings, qtbot):
    def fail(*_):
        raise EngineError("The device is gone.")

    dock = UserStudy(viewer, fail)
    viewer.window.add_dock_widget(dock, name="User study")
    dock._begin(settings())
    qtbot.waitUntil(lambda: dock.run.stage == "none", timeout=30_000)
    assert "The device is gone" in dock.message.text()
    assert not dock.form.isHidden()


def test_it_lets_go_of_everything(viewer, dock, settings, working, draw, qtbot):
    dock._begin(settings())
    working("blob")
    draw(0)
    keys = keys_bound(viewer)
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
    assert "R" in keys
    assert "R" not in keys_bound(viewer)
    assert not viewer.layers
    # And of the folder: somebody else may go on.
    again = UserStudy(viewer)
    viewer.window.add_dock_widget(again, name="User study")
    again.run.begin(settings())
    qtbot.waitUntil(lambda: again.run.stage == "working", timeout=30_000)


def test_closing_while_results_are_written_keeps_them(
    viewer, dock, settings, working, draw, run, qtbot
):
    dock._begin(settings())
    working("blob")
    draw(0)
    run()
    dock.controller.be_satisfied()
    assert dock.run.stage == "keeping"
    viewer.window.remove_dock_widget(dock)
    assert (settings().place / "sequences" / "blob.json").exists()
