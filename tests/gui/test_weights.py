"""A method whose published weights are missing: said, added, downloaded, used."""

import sys
import threading
import types
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fakes import FakeEngine
from napari_ivos import methods
from napari_ivos.checkpoints import _records
from napari_ivos.errors import CheckpointError
from napari_ivos.gui.main_widget import InteractiveVOS
from napari_ivos.gui.panels import weights
from napari_ivos.methods import MethodSpec, get_method

GOOD = b"weights that fit" * 5000
NEEDY = MethodSpec(
    name="gis",
    title="Needy",
    summary="Runs with weights only.",
    engine="needy:create",
    strokes="hint",
    reliability="",
    licence="MIT",
    weights="the authors'",
    checkpoint="required",
    devices=("cpu", "cuda"),
)


class Server(ThreadingHTTPServer):
    """Sends its body; half of it and then nothing while the gate is shut."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.gate = GOOD, threading.Event()
        self.gate.set()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.server.gate.wait(20)
        self.wfile.write(body[len(body) // 2 :])


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.gate.set()
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def loaded():
    """The weights that engines were made with."""
    return []


@pytest.fixture(autouse=True)
def needy(monkeypatch, tmp_path, server, loaded):
    """A method that needs weights beside `flow`; nothing of it is on this machine."""

    def create(device, checkpoint):
        if checkpoint.read_bytes() != GOOD:
            raise CheckpointError(f"'{checkpoint.name}' does not fit.", "Download it again.")
        loaded.append(checkpoint)
        return FakeEngine()

    monkeypatch.setitem(sys.modules, "needy", types.SimpleNamespace(create=create))
    specs = get_method("flow"), NEEDY
    monkeypatch.setattr(methods, "_specs", lambda: specs)
    (record, *_) = _records.list_checkpoints("gis")
    file = replace(record.files[0], url=f"http://127.0.0.1:{server.server_port}/weights")
    monkeypatch.setattr(_records, "_RECORDS", (replace(record, files=(file,)), *_others()))
    monkeypatch.setenv("NAPARI_IVOS_CHECKPOINTS", str(tmp_path / "nothing"))
    monkeypatch.setattr("napari_ivos.checkpoints._locate.user_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr("napari_ivos.checkpoints._download.user_folder", lambda: tmp_path / "cache")


def _others():
    return tuple(r for r in _records._RECORDS if r.method != "gis")


@pytest.fixture
def dock(image, viewer):
    made = InteractiveVOS(viewer)
    viewer.window.add_dock_widget(made, name="Interactive VOS")
    return made


@pytest.fixture
def part(dock):
    """The part of the panel, with the needy method chosen."""
    methods_box = dock.video.methods
    methods_box.setCurrentIndex(methods_box.findData("gis"))
    methods_box.activated.emit(methods_box.currentIndex())
    return dock.video.weights


@pytest.fixture
def settled(qtbot, part):
    def settled():
        qtbot.waitUntil(lambda: not part.getting.running, timeout=30_000)

    return settled


@pytest.fixture
def choose(monkeypatch, part):
    """Choose a file in the dialog."""

    def choose(file):
        monkeypatch.setattr(weights.QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
        part.add.click()

    return choose


@pytest.fixture
def answer(monkeypatch, part):
    """Press this button in the question about the licence."""

    def answer(what):
        monkeypatch.setattr(weights, "ask", lambda _parent, _record: what)
        part.get.click()

    return answer


def test_the_dock_begins_with_a_method_that_runs_as_it_is(dock):
    assert dock.controller.session.method == "flow"
    assert dock.video.weights.isHidden()


def test_missing_weights_are_said_and_nothing_starts(dock, part, controller):
    assert not part.isHidden()
    assert part.text.text() == (
        "⚠ Needy needs its authors' weights (GIS-ckpt_standard.pth, MIT), which are not on this "
        "machine. The session runs on Flow (no weights)."
    )
    assert not dock.video.start.isEnabled()
    assert dock.video.about.isHidden()
    assert controller.session.method == "flow"
    dock.video.methods.setCurrentIndex(dock.video.methods.findData("flow"))
    assert part.isHidden()
    assert "on cpu" in dock.video.about.text()
    assert not dock.video.about.isHidden()
    assert dock.video.start.isEnabled()


def test_a_file_is_added_and_the_session_goes_on_with_it(
    qtbot, dock, part, controller, choose, settled, loaded, paint, idle, tmp_path
):
    file = tmp_path / "my weights.bin"
    file.write_bytes(GOOD)
    choose(file)
    assert not part.bar.isHidden()
    assert part.add.isHidden()
    settled()
    assert loaded == [file], "it was not verified"
    assert (tmp_path / "cache" / "GIS-ckpt_standard.pth").read_bytes() == GOOD
    assert part.isHidden()
    assert controller.session.method == "gis"
    assert "GIS-ckpt_standard.pth (MIT)" in dock.video.about.text()
    paint((0, 20, 10))
    idle()
    assert loaded[1:] == [tmp_path / "cache" / "GIS-ckpt_standard.pth"]
    assert controller.session.masks[0][20, 10] == 1


def test_a_new_session_starts_with_weights_that_are_there(
    qtbot, dock, part, controller, loaded, paint, idle, tmp_path
):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "GIS-ckpt_standard.pth").write_bytes(GOOD)
    dock.video.methods.setCurrentIndex(dock.video.methods.findData("flow"))
    dock.video.methods.setCurrentIndex(dock.video.methods.findData("gis"))
    before = controller.session
    dock.video.start.click()
    assert controller.session is not before
    assert controller.session.method == "gis"
    paint((0, 20, 10))
    idle()
    assert loaded == [tmp_path / "cache" / "GIS-ckpt_standard.pth"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("GIS-ckpt_standard.pth", b"something else", "does not fit. Download it again."),
        ("ATNet-checkpoint.pth", GOOD, "holds the weights of the method 'atnet', not of 'gis'"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(
    qtbot, part, choose, settled, said, tmp_path, name, content, sentence
):
    (tmp_path / name).write_bytes(content)
    choose(tmp_path / name)
    settled()
    assert len(said) == 1
    assert sentence in said[0]
    assert not (tmp_path / "cache").exists()
    assert not part.add.isHidden()


def test_a_download_shows_how_far_it_is_and_is_used(
    qtbot, dock, part, controller, answer, settled, server, loaded, tmp_path
):
    shares = []
    part.getting.progressed.connect(lambda name, done, total: shares.append((name, done, total)))
    server.body = GOOD
    answer("download")
    assert not part.cancel.isHidden()
    settled()
    assert (tmp_path / "cache" / "GIS-ckpt_standard.pth").read_bytes() == GOOD
    assert shares[-1] == ("GIS-ckpt_standard.pth", len(GOOD) // 2**20, len(GOOD) // 2**20)
    assert len(loaded) == 1, "it was not verified"
    assert controller.session.method == "gis"
    assert part.isHidden()


def test_a_download_can_be_cancelled(
    qtbot, part, controller, answer, settled, server, said, tmp_path, monkeypatch
):
    server.gate.clear()
    answer("download")
    part.cancel.click()
    assert not part.cancel.isEnabled()
    server.gate.set()
    settled()
    assert said == []
    assert not (tmp_path / "cache" / "GIS-ckpt_standard.pth").exists()
    assert controller.session.method == "flow"
    assert not part.get.isHidden()
    answer("download")
    settled()
    assert controller.session.method == "gis"


def test_a_broken_download_is_one_sentence(part, answer, settled, server, said):
    server.body = b"an old version"
    answer("download")
    settled()
    assert len(said) == 1
    assert "does not fit" in said[0]
    assert not part.get.isHidden()


def test_without_a_yes_nothing_is_downloaded(part, answer, tmp_path):
    answer("")
    assert not part.getting.running
    assert not (tmp_path / "cache").exists()


def test_the_page_is_opened_where_that_is_asked_for(part, answer, said, monkeypatch):
    opened = []
    monkeypatch.setattr(weights.QDesktopServices, "openUrl", opened.append)
    answer("page")
    assert [url.toString() for url in opened] == ["https://github.com/yuk6heo/GIS-RAmap"]
    assert "Add file" in said[-1]


@pytest.mark.parametrize("url", ["https://example.org/x", ""])
def test_the_question_names_the_licence_and_the_place(part, monkeypatch, url):
    (record,) = _records.list_checkpoints("ipnet")
    record = replace(record, files=tuple(replace(f, url=url) for f in record.files))
    shown = []

    wanted = "download" if url else "page"

    def press(box):
        shown.append((box.text(), [button.text() for button in box.buttons()]))
        next(button for button in box.buttons() if wanted in button.text()).click()

    monkeypatch.setattr(weights.QMessageBox, "exec", press)
    assert weights.ask(part, record) == wanted
    ((text, buttons),) = shown
    for piece in ("I_e290.pth and P_e290.pth", "CC BY-NC-SA 4.0", "no commercial use", "ivs-demo"):
        assert piece in text
    assert any("download" in button for button in buttons) == bool(url)


def test_closing_the_dock_does_not_wait_for_a_server(
    qtbot, viewer, dock, part, answer, server, tmp_path
):
    server.gate.clear()
    answer("download")
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
    server.gate.set()
    qtbot.waitUntil(
        lambda: not [t for t in threading.enumerate() if t.name == "napari-ivos"], timeout=30_000
    )
    assert not (tmp_path / "cache" / "GIS-ckpt_standard.pth").exists()


def test_auto_says_what_it_comes_to(dock, part, monkeypatch):
    monkeypatch.setattr("napari_ivos.gui._devices._found", lambda: ("cpu",))
    dock.video._show_about()
    assert dock.video.about.text().endswith("on cpu")
    monkeypatch.setattr("napari_ivos.gui._devices._found", lambda: ("cpu", "cuda"))
    dock.video._show_about()
    assert dock.video.about.text().endswith("on cuda or cpu")
