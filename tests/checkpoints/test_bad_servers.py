import dataclasses
import errno
import hashlib
import json
import shutil
import socket
from types import SimpleNamespace

import filelock
import pytest
import requests
from bad_server import (
    DATA,
    changed,
    give,
    give_ranges,
    naps,
    no_answer,
    page,
    serving,
    silence,
    status,
    trickle,
)

from napari_ivos.checkpoints import (
    CheckpointFile,
    Patience,
    _transfer,
    download,
    list_checkpoints,
)
from napari_ivos.errors import CheckpointError

FORM = """<html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="{action}" method="get">
<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="1">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="a-b &amp; c">
</form></body></html>"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        yield server


@pytest.fixture
def checkpoint(server):
    """One file on that server."""
    item = CheckpointFile("weights.pth", f"{server.url}/uc?export=download&id=1", numbers=2560)
    record = list_checkpoints("gis")[0]
    return dataclasses.replace(record, files=(item,), page="https://example.org/by-hand")


@pytest.fixture
def patience():
    return Patience(connect=10, read=10, window=10, least=1000, tries=3, pause=0.001)


@pytest.fixture
def fetch(server, checkpoint, patience, tmp_path):
    """Download from a server that answers as given, into `tmp_path`."""

    def fetch(*answers, checkpoint=checkpoint, **options):
        server.answers[:] = answers
        server.requests.clear()
        (path,) = download(checkpoint, folder=tmp_path, **{"patience": patience, **options})
        return path

    return fetch


@pytest.fixture
def refused(fetch, tmp_path):
    """As `fetch`, for what must fail: the sentence."""

    def refused(*answers, **options):
        with pytest.raises(CheckpointError) as caught:
            fetch(*answers, **options)
        assert not (tmp_path / "weights.pth").exists()
        return str(caught.value)

    return refused


@pytest.fixture
def hurried(patience):
    """Little patience, where the server is meant to be slow."""
    return dataclasses.replace(patience, read=0.2, window=0.1)


def left(folder):
    """What lies in the folder, but for the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def asked_range(server, index=-1):
    return server.requests[index][1].get("Range")


def test_a_file_comes_whole_and_with_progress(fetch, server, tmp_path):
    seen = []
    path = fetch(give(), progress=lambda *values: seen.append(values))
    assert path == tmp_path / "weights.pth"
    assert path.read_bytes() == DATA
    assert left(tmp_path) == ["weights.pth"]
    assert seen[0] == ("weights.pth", 0, len(DATA))
    assert seen[-1] == ("weights.pth", len(DATA), len(DATA))
    assert [one[1] for one in seen] == sorted(one[1] for one in seen)
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


def test_what_is_there_and_good_is_not_fetched_again(fetch, server, tmp_path):
    fetch(give())
    assert fetch(give()) == tmp_path / "weights.pth"
    assert server.requests == []


def test_what_is_there_and_bad_is_replaced(fetch, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"bad")

    def check(path):
        if path.read_bytes() != DATA:
            raise CheckpointError("Bad.")

    assert fetch(give(), verify=check).read_bytes() == DATA


def test_a_file_that_fails_its_check_is_not_kept(refused, tmp_path):
    def check(path):
        raise CheckpointError(f"{path.name} is not right.")

    assert refused(give_ranges(), verify=check) == "weights.pth.part is not right."
    assert left(tmp_path) == []


def test_all_files_of_a_checkpoint_come(checkpoint, server, patience, tmp_path):
    first = checkpoint.files[0]
    second = changed(checkpoint, name="second.pth").files[0]
    pair = dataclasses.replace(checkpoint, files=(first, second))
    server.answers[:] = [give()]
    assert download(pair, folder=tmp_path, patience=patience) == [
        tmp_path / "weights.pth",
        tmp_path / "second.pth",
    ]
    assert left(tmp_path) == ["second.pth", "weights.pth"]


# -- Drive's page ----------------------------------------------------------------------------


def test_the_confirmation_form_is_sent(fetch, server):
    path = fetch(page(FORM.format(action="/download")), give())
    assert path.read_bytes() == DATA
    assert server.requests[1][0] == "/download?id=1&confirm=t&uuid=a-b+%26+c"


def test_cookies_of_the_confirmation_page_are_sent_back(fetch, server):
    def with_cookie(handler):
        body = FORM.format(action="/download").encode()
        handler.reply(body, Content_Type="text/html", Set_Cookie="download_warning=xyz")

    fetch(with_cookie, give())
    assert server.requests[1][1]["Cookie"] == "download_warning=xyz"


def test_the_older_confirmation_link_is_followed(fetch, server):
    text = '<a id="uc-download-link" href="/uc?export=download&amp;confirm=Ab1&amp;id=1">go</a>'
    assert fetch(page(text), give()).read_bytes() == DATA
    assert server.requests[1][0] == "/uc?export=download&confirm=Ab1&id=1"


