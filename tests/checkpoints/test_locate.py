import os

import pytest

from napari_ivos import checkpoints
from napari_ivos.checkpoints import (
    ENVIRONMENT,
    _locate,
    cache_folder,
    find,
    find_file,
    get_checkpoint,
    install,
    list_checkpoints,
    locate,
    places,
    require,
)
from napari_ivos.errors import CheckpointError
from napari_ivos.methods import list_methods


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """The three places, all of them empty: named, checkout, cache."""
    named, checkout, cache = (tmp_path / name for name in ("named", "checkout", "cache"))
    monkeypatch.setenv(ENVIRONMENT, str(named))
    monkeypatch.setattr(_locate, "_checkout", lambda: checkout)
    monkeypatch.setattr(_locate.platformdirs, "user_cache_path", lambda *_, **__: cache)
    for folder in (named, checkout, cache / "checkpoints"):
        folder.mkdir(parents=True)
    return named, checkout, cache / "checkpoints"


def put(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"x")


def test_the_records_are_those_that_were_published():
    names = {file.name for one in list_checkpoints() for file in one.files}
    assert names == {
        "GIS-ckpt_standard.pth",
        "GIS-ckpt_wo_YTIVOStrainset.pth",
        "ATNet-checkpoint.pth",
        "I_e290.pth",
        "P_e290.pth",
    }
    assert "NON-COMMERCIAL" in get_checkpoint("ipnet").terms
    keys = {"1dkgXJJ2gPYDtPE9yTtlP4Th0iNX5ZG6a", "1m52fHwoYt2zupSmqgvDYUTqB24ApX0my"}
    assert keys == {one.files[0].url.split("id=")[1] for one in list_checkpoints("gis")}


def test_every_record_says_what_must_be_said_and_is_fetched_securely():
    for one in list_checkpoints():
        assert one.purpose
        assert one.paper
        assert one.licence
        assert one.terms
        for file in one.files:
            assert file.url.startswith("https://")
            assert file.page.startswith("https://")
            assert file.about > 10**8


def test_an_unknown_checkpoint():
    with pytest.raises(CheckpointError, match=r"no checkpoint called 'x'.*gis-standard"):
        get_checkpoint("x")


def test_places_are_looked_into_in_their_order(folders):
    named, checkout, cache = folders
    assert places() == (named, checkout, cache)
    assert cache_folder() == cache
    for folder in (cache, checkout, named):
        put(folder, "ATNet-checkpoint.pth")
        assert find("atnet") == folder / "ATNet-checkpoint.pth"


def test_the_checkout_is_this_one():
    assert (_locate._checkout() / "README.md").is_file()


def test_no_variable_no_place(folders, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "")
    assert places() == folders[1:]
    monkeypatch.delenv(ENVIRONMENT)
    assert places() == folders[1:]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("GIS-ckpt_standard.pth", "gis"),
        ("ckpt_standard.pth", "gis"),
        ("ckpt_wo_YTIVOStrainset.pth", "gis"),
        ("e_0046_onlyparam.pth", "atnet"),
    ],
)
def test_the_names_that_the_authors_used(folders, name, method):
    put(folders[1], name)
    assert find(method) == folders[1] / name


def test_the_one_for_general_use_comes_first_within_a_place(folders):
    named, _, cache = folders
    put(cache, "GIS-ckpt_wo_YTIVOStrainset.pth", "GIS-ckpt_standard.pth")
    assert find("gis") == cache / "GIS-ckpt_standard.pth"
    put(named, "GIS-ckpt_wo_YTIVOStrainset.pth")
    assert find("gis") == named / "GIS-ckpt_wo_YTIVOStrainset.pth"


def test_a_pair_is_found_where_both_are(folders):
    named, checkout, _ = folders
    put(named, "I_e290.pth")
    put(checkout, "P_e290.pth")
    assert find("ipnet") is None
    assert find_file(get_checkpoint("ipnet").files[0]) == named / "I_e290.pth"
    put(checkout, "I_e290.pth")
    assert find("ipnet") == locate(get_checkpoint("ipnet")) == checkout


def test_folders_and_missing_places_are_no_files(folders, monkeypatch, tmp_path):
    (folders[0] / "ATNet-checkpoint.pth").mkdir()
    assert find("atnet") is None
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "nowhere"))
    assert find("atnet") is None


def test_what_must_be_there(folders):
    with pytest.raises(CheckpointError, match=r"ckpt_standard.pth.*download gis-standard"):
        require("gis")
    put(folders[2], "GIS-ckpt_standard.pth")
    assert require("gis") == folders[2] / "GIS-ckpt_standard.pth"
    with pytest.raises(CheckpointError, match="No weights were published for the method 'flow'"):
        require("flow")


def test_a_file_is_installed_under_its_published_name(folders, tmp_path):
    source = tmp_path / "download (1)"
    source.write_bytes(b"weights")
    file = get_checkpoint("atnet").files[0]
    checked = []
    target = install(source, file, lambda path, _: checked.append(path.read_bytes()))
    assert target == find("atnet") == folders[2] / "ATNet-checkpoint.pth"
    assert target.read_bytes() == b"weights"
    assert checked == [b"weights"]
    assert install(target, file, lambda *_: None) == target
    assert os.listdir(folders[2]) == ["ATNet-checkpoint.pth"]


def test_a_copy_that_fails_its_check_leaves_what_was_there(folders, tmp_path):
    put(folders[2], "ATNet-checkpoint.pth")
    source = tmp_path / "other"
    source.write_bytes(b"other")

    def check(path, file):
        raise CheckpointError("No.")

    with pytest.raises(CheckpointError, match="No"):
        install(source, get_checkpoint("atnet").files[0], check)
    assert os.listdir(folders[2]) == ["ATNet-checkpoint.pth"]
    assert find("atnet").read_bytes() == b"x"


def test_a_missing_source_is_one_sentence(folders, tmp_path):
    with pytest.raises(CheckpointError, match=r"'.*nothing' cannot be read or written: No such"):
        install(tmp_path / "nothing", get_checkpoint("atnet").files[0], lambda *_: None)


def test_methods_that_need_weights_have_records():
    for spec in list_methods():
        assert (spec.checkpoint == "required") == bool(checkpoints.list_checkpoints(spec.name))
