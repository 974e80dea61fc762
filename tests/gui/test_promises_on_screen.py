"""What the window promises: nothing computes in its thread, and it says what runs."""

import threading

import pytest

from napari_ivos.checkpoints import list_checkpoints
from napari_ivos.gui._checkpoints import Weights
from napari_ivos.gui.panels import video, weights
from napari_ivos.methods import list_methods


def test_no_method_works_in_the_windows_thread(controller, engine, paint, idle, monkeypatch):
    threads = {}
    for name in ("interact", "propagate", "rebuild"):
        work = getattr(engine, name)

        def noted(*given, name=name, work=work):
            threads.setdefault(name, set()).add(threading.current_thread())
            return work(*given)

        monkeypatch.setattr(engine, name, noted)
    paint((2, 20, 10), (2, 20, 30))
    idle()
    controller.propagate()
    idle()
    paint((7, 30, 10), (7, 30, 30))
    idle()
    controller.propagate()
    idle()
    assert {"interact", "propagate"} <= set(threads)
    assert threading.main_thread() not in set().union(*threads.values())


@pytest.mark.parametrize("there", [True, False], ids=["weights are there", "weights are missing"])
@pytest.mark.parametrize("spec", list_methods(), ids=str)
def test_method_weights_licence_and_device_are_on_screen(
    viewer, open_dock, monkeypatch, tmp_path, spec, there
):
    record = next(iter(list_checkpoints(spec.name)), None)
    found = Weights(tmp_path, record.name, record.licence) if record and there else None
    missing = record is not None and not there
    for place in (video, weights):
        monkeypatch.setattr(place, "lacks_weights", lambda one: missing and one.name == spec.name)
    monkeypatch.setattr(video, "find_weights", lambda one: found if one.name == spec.name else None)
    panel = open_dock().video
    panel.methods.setCurrentIndex(panel.methods.findData(spec.name))
    assert panel.methods.currentText() == spec.title
    labels = [one for one in (panel.about, panel.weights.text) if one.isVisibleTo(panel)]
    text = " ".join(one.text() for one in labels)
    assert (record.licence if record else spec.licence) in text
    named = record.files[0].name if missing else record.name if record else spec.weights
    assert named in text
    assert missing or " on cpu" in text or " on cuda" in text
