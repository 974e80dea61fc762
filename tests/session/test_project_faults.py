"""What can go wrong with a folder: one clear sentence, and nothing of what was done is lost."""

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from napari_ivos.errors import ProjectError
from napari_ivos.session import Session
from napari_ivos.session._frame_file import decode, encode
from programs import started
from projects import FRAMES, begin, draw, everything, reopen, work

posix = pytest.mark.skipif(os.name == "nt", reason="other rules on Windows")
not_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.ivos"


@pytest.fixture
def made(path):
    """A project with some work in it; gives what it shows."""
    with begin(path) as session:
        work(session)
        return everything(session)


def rewrite(path, change):
    """Change the lines of a journal, and put right checksums on them."""
    file = path / "journal.jsonl"
    lines = [json.loads(line)[1] for line in file.read_text().splitlines()]
    change(lines)
    checksum, out = 0, b""
    for line in lines:
        body = json.dumps(line).encode()
        checksum = zlib.crc32(body, checksum)
        out += b'["%08x",%s]\n' % (checksum, body)
    file.write_bytes(out)


# --- a torn or damaged journal ------------------------------------------------------------------


def test_a_torn_last_line_is_dropped_wherever_it_was_torn(path):
    with begin(path) as session:
        session.add_object()
        before = everything(session)
        end = (path / "journal.jsonl").stat().st_size
        draw(session, 5)
    whole = (path / "journal.jsonl").read_bytes()
    line = whole[end:].split(b"\n", 1)[0]
    for cut in range(len(line) + 1):
        (path / "journal.jsonl").write_bytes(whole[: end + cut])
        with reopen(path) as session:
            assert everything(session) == before
    (path / "journal.jsonl").write_bytes(whole[:end] + bytes(500))
    with reopen(path) as session:
        draw(session, 7)
        after = everything(session)
    with reopen(path) as session:
        assert everything(session) == after


@pytest.mark.parametrize("how", ["flipped", "missing", "swapped", "twice"])
def test_a_damaged_journal_is_refused_and_left_alone(path, made, how):
    file = path / "journal.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    if how == "flipped":
        lines[9] = lines[9].replace(b"1", b"2", 1)
    elif how == "missing":
        del lines[9]
    elif how == "swapped":
        lines[9:11] = lines[10], lines[9]
    else:
        lines.insert(9, lines[9])
    file.write_bytes(b"".join(lines))
    with pytest.raises(ProjectError, match=r"damaged in line 1\d"):
        reopen(path)
    assert file.read_bytes() == b"".join(lines)


HOSTILE = {
    "a key that leads elsewhere": ["frame", 1, 3, {"mask": "../../secret"}],
    "a negative key": ["frame", 1, 3, {"mask": -1}],
    "a frame beyond the end": ["frame", 1, 20, {}],
    "an unknown edit": ["frame", 99, 1, {}],
    "an unknown word": ["delete", "/"],
    "an unknown field": ["set", 1, {"masks": 1}],
    "an id too large": ["set", 1, {"removed": [70_000]}],
    "an object without a name": ["set", 1, {"objects": [[1]]}],
    "a stroke of nothing": ["set", 1, {"annotated": {"more": [[1, 0, {"frame": 1}]]}}],
    "a number too large": ["set", 1, {"next_id": 2**70}],
    "text for a dictionary": ["set", 1, "all"],
    "a stroke that is not finite": [
        "set", 1, {"annotated": {"more": [[1, 0, {"frame": 1, "object": 1, "path": [[1e999, 0]]}]]}}
    ],
    "a run that was none": ["result", 77, 1],
    "no text": [1, 2],
}  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_lines_that_make_no_sense_are_refused(path, made, change):
    rewrite(path, lambda lines: lines.append([change]))
    with pytest.raises(ProjectError, match="damaged in line"):
        reopen(path)


def test_depth_and_length_of_a_line_are_limited(path, made):
    with (path / "journal.jsonl").open("ab") as file:
        file.write(b'["00000000",' + b"[" * 100_000 + b"]\n")
    with pytest.raises(ProjectError, match="damaged in line"):
        reopen(path)


