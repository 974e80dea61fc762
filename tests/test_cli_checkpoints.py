import pytest
import torch
from typer.testing import CliRunner

from napari_ivos import checkpoints, cli
from napari_ivos.checkpoints import ENVIRONMENT, _locate
from napari_ivos.errors import CheckpointError
from napari_ivos.methods import weights

ATNET = {"encoder.weight": (2, 3), "encoder.bias": (2,)}
INTERACTION = {"mean": (1, 3)}
PROPAGATION = {"mean": (1, 3), "std": (1, 3)}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Nothing but an empty cache, and small tables for what belongs into it."""
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setattr(_locate, "_checkout", lambda: None)
    monkeypatch.setattr(_locate.platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "c")
    known = {"ATNet-checkpoint.pth": ATNET, "I_e290.pth": INTERACTION, "P_e290.pth": PROPAGATION}
    monkeypatch.setattr(weights, "tables", lambda: known)
    return tmp_path / "c" / "checkpoints"


@pytest.fixture
def run():
    def run(*words, status=0, typed=None):
        result = CliRunner().invoke(cli.app, ["checkpoints", *map(str, words)], input=typed)
        assert result.exit_code == status, result.output
        return " ".join(result.output.split())

    return run


@pytest.fixture
def save(tmp_path):
    def save(name, shapes):
        torch.save({key: torch.ones(shape) for key, shape in shapes.items()}, tmp_path / name)
        return tmp_path / name

    return save


def test_list_says_what_is_where_and_under_what_licence(run, cache, save):
    before = run("list")
    assert before.count("missing") == 5
    assert "CC BY-NC-SA 4.0, non-commercial" in before
    assert f"Looked in: {cache}" in before
    run("add", save("x.pth", ATNET))
    after = run("list")
    assert after.count("missing") == 4
    assert str(cache / "ATNet-checkpoint.pth") in after


def test_add_copies_what_fits(run, cache, save):
    source = save("x.pth", ATNET)
    assert "is ATNet-checkpoint.pth of atnet" in run("add", source)
    assert (cache / "ATNet-checkpoint.pth").read_bytes() == source.read_bytes()
    assert [path.name for path in cache.iterdir()] == ["ATNet-checkpoint.pth"]


def test_add_asks_for_the_other_half_of_a_pair(run, save):
    one, two = save("one", INTERACTION), save("two", PROPAGATION)
    said = run("add", one)
    assert "NON-COMMERCIAL" in said
    assert "ipnet needs P_e290.pth as well" in said
    assert "as well" not in run("add", one, two).split("P_e290.pth of ipnet")[1]
    assert checkpoints.find("ipnet") is not None


def test_add_says_exactly_what_does_not_fit(run, cache, save):
    said = run("add", save("x.pth", {**ATNET, "encoder.bias": (3,)}), status=2)
    assert "not ATNet-checkpoint.pth: 1 of another shape (encoder.bias (3 instead of 2))" in said
    assert not cache.exists()


def test_add_with_a_name(run, save):
    path = save("x.pth", ATNET)
    assert "no checkpoint called 'nothing'" in run("add", path, "--as", "nothing", status=2)
    assert "is not I_e290.pth" in run("add", path, "--as", "ipnet", status=2)
    assert "of atnet" in run("add", path, "--as", "atnet")


def test_verify_reads_what_is_there_again(run, cache, save):
    assert "no weights of any method" in run("verify", status=2)
    assert "no weights of atnet" in run("verify", "atnet", status=2)
    run("add", save("x.pth", ATNET))
    assert run("verify").startswith("ok ")
    (cache / "I_e290.pth").write_text("<html>")
    said = run("verify", status=1)
    assert "ok " in said
    assert "is a web page" in said
    assert "web page" not in run("verify", "atnet")


def test_verify_says_when_it_only_counted(run, cache, monkeypatch):
    monkeypatch.setattr(weights, "tables", dict)
    cache.mkdir(parents=True)
    torch.save({str(i): torch.ones(1) for i in range(912)}, cache / "ATNet-checkpoint.pth")
    assert "so only counted" in run("verify")


@pytest.fixture
def fetched(monkeypatch, save):
    """Downloads that need no server: what was asked for, in order."""
    names = []

    def download(wanted, check, *, progress):
        names.append(wanted.name)
        progress(wanted.files[0], 0, 100)
        progress(wanted.files[0], 100, 100)
        return checkpoints.install(save("x.pth", ATNET), wanted.files[0], check)

    monkeypatch.setattr(checkpoints, "download", download)
    return names


def test_download_shows_the_terms_and_asks(run, fetched, cache):
    said = run("download", "ipnet", typed="n\n", status=1)
    assert "NON-COMMERCIAL use only" in said
    assert "Do you agree" in said
    assert "Nothing was downloaded" in said
    assert fetched == []
    assert "Aborted" in run("download", "ipnet", status=1)
    assert str(cache) in run("download", "atnet", typed="y\n")
    assert fetched == ["atnet"]


def test_download_with_yes_does_not_ask(run, fetched):
    said = run("download", "atnet", "--yes")
    assert "MIT licence" in said
    assert "Do you agree" not in said
    assert fetched == ["atnet"]


def test_download_leaves_what_lies_elsewhere(run, fetched, monkeypatch, tmp_path, save):
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    path = save("ATNet-checkpoint.pth", ATNET)
    assert f"is there already: {path}" in run("download", "atnet")
    path.write_bytes(b"")
    assert "is empty" in run("download", "atnet", status=2)
    assert fetched == []


def test_download_replaces_what_is_bad_in_its_own_place(run, fetched, cache, save):
    run("add", save("x.pth", ATNET))
    assert "is there already" in run("download", "atnet")
    assert fetched == []
    (cache / "ATNet-checkpoint.pth").write_bytes(b"")
    assert "It will be replaced" in run("download", "atnet", "--yes")
    assert fetched == ["atnet"]
    assert "is there already" in run("download", "atnet")


def test_a_failed_download_is_one_sentence(run, monkeypatch):
    def fail(*_, **__):
        raise CheckpointError("It is gone.", "Look elsewhere.")

    monkeypatch.setattr(checkpoints, "download", fail)
    said = run("download", "atnet", "--yes", status=2)
    assert said.endswith("Error: It is gone. Look elsewhere.")
    assert "no checkpoint called 'x'" in run("download", "x", status=2)


def test_a_stopped_download_is_no_traceback(run, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "download", stop)
    assert "Stopped" in run("download", "atnet", "--yes", status=130)