@pytest.mark.parametrize(
    "action", ["http://example.org/download", "ftp://127.0.0.1/download", "http://[", ""]
)
def test_a_confirmation_that_leads_elsewhere_is_not_followed(refused, server, action):
    assert "web page 'Google Drive - Virus scan warning'" in refused(
        page(FORM.format(action=action))
    )
    assert len(server.requests) == 1


def test_a_page_that_asks_for_ever_ends(refused, server):
    assert "keeps asking" in refused(page(FORM.format(action="/download")))
    assert len(server.requests) == 3


def test_an_interrupted_download_goes_on_past_the_page(fetch, server):
    form = page(FORM.format(action="/download"))
    path = fetch(form, give_ranges(cut=6000), form, give_ranges())
    assert path.read_bytes() == DATA
    assert asked_range(server) == "bytes=6000-"


# -- servers that do not give it --------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page("<title>Sign  in\n please</title>"), "a web page 'Sign in please' instead"),
        (page("<p>Quota exceeded</p>"), "daily limit"),
        (page("Too many users have viewed or downloaded this file recently.", 403), "daily limit"),
        (give(b"\n<!DOCTYPE html><title>Oops</title>"), "a web page 'Oops' instead of the file"),
        (status(404), "not on its server any more (status 404)"),
        (status(403), "does not give it to everybody (status 403)"),
        (status(418), "status 418"),
        (give(length=10**15), "1000000.0 GB or more where at most"),
        (give(Content_Encoding="gzip"), "an encoding that was not asked for"),
    ],
)
def test_no_for_an_answer(refused, server, tmp_path, answer, says):
    sentence = refused(answer)
    assert sentence.startswith("weights.pth could not be downloaded: ")
    assert says in sentence
    assert "https://example.org/by-hand" in sentence
    assert len(server.requests) == 1
    assert left(tmp_path) == []


def test_more_than_can_be_right_is_not_stored_even_when_unannounced(refused, checkpoint, tmp_path):
    small = changed(checkpoint, size=1000)
    assert "at most 1 kB" in refused(give(length=False), checkpoint=small)
    assert left(tmp_path) == []


def test_a_file_shorter_than_its_record_is_refused(refused, checkpoint, tmp_path):
    large = changed(checkpoint, size=2 * len(DATA))
    assert "10 kB instead of 20 kB" in refused(give(), checkpoint=large)
    assert left(tmp_path) == []


def test_a_file_with_another_sum_is_refused(fetch, refused, checkpoint, tmp_path):
    assert "SHA-256" in refused(give(), checkpoint=changed(checkpoint, sha256="0" * 64))
    assert left(tmp_path) == []
    right = changed(checkpoint, sha256=hashlib.sha256(DATA).hexdigest())
    assert fetch(give(), checkpoint=right).read_bytes() == DATA


def test_a_redirect_is_followed_and_a_circle_is_not(fetch, refused, server):
    assert "cannot be understood" in refused(status(302, Location="/round"))
    assert fetch(status(302, Location="/other"), give()).read_bytes() == DATA
    assert server.requests[1][0] == "/other"


def test_a_secure_address_never_leads_to_an_insecure_one(refused, checkpoint, monkeypatch):
    answer = SimpleNamespace(url="http://example.org/", status_code=200, close=lambda: None)
    monkeypatch.setattr(requests.Session, "get", lambda *_, **__: answer)
    secure = changed(checkpoint, url="https://example.org/")
    assert "not secure" in refused(checkpoint=secure)


# -- connections that break -------------------------------------------------------------------


def test_trouble_passes(fetch, server):
    with naps() as asked:
        path = fetch(status(503), status(429, Retry_After="7"), give())
    assert path.read_bytes() == DATA
    assert asked == [0.001, 7]


def test_trouble_that_stays_ends(refused, server):
    with naps() as asked:
        sentence = refused(status(503, Retry_After="9999"))
    assert "its server is in trouble (status 503)" in sentence
    assert len(server.requests) == 3
    assert asked == [60, 60]


def test_the_pauses_grow(refused):
    with naps() as asked:
        refused(status(500))
    assert asked == [0.001, 0.002]


def test_nobody_there(refused, checkpoint):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    closed = changed(checkpoint, url=f"http://127.0.0.1:{port}/")
    assert "its server cannot be reached" in refused(checkpoint=closed)


def test_no_answer_at_all(refused, server, hurried):
    assert "its server does not answer" in refused(no_answer, patience=hurried)
    assert len(server.requests) == 3


def test_a_truncated_download_goes_on_by_itself(fetch, server):
    path = fetch(give_ranges(cut=3000), give_ranges(cut=3000), give_ranges())
    assert path.read_bytes() == DATA
    assert [asked_range(server, i) for i in range(3)] == [None, "bytes=3000-", "bytes=6000-"]
    assert server.requests[1][1]["If-Range"] == '"one"'