# --- project.json -------------------------------------------------------------------------------


def test_a_project_from_the_future_is_refused(path, made):
    head = json.loads((path / "project.json").read_text())
    (path / "project.json").write_text(json.dumps(head | {"version": 2}))
    with pytest.raises(ProjectError, match=r"newer napari-ivos \(format 2.*Update"):
        reopen(path)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": "napari-ivos project"}', "[" * 5000]
    + [
        json.dumps({"format": "napari-ivos project", "version": 1, "video": video})
        for video in (
            None,
            {},
            {"shape": [1, 2], "samples": {}},
            {"shape": [20, 30, 40, 3], "samples": {"99": "00"}},
            {"shape": [20, 30, 40, 3], "samples": {"1": "zz"}},
            {"shape": [10**30, 30, 40, 3], "samples": {str(i): "" for i in range(999)}},
        )
    ],
)
def test_a_damaged_head_is_refused(path, made, content):
    (path / "project.json").write_text(content)
    with pytest.raises(ProjectError, match="damaged"):
        reopen(path)


def test_what_is_no_project_is_refused(tmp_path):
    with pytest.raises(ProjectError, match="no project folder"):
        Session.open(tmp_path / "nothing")
    with pytest.raises(ProjectError, match="no project of napari-ivos"):
        Session.open(tmp_path)


def test_folders_that_hold_something_else_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ProjectError, match="holds other files"):
        begin(tmp_path)
    with pytest.raises(ProjectError, match="is a file"):
        begin(tmp_path / "notes.txt")
    with pytest.raises(ProjectError, match="no folder"):
        begin(tmp_path / "deep" / "er")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_project_that_was_being_made_is_made_anew(path, made):
    (path / "project.json").unlink()
    with begin(path) as session:
        assert session.objects == ()
        assert list((path / "frames").iterdir()) == []
        session.add_object()
    with reopen(path) as session:
        assert len(session.objects) == 1


# --- the files of masks -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4"])
@pytest.mark.parametrize("shape", [(7, 9), (3, 7, 9)])
def test_arrays_come_back_from_their_files(dtype, shape):
    array = np.random.default_rng(0).integers(0, 999, shape).astype(dtype)
    back = decode(encode(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert not back.flags.writeable


def test_every_damaged_byte_of_a_mask_is_noticed():
    content = encode(np.eye(30, 40, dtype="u2"))
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x40
        with pytest.raises(ValueError, match=r"damaged|claims"):
            decode(bytes(changed))
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"cut off|damaged|claims"):
            decode(content[:length])


def test_a_mask_cannot_claim_more_than_it_holds():
    content = bytearray(encode(np.eye(30, 40, dtype="u2")))
    content[8:12] = (2**31).to_bytes(4, "little")
    content[20:24] = bytes(4)
    content[20:24] = zlib.crc32(content[24:], zlib.crc32(content[:24])).to_bytes(4, "little")
    with pytest.raises(ValueError, match="claims"):
        decode(bytes(content))


def test_a_damaged_mask_costs_one_frame_only(path, made):
    with reopen(path) as session:
        key = session._history.frame(7).mask
    (path / "frames" / f"{key:08d}.blosc").write_bytes(b"damaged")
    with reopen(path) as session:
        assert session.masks[6].any()
        with pytest.raises(ProjectError, match=r"A stored mask in .* cannot be read"):
            session.masks[7]
        while not session.undo_text.startswith("propagate from frame 5"):
            session.undo()
        session.undo()
        assert session.masks[7].any(), "the one from the round before is still there"


@posix
@pytest.mark.parametrize("name", ["lock", "owner.json", "journal.jsonl", "frames", "project.json"])
def test_links_in_a_project_are_not_followed(path, made, tmp_path, name):
    (path / "owner.json").touch()
    (path / "lock").touch()
    target = (path / name).rename(tmp_path / "target")
    content = target.read_bytes() if target.is_file() else None
    (path / name).symlink_to(target)
    with pytest.raises(ProjectError, match="links in place of files"):
        reopen(path)
    assert content is None or target.read_bytes() == content


@posix
def test_new_masks_are_not_written_through_links(path, tmp_path):
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
    (tmp_path / "precious").write_text("mine")
    for key in range(1, 50):
        for end in ("", ".part"):
            (path / "frames" / f"{key:08d}.blosc{end}").symlink_to(tmp_path / "precious")
    with reopen(path) as session:
        list(session.propagate())
        session._store.settle()
        assert session.masks[19].any()
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_mask_of_another_size_is_refused(path, made):
    with reopen(path) as session:
        key = session._history.frame(7).mask
    (path / "frames" / f"{key:08d}.blosc").write_bytes(encode(np.zeros((30, 41), "u2")))
    with reopen(path) as session, pytest.raises(ProjectError, match="cannot be read"):
        session.masks[7]


# --- two windows --------------------------------------------------------------------------------


def test_two_windows_on_one_project(path):
    with begin(path) as session:
        session.add_object()
        with pytest.raises(ProjectError, match="open already in this program"):
            reopen(path)
        with pytest.raises(ProjectError, match="open already in this program"):
            begin(path)
        session.add_object()
    with reopen(path) as session:
        assert len(session.objects) == 2


def test_another_program_has_it(path):
    code = (
        "import sys, numpy as np; from napari_ivos.session import Session;"
        "s = Session(np.load(sys.argv[2]), project=sys.argv[1]); s.add_object();"
        "print('open', flush=True); sys.stdin.read()"
    )
    np.save(path.parent / "frames.npy", FRAMES)
    command = [sys.executable, "-c", code, path, path.parent / "frames.npy"]
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ProjectError, match=rf"another program \(process {other.pid}\)"):
            reopen(path)
        other.kill()
    # Killed: the lock that it left is taken over.
    assert (path / "owner.json").exists()
    with reopen(path) as session:
        assert len(session.objects) == 1


