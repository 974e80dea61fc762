from pathlib import Path

import pytest

from napari_ivos import checkpoints
from napari_ivos.errors import CheckpointError


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """An environment folder and a user folder, both empty."""
    environment, user = tmp_path / "environment", tmp_path / "user"
    for folder in (environment, user):
        folder.mkdir()
    monkeypatch.setenv(checkpoints.ENVIRONMENT, str(environment))
    monkeypatch.setattr("napari_ivos.checkpoints._locate.user_folder", lambda: user)
    return environment, user


def test_names_are_unique_and_every_file_has_an_address():
    records = checkpoints.list_checkpoints()
    assert {record.method for record in records} == {"gis", "atnet", "ipnet"}
    assert len({record.name for record in records}) == len(records)
    for record in records:
        assert all(item.url.startswith("https://") for item in record.files)
        assert record.non_commercial == ("NC" in record.licence)


def test_search_order(folders):
    environment, user = folders
    assert checkpoints.find("gis") is None
    (user / "ckpt_standard.pth").write_bytes(b"user")
    assert checkpoints.find("gis") == user / "ckpt_standard.pth"
    (environment / "GIS-ckpt_standard.pth").write_bytes(b"environment")
    assert checkpoints.find("gis") == environment / "GIS-ckpt_standard.pth"


def test_the_source_checkout_is_searched():
    here = Path(__file__).parents[2] / "checkpoints"
    assert here in checkpoints.search_folders()


def test_a_pair_is_found_as_a_folder_and_only_whole(folders):
    environment, user = folders
    (user / "I_e290.pth").write_bytes(b"i")
    (environment / "P_e290.pth").write_bytes(b"p")
    assert checkpoints.find("ipnet") is None, "from one folder, or not at all"
    (user / "P_e290.pth").write_bytes(b"p")
    assert checkpoints.find("ipnet") == user


def test_files_are_known_by_the_authors_names():
    record, item = checkpoints.match(Path("somewhere/ckpt_wo_YTIVOStrainset.pth"))
    assert (record.name, item.name) == ("gis-wo-ytivos", "GIS-ckpt_wo_YTIVOStrainset.pth")
    assert checkpoints.match(Path("weights.pth")) is None


def test_install_is_whole_or_not_at_all(folders, tmp_path):
    _, user = folders
    record = checkpoints.get_checkpoint("atnet")
    source = tmp_path / "e_0046_onlyparam.pth"
    source.write_bytes(b"weights")
    target = checkpoints.install(record, record.files[0], source)
    assert target == user / "ATNet-checkpoint.pth"
    assert target.read_bytes() == b"weights"
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoints.install(record, record.files[0], tmp_path / "gone.pth")
    assert target.read_bytes() == b"weights"
    assert [item.name for item in user.iterdir()] == ["ATNet-checkpoint.pth"]


def test_unknown_name_and_missing_weights():
    with pytest.raises(CheckpointError, match=r"no checkpoint called 'x'.*gis-standard"):
        checkpoints.get_checkpoint("x")
    error = checkpoints.missing_message("gis")
    assert "GIS-ckpt_standard.pth" in error.message
    assert "checkpoints download gis-standard" in error.hint
