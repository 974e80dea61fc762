"""What is no video is refused with one sentence, and one about what to do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_ivos.errors import VideoError
from napari_ivos.evaluation.dataset import open_dataset
from napari_ivos.video import open_labels, open_video


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (np.zeros(30), "has 1 axis"),
        (np.float64(3.0), "is a single value"),
        (np.zeros((0, 20, 30)), "is empty"),
        (np.zeros((5, 20, 0)), "is empty"),
        (np.zeros((5, 20, 30), complex), "are not intensities"),
        (np.full((5, 20, 30), "a"), "are not intensities"),
        (np.zeros((5, 20, 30), "M8[s]"), "are not intensities"),
        (np.broadcast_to(np.uint8(0), (2, 70_000, 10)), "claims frames of 70000 × 10"),
        (np.broadcast_to(np.uint8(0), (2, 60_000, 60_000)), "claims frames of 60000 × 60000"),
        (None, "A NoneType is not a video"),
        (3, "A int is not a video"),
        ([np.zeros((20, 30))], "A list is not a video"),
        ({}, "A dict is not a video"),
    ],
)
def test_objects_that_are_no_video(source, sentence):
    with pytest.raises(VideoError, match=sentence) as caught:
        open_video(source)
    assert caught.value.hint
    assert caught.value.message.endswith(".")
    assert "\n" not in str(caught.value)


def test_shapes_that_are_not_known_yet():
    class Unknown:
        shape, dtype = (float("nan"), 20, 30), np.dtype(np.uint8)

        def __getitem__(self, key):
            raise AssertionError

    with pytest.raises(VideoError, match="not a numpy array's"):
        open_video(Unknown())


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.mp4", None, "There is no file or folder"),
        ("none", None, "There is no file or folder"),
        ("empty.mp4", b"", "empty.mp4 is empty"),
        ("empty.tif", b"", "empty.tif is empty"),
        ("table.csv", b"1,2", "Files that end in .csv cannot be opened"),
        ("plain", b"1,2", "plain is not of a kind"),
        ("cells.nd2", b"1,2", "a microscope's own format"),
        ("text.tif", b"Monday: fed the fish.", "text.tif cannot be read as TIFF"),
        ("text.npy", b"Monday: fed the fish.", "text.npy cannot be read as a numpy array"),
    ],
)
def test_files_that_are_no_video(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=sentence) as caught:
        open_video(str(path))
    assert caught.value.hint


def test_names_that_no_file_can_have(tmp_path):
    for path in (tmp_path / ("a" * 300 + ".tif"), tmp_path / ("a" * 300)):
        for read in (open_video, open_labels):
            with pytest.raises(VideoError, match="cannot be read"):
                read(path)


@pytest.mark.parametrize("read", [open_video, open_labels, open_dataset])
def test_what_may_not_be_read(tmp_path, monkeypatch, read):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(VideoError, match="You may not read it"):
        read(tmp_path)


def test_axes_that_are_no_letters():
    with pytest.raises(VideoError, match="axes=5 is not one letter per axis"):
        open_video(np.zeros((4, 20, 30), np.uint8), axes=5)


def test_a_movie_without_anything_in_it(tmp_path, movie):
    # What is said about a file whose index, at its end, was cut off.
    cut = tmp_path / "cut.mp4"
    content = movie("h264").read_bytes()
    cut.write_bytes(content[: content.index(b"moov") + 200])
    with pytest.raises(VideoError, match=r"Nothing can be found in cut.mp4"):
        open_video(cut)


def test_importing_the_package_loads_no_decoder():
    heavy = {"av", "cv2", "tifffile", "zarr", "PIL", "torch", "napari"}
    code = f"import sys, napari_ivos.video; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