def test_another_computer_has_it(path):
    begin(path).close()
    (path / "owner.json").write_text(json.dumps({"pid": 7, "host": f"not-{platform.node()}"}))
    with pytest.raises(ProjectError, match=r"on the computer 'not-.*delete '.*owner.json'"):
        reopen(path)
    (path / "owner.json").unlink()
    reopen(path).close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x", "host": 1}'])
def test_an_owner_that_cannot_be_read_tells_nothing(path, content):
    begin(path).close()
    (path / "owner.json").write_text(content)
    reopen(path).close()


def test_a_project_that_could_not_be_opened_is_not_locked(path):
    begin(path).close()
    for _ in range(2):
        with pytest.raises(ProjectError, match="frames of"):
            reopen(path, FRAMES[1:])
    reopen(path).close()


# --- disks --------------------------------------------------------------------------------------


@posix
def test_a_folder_deleted_in_the_middle(path, tmp_path):
    session = begin(path)
    session.add_object()
    draw(session, 5)
    list(session.propagate())
    before = everything(session)
    shutil.rmtree(path)
    for action in (
        session.add_object,
        lambda: draw(session, 7),
        lambda: session.accept(3),
        session.undo,
        lambda: list(session.propagate()),
    ):
        with pytest.raises(ProjectError, match=r"is gone|could not be written.*Save the project"):
            action()
        assert everything(session) == before
    session.save(tmp_path / "saved.ivos")
    session.add_object()
    before = everything(session)
    session.close()
    with reopen(tmp_path / "saved.ivos") as again:
        assert everything(again) == before


@posix
def test_a_deleted_folder_can_be_saved_to_its_old_place(path):
    with begin(path) as session:
        session.add_object()
        shutil.rmtree(path)
        session.save(path)
        session.add_object()
    with reopen(path) as session:
        assert len(session.objects) == 2


@posix
def test_masks_that_are_gone_with_the_folder_are_told_of(path, tmp_path):
    with begin(path, cache_bytes=1) as session:
        session.add_object()
        draw(session, 5)
        list(session.propagate())
        shutil.rmtree(path)
        with pytest.raises(ProjectError, match="38 of its stored masks were lost"):
            session.save(tmp_path / "saved.ivos")
        assert session.project == tmp_path / "saved.ivos"
    with reopen(tmp_path / "saved.ivos") as session:
        assert session.pending_frames == ()
        assert session.strokes(5)


