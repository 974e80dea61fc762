import pytest

from napari_ivos.checkpoints import Patience, download
from napari_ivos.errors import CheckpointError

DATA = bytes(range(256)) * 4000  # what the server of conftest.py serves


@pytest.mark.parametrize(
    "mood", ["good", "truncated", "ignores_range", "stalls", "busy", "confirms"]
)
def test_the_file_arrives_whole_in_spite_of(server, record, patience, tmp_path, mood):
    server.mood = mood
    seen = []
    (file,) = download(
        record, folder=tmp_path, patience=patience, progress=lambda *values: seen.append(values)
    )
    assert file == tmp_path / "weights.pth"
    assert file.read_bytes() == DATA
    assert [item.name for item in tmp_path.iterdir()] == ["weights.pth"]
    assert seen[-1] == ("weights.pth", len(DATA), len(DATA))


@pytest.mark.parametrize("mood", ["truncated", "stalls"])
def test_it_goes_on_where_it_broke_off(server, record, patience, tmp_path, mood):
    server.mood = mood
    download(record, folder=tmp_path, patience=patience)
    asked = [text for _, text in server.requests]
    assert asked[0] is None
    assert asked[1].startswith("bytes=")
    assert 0 < int(asked[1][6:-1]) <= 300_000


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("missing", "status 404"),
        ("page", "a web page came instead"),
        ("quota", "daily limit"),
        ("confirms_elsewhere", "another place"),
        ("confirms_forever", "keeps asking"),
        ("absurd", "claims to be"),
        ("empty", "0 bytes"),
        ("down", "status 500"),
    ],
)
def test_one_sentence_about(server, record, patience, tmp_path, mood, says):
    server.mood = mood
    with pytest.raises(CheckpointError, match=says) as caught:
        download(record, folder=tmp_path, patience=patience)
    assert record.page in caught.value.hint
    assert not (tmp_path / "weights.pth").exists()


def test_nobody_answers(record, server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(CheckpointError, match="broke off"):
        download(record, folder=tmp_path, patience=Patience(0.2, 0.2, tries=2, pause=0.01))


def test_a_cancelled_download_is_resumed_by_the_next_call(server, record, patience, tmp_path):
    class CancelledError(Exception):
        pass

    def cancel(name, done, total):
        if done > 300_000:
            raise CancelledError

    with pytest.raises(CancelledError):
        download(record, folder=tmp_path, patience=patience, progress=cancel)
    assert [item.name for item in tmp_path.iterdir()] == ["weights.pth.part"]
    (file,) = download(record, folder=tmp_path, patience=patience)
    assert file.read_bytes() == DATA
    assert server.requests[-1][1] is not None


def test_a_part_of_another_file_is_thrown_away(server, record, patience, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(DATA + b"more")
    (file,) = download(record, folder=tmp_path, patience=patience)
    assert file.read_bytes() == DATA


def test_what_does_not_verify_is_not_kept(server, record, patience, tmp_path):
    def refuse(path):
        assert path.read_bytes() == DATA
        raise CheckpointError("It is another network's.")

    with pytest.raises(CheckpointError, match="another network"):
        download(record, folder=tmp_path, patience=patience, verify=refuse)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_fetched_again(server, record, patience, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"mine")
    (file,) = download(record, folder=tmp_path, patience=patience)
    assert file.read_bytes() == b"mine"
    assert server.requests == []


def test_a_folder_that_cannot_be_written_to(server, record, patience, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CheckpointError, match="cannot be written"):
        download(record, folder=tmp_path / "file", patience=patience)
