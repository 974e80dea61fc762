"""The commands about checkpoints, with a method that takes any file that begins rightly."""

from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from napari_ivos import checkpoints, cli, methods
from napari_ivos.errors import CheckpointError


@pytest.fixture
def user(monkeypatch, tmp_path):
    """The user's folder, the only one that is searched."""
    folder = tmp_path / "user"
    monkeypatch.setattr("napari_ivos.checkpoints._locate.user_folder", lambda: folder)
    monkeypatch.setattr("napari_ivos.checkpoints._download.user_folder", lambda: folder)
    monkeypatch.setenv(checkpoints.ENVIRONMENT, str(folder))

    def verify(name, path):
        if not path.read_bytes().startswith(b"good"):
            raise CheckpointError(f"The checkpoint does not fit {name}: 3 missing.")

    spec = replace(methods.get_method("flow"), name="gis", checkpoint="required")
    monkeypatch.setattr("napari_ivos.methods._specs", lambda: (spec,))
    monkeypatch.setattr("napari_ivos.methods.verify_checkpoint", verify)
    return folder


def invoke(*args, answer=None):
    words = ["checkpoints", *map(str, args)]
    return CliRunner().invoke(cli.app, words, input=answer, catch_exceptions=False)


def test_list_tells_what_is_there(user):
    user.mkdir()
    (user / "GIS-ckpt_standard.pth").write_bytes(b"good")
    lines = invoke("list").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("gis-standard")]
    assert str(user) in line
    assert any(line.startswith("ipnet") and "CC BY-NC-SA" in line for line in lines)


def test_add_verifies_copies_and_names(user, tmp_path):
    file = tmp_path / "ckpt_standard.pth"
    file.write_bytes(b"good weights")
    assert invoke("add", file).exit_code == 0
    assert (user / "GIS-ckpt_standard.pth").read_bytes() == b"good weights"
    assert checkpoints.find("gis") == user / "GIS-ckpt_standard.pth"


def test_add_refuses_what_does_not_fit(user, tmp_path):
    file = tmp_path / "ckpt_standard.pth"
    file.write_bytes(b"bad")
    result = invoke("add", file)
    assert result.exit_code == 2
    assert "3 missing" in result.stderr
    assert checkpoints.find("gis") is None


def test_a_file_of_another_name_needs_to_be_told(user, tmp_path):
    file = tmp_path / "mine.pth"
    file.write_bytes(b"good")
    result = invoke("add", file)
    assert result.exit_code == 2
    assert "--as" in result.stderr
    assert invoke("add", file, "--as", "gis-wo-ytivos").exit_code == 0
    assert (user / "GIS-ckpt_wo_YTIVOStrainset.pth").exists()


def test_among_files_made_alike_only_these_are_to_choose_from(user, tmp_path, monkeypatch):
    twins = [(record, record.files[0]) for record in checkpoints.list_checkpoints()[:2]]
    monkeypatch.setattr("napari_ivos.cli.checkpoints._recognised", lambda _: twins)
    (tmp_path / "mine.pth").write_bytes(b"good")
    result = invoke("add", tmp_path / "mine.pth")
    assert result.exit_code == 2
    assert result.stderr.endswith("with --as, one of: gis-standard, gis-wo-ytivos.\n")


def test_a_method_that_is_not_there_cannot_be_verified(user, tmp_path):
    file = tmp_path / "I_e290.pth"
    file.write_bytes(b"good")
    result = invoke("add", file)
    assert result.exit_code == 2
    assert "not part of this version" in result.stderr


def test_download_asks_for_the_licence(user, monkeypatch):
    fetched = []

    def download(record, **options):
        fetched.append(record.name)
        options["verify"](user.parent / "file")
        return [user / "file"]

    (user.parent / "file").write_bytes(b"good")
    monkeypatch.setattr("napari_ivos.cli.checkpoints.download", download)
    refused = invoke("download", "gis-standard", answer="n\n")
    assert refused.exit_code == 2
    assert "Licence: MIT" in refused.stdout
    assert fetched == []
    nobody = invoke("download", "gis-standard", answer="")
    assert nobody.exit_code == 2
    assert "nothing is downloaded. Give --yes" in nobody.stderr
    assert fetched == []
    assert invoke("download", "gis-standard", answer="y\n").exit_code == 0
    assert invoke("download", "gis-standard", "--yes").exit_code == 0
    assert fetched == ["gis-standard"] * 2
    assert "not part of this version" in invoke("download", "ipnet", "--yes").stderr
    assert "no checkpoint called" in invoke("download", "nothing").stderr


def test_a_question_that_is_broken_off_ends_the_command(user, monkeypatch):
    def broken_off(*_, **__):
        # As typer does it.
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise typer.Abort from None

    monkeypatch.setattr("typer.confirm", broken_off)
    result = invoke("download", "gis-standard")
    assert result.exit_code == 130
    assert "Stopped" in result.stderr


def test_verify_names_what_is_damaged(user):
    user.mkdir()
    assert "no checkpoints" in invoke("verify").stdout
    (user / "GIS-ckpt_standard.pth").write_bytes(b"good")
    (user / "GIS-ckpt_wo_YTIVOStrainset.pth").write_bytes(b"cut off")
    result = invoke("verify")
    assert result.exit_code == 2
    assert "ok " in result.stdout
    assert "damaged" in result.stdout
    assert "1 of 2" in result.stderr


def test_a_method_without_its_weights_says_how_to_get_them(user):
    with pytest.raises(CheckpointError, match="checkpoints download gis-standard"):
        methods.create_engine("gis")