FULL = """
import resource, signal, sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from fakes import FakeEngine
from napari_ivos.errors import ProjectError
from napari_ivos.session import Session
from projects import FRAMES, begin, draw, everything

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
session = begin(sys.argv[1])
session.add_object()
draw(session, 5)
list(session.propagate())
said, size = set(), session._project._journal.position[1]
for limit in range(size + 1, size + 400, 13):
    before = everything(session)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for action in (
        session.add_object,
        lambda: draw(session, 7),
        lambda: session.mark_absent(1, 3, 5),
        lambda: session.undo() if session.undo_text[:9] != "propagate" else None,
    ):
        end = session._project._journal.position[1]
        try:
            action()
        except ProjectError as error:
            said.add(str(error))
            assert session._project._journal.position[1] == end
            assert everything(session) == before
        before = everything(session)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
session.add_object()
before = everything(session)
session.close()
assert len(said) == 1, said
again = Session.open(sys.argv[1], FRAMES, engine=FakeEngine())
assert everything(again) == before
again.close()
print(said.pop())
"""


@posix
def test_a_disk_that_fills_up_takes_nothing_away(path):
    # The system refuses to let any file grow beyond a limit: as on a full disk, lines are torn.
    done = subprocess.run(
        [sys.executable, "-c", FULL, path, Path(__file__).parents[1]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cannot be written to: File too large. Free some disk space" in done.stdout


@posix
def test_masks_that_do_not_fit_on_the_disk(path, monkeypatch):
    with begin(path) as session:
        session.add_object()
        draw(session, 5)
        before = everything(session)

        class Full(io.FileIO):
            def write(self, content):
                super().write(content[:10])
                raise OSError(28, "No space left on device")

        real = Path.open

        def full(file, mode="r", *args, **kwargs):
            return Full(file, "x") if mode == "xb" else real(file, mode, *args, **kwargs)

        monkeypatch.setattr(Path, "open", full)
        for action in (lambda: session.accept(3), lambda: list(session.propagate())):
            with pytest.raises(ProjectError, match=r"No space left on device. Free some disk"):
                action()
            assert everything(session) == before
        monkeypatch.undo()
        assert list((path / "frames").iterdir()) == []
        list(session.propagate())
        before = everything(session)
    with reopen(path) as session:
        assert everything(session) == before


@not_root
def test_a_read_only_folder(path, made):
    path.chmod(0o555)
    try:
        with pytest.raises(ProjectError, match=r"cannot be written to.*Copy it"):
            reopen(path)
        with pytest.raises(ProjectError, match="cannot be written to"):
            begin(path / "new.ivos")
    finally:
        path.chmod(0o755)


def test_a_folder_that_refuses_to_be_written_to(path, made, monkeypatch):
    # What a read-only disk answers, also to those who may write everywhere.
    real = os.open

    def refuse(file, flags, *args, **kwargs):
        if str(file).startswith(str(path)) and flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(30, "Read-only file system", str(file))
        return real(file, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ProjectError, match=r"cannot be written to: Read-only file system. Copy it"):
        reopen(path)
    monkeypatch.undo()
    with reopen(path) as session:
        assert everything(session) == made


def add_objects_for_a_while(session):
    for _ in range(1500):
        time.sleep(0.02)
        session.add_object()


def test_a_disk_that_fails_later_is_told_of_at_the_next_step(path, monkeypatch):
    with begin(path) as session:

        def broken(_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", broken)
        session.add_object()
        with pytest.raises(ProjectError, match="does not keep what is written: Input/output"):
            add_objects_for_a_while(session)
        monkeypatch.undo()
        session.undo()
        session.add_object()
        before = everything(session)
    with reopen(path) as session:
        assert everything(session) == before


def test_a_folder_that_nobody_may_look_into(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(ProjectError, match="cannot be read: Permission denied"):
        Session.open(tmp_path)