def test_a_truncated_download_goes_on_the_next_time(fetch, refused, server, tmp_path):
    assert "Try again, to go on where it broke off" in refused(give_ranges(cut=3000), status(503))
    assert left(tmp_path) == [".weights.pth.part.json", "weights.pth.part"]
    assert fetch(give_ranges()).read_bytes() == DATA
    assert asked_range(server) == "bytes=3000-"
    assert left(tmp_path) == ["weights.pth"]


def test_a_part_is_not_kept_when_the_server_cannot_go_on(refused, server, tmp_path):
    sentence = refused(give(DATA[:3000], length=len(DATA), Accept_Ranges="none"), status(503))
    assert "Download it in a browser" in sentence
    assert left(tmp_path) == []


def test_a_server_that_ignores_ranges_begins_anew(fetch, server):
    assert fetch(give_ranges(cut=3000), give()).read_bytes() == DATA
    assert asked_range(server) == "bytes=3000-"


def test_a_file_that_changed_in_between_is_not_glued_to_the_old_part(fetch):
    other = DATA[::-1]
    assert fetch(give_ranges(cut=3000), give_ranges(other, tag='"two"')).read_bytes() == other


@pytest.mark.parametrize(
    "wrong",
    [
        give(DATA[:10], status=206),
        give(DATA[:10], status=206, Content_Range="bytes 5-14/10240"),
        give(DATA[3000:], status=206, Content_Range="bytes 3000-10239/10241"),
        give(DATA[3000:], status=206, Content_Range="bytes 3000-10239/10240", ETag='"two"'),
        status(416, Content_Range="bytes */10"),
    ],
)
def test_a_wrong_part_is_thrown_away(fetch, server, wrong):
    assert fetch(give_ranges(cut=3000), wrong, give_ranges()).read_bytes() == DATA
    assert asked_range(server) is None


def test_a_server_that_never_gets_it_right_ends(refused, server):
    wrong = give(DATA[:10], status=206)
    server_loop = [give_ranges(cut=3000), wrong] * 5
    assert "could not be downloaded" in refused(*server_loop)
    assert len(server.requests) < len(server_loop)


def test_a_complete_part_needs_no_server(fetch, server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(DATA)
    notes = {"total": len(DATA), "tag": ""}
    (tmp_path / ".weights.pth.part.json").write_text(json.dumps(notes))
    assert fetch(status(500)).read_bytes() == DATA
    assert server.requests == []


@pytest.mark.parametrize("notes", ["", "{", "[]", '{"total": null, "tag": ""}', None])
def test_a_part_of_unknown_origin_is_not_used(fetch, server, tmp_path, notes):
    (tmp_path / "weights.pth.part").write_bytes(b"x" * 100)
    if notes is not None:
        (tmp_path / ".weights.pth.part.json").write_text(notes)
    assert fetch(give_ranges()).read_bytes() == DATA
    assert asked_range(server) is None


def test_a_server_that_falls_silent_is_given_up(refused, tmp_path, hurried):
    sentence = refused(silence(after=500), patience=hurried)
    assert "its server stopped sending" in sentence
    assert left(tmp_path) == [".weights.pth.part.json", "weights.pth.part"]


def test_a_server_that_trickles_is_given_up(refused, hurried):
    assert "hardly sends anything" in refused(trickle, patience=hurried)


def test_a_cancelled_download_can_be_gone_on_with(fetch, server, tmp_path):
    def cancel(file, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(give_ranges(cut=3000), progress=cancel)
    assert left(tmp_path) == [".weights.pth.part.json", "weights.pth.part"]
    assert fetch(give_ranges()).read_bytes() == DATA
    assert asked_range(server) == "bytes=3000-"


# -- disks ------------------------------------------------------------------------------------


def test_too_little_space_is_said_before(refused, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5000))
    assert "has 5 kB free, and 10 kB are needed" in refused(give())
    assert left(tmp_path) == []


def test_a_disk_that_fills_up(refused, fetch, server, monkeypatch, tmp_path):
    class Full:
        """Takes 3000 bytes, then says what a full disk says."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            if self.file.tell() >= 3000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data[:3000])

    write = _transfer._write
    monkeypatch.setattr(_transfer, "_write", lambda file, chunk: write(Full(file), chunk))
    assert refused(give_ranges()) == f"The disk of '{tmp_path}' is full. Make space there."
    monkeypatch.undo()
    assert fetch(give_ranges()).read_bytes() == DATA
    assert asked_range(server) == "bytes=3000-"


def test_two_programs_do_not_download_into_one_folder(refused, tmp_path):
    with filelock.FileLock(tmp_path / ".lock"):
        assert "Another program is downloading" in refused(give())
