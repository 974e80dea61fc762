"""Label maps of many frames become references, whatever they come as."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from fakes import FakeEngine
from napari_ivos.errors import StrokeError, VideoError
from napari_ivos.export import export_masks
from napari_ivos.session import Session
from projects import begin, everything, reopen

FRAMES, HEIGHT, WIDTH = 20, 30, 40


@pytest.fixture
def labels():
    """Two cells that walk, 7 and 300; nothing on frames 4 and 5."""
    made = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint16)
    for t in range(FRAMES):
        made[t, 5:10, t : t + 5] = 7
        made[t, 15:25, 10:20] = 300
    made[4:6] = 0
    return made


class Counted:
    """An array that keeps account of what was read of it."""

    def __init__(self, labels):
        self.shape, self.read, self._labels = labels.shape, [], labels

    def __getitem__(self, index):
        self.read.append(index)
        return self._labels[index]

    def __array__(self, *_, **__):
        raise AssertionError("the whole stack was loaded")


def labelled(session):
    return [t for t in range(FRAMES) if session.masks[t].any()]


def test_all_objects_on_all_frames_with_their_ids(session, labels):
    assert session.add_masks(labels) == FRAMES - 2
    assert [item.id for item in session.objects] == [1, 7, 300]
    assert np.array_equal(session.masks, labels)
    assert session.annotated_frames == (*range(4), *range(6, FRAMES))


def test_frames_are_read_one_by_one_and_only_those_of_the_range(session, labels):
    counted = Counted(labels)
    assert session.add_masks(counted, 7, 10) == 3
    assert counted.read == [7, 8, 9]
    assert labelled(session) == [7, 8, 9]


def test_it_is_one_step_of_undo(session, labels, draw):
    draw(2)
    session.interact(2)
    before = everything(session)
    session.add_masks(labels)
    after = everything(session)
    session.undo()
    assert everything(session)[:7] == before[:7]
    assert "masks on frames 0 to 19" in session.redo_text
    session.redo()
    assert everything(session) == after


def test_frames_without_labels_are_taken_on_request(session, labels):
    assert session.add_masks(labels, empty=True) == FRAMES
    assert session.annotated_frames == tuple(range(FRAMES))


def test_no_run_changes_what_was_imported_and_the_gap_is_filled(session, labels, run):
    session.add_masks(labels)
    assert set(run(3)) == {3, 4, 5}
    assert labelled(session) == list(range(FRAMES))
    assert np.array_equal(session.masks[6], labels[6])


def test_evidence_may_be_changed(session, labels):
    session.add_masks(labels, 0, 1, lock=False)
    assert not session._history.frame(0).trusted
    session.add_stroke(0, 7, [[28, 2], [28, 8]], 1)
    assert session.interact(0)[28, 4] == 7


def test_a_single_map_goes_to_one_frame(session, labels):
    assert session.add_masks(labels[0], 6) == 1
    assert labelled(session) == [6]


def test_it_survives_the_program(tmp_path, labels):
    with begin(tmp_path / "a.ivos") as session:
        session.add_masks(labels)
        before = everything(session)
    with reopen(tmp_path / "a.ivos") as again:
        assert everything(again) == before
        again.undo()
        assert labelled(again) == []


def test_what_a_person_paints_meanwhile_stays(session, labels):
    plan = session.plan_masks(_stack(labels))
    results = plan.run()
    assert plan.commit(next(results))
    square = np.zeros((HEIGHT, WIDTH), int)
    square[:4, :4] = 1
    session.paint(2, square, square > 0)
    for given in results:
        plan.commit(given)
    assert session.masks[2][0, 0] == 1
    assert not (session.masks[2] == 300).any()
    assert np.array_equal(session.masks[3], labels[3])


def test_results_do_not_count_once_it_was_undone(session, labels):
    plan = session.plan_masks(_stack(labels))
    results = plan.run()
    plan.commit(next(results))
    session.undo()
    assert not plan.alive
    assert not plan.commit(next(results))
    assert labelled(session) == []
    session._store.settle()


def _stack(labels):
    from napari_ivos.video import open_labels

    return open_labels(labels)


# --- files ----------------------------------------------------------------------------------------


def _tif(path, labels):
    tifffile.imwrite(path / "m.tif", labels, metadata={"axes": "TYX"})
    return path / "m.tif"


def _npz(path, labels):
    np.savez_compressed(path / "m.npz", other=np.arange(3), masks=labels)
    return path / "m.npz"


def _only(path, labels):
    np.savez(path / "m.npz", labels.astype(np.int32))
    return path / "m.npz"


def _columns(path, labels):
    np.savez(path / "m.npz", masks=np.asfortranarray(labels))
    return path / "m.npz"


def _npy(path, labels):
    np.save(path / "m.npy", labels)
    return path / "m.npy"


def _exported(path, labels, name):
    export_masks(path / name, labels, objects=())
    return path / name


def _pngs(path, labels):
    (path / "m").mkdir()
    for t, frame in enumerate(labels):
        Image.fromarray(frame).save(path / "m" / f"frame{t}.png")
    return path / "m"


def _palette(path, labels):
    (path / "m").mkdir()
    for t, frame in enumerate(labels):
        picture = Image.fromarray((frame % 256).astype(np.uint8), mode="P")
        picture.putpalette(np.random.default_rng(0).integers(0, 255, 768).tolist())
        picture.save(path / "m" / f"{t:05d}.png")
    return path / "m"


@pytest.mark.parametrize(
    "write",
    [
        _tif,
        _npz,
        _only,
        _columns,
        _npy,
        _pngs,
        _palette,
        lambda path, labels: _exported(path, labels, "m.tif"),
        lambda path, labels: _exported(path, labels, "m.npz"),
        lambda path, labels: _exported(path, labels, "m.zarr"),
    ],
)
def test_files(tmp_path, labels, write):
    wanted = labels % 256 if write is _palette else labels
    with Session(np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8), engine=FakeEngine()) as session:
        assert session.add_masks(write(tmp_path, labels)) == FRAMES - 2
        assert np.array_equal(session.masks, wanted)


def test_a_picture_is_one_frame(session, labels, tmp_path):
    Image.fromarray(labels[0]).save(tmp_path / "first.png")
    assert session.add_masks(tmp_path / "first.png") == 1
    assert np.array_equal(session.masks[0], labels[0])


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda p: np.zeros((FRAMES, 9, 9), int), StrokeError, "have frames of"),
        (lambda p: np.zeros((3, HEIGHT, WIDTH), int), StrokeError, "have 3 frames, and the video"),
        (lambda p: np.ones((FRAMES, HEIGHT, WIDTH)), StrokeError, "Frame 0: Labels must be whole"),
        (lambda p: np.full((FRAMES, HEIGHT, WIDTH), -1), StrokeError, "have -1. Number them anew"),
        (lambda p: np.zeros((2, FRAMES, HEIGHT, WIDTH), int), VideoError, "no label maps"),
        (lambda p: p / "missing.tif", VideoError, "no file"),
        (lambda p: _broken(p / "m.npz"), VideoError, "no NumPy archive"),
        (lambda p: _pickled(p / "m.npz"), VideoError, "no stack of labels"),
        (lambda p: _broken(p / "m.png"), VideoError, "cannot be read"),
        (lambda p: _colours(p / "m.tif"), VideoError, "3 channels"),
        (lambda p: _photograph(p / "m.jpg"), VideoError, "does not keep labels"),
    ],
)
def test_mistakes_are_one_sentence(session, tmp_path, spoil, error, sentence):
    with pytest.raises(error, match=sentence):
        session.add_masks(spoil(tmp_path))
    assert labelled(session) == []
    assert session.undo_text == "add object 1"


def test_a_range_must_lie_in_the_video(session, labels):
    with pytest.raises(StrokeError, match="not a range"):
        session.add_masks(labels, 5, 30)


def _broken(path):
    path.write_bytes(b"nothing of the kind")
    return path


def _pickled(path):
    np.savez(path, np.array([[{}]], dtype=object))
    return path


def _photograph(file):
    Image.fromarray(np.full((HEIGHT, WIDTH), 3, np.uint8)).save(file)
    return file


def _colours(path):
    pixels = np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    tifffile.imwrite(path, pixels, photometric="rgb")
    return path


def test_damage_anywhere_is_one_sentence(session, tmp_path):
    # Pillow raises a bare ValueError for the one, numpy the error of a parser for the other.
    Image.fromarray(np.ones((HEIGHT, WIDTH), np.uint8)).save(tmp_path / "m.png")
    np.savez(tmp_path / "m.npz", masks=np.ones((HEIGHT, WIDTH), np.uint8))
    for name, old, new in (("m.png", b"\x0dIHDR", b"\x05IHDR"), ("m.npz", b", }", b",  ")):
        file = tmp_path / name
        content = file.read_bytes()
        assert content.count(old) == 1
        file.write_bytes(content.replace(old, new))
        with pytest.raises(VideoError, match=name):
            session.add_masks(file)
