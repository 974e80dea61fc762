import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_ivos.errors import ExportError
from napari_ivos.export import check_export, check_inputs, export_masks, list_formats
from napari_ivos.masks import davis_palette


@dataclass(frozen=True)
class Thing:
    id: int
    name: str


class LazyMasks:
    """Masks that can be read frame by frame only, and that keep a record of it."""

    def __init__(self, data, fails_at=None, error=None):
        self._data = data
        self._fails_at = fails_at
        self._error = error
        self.shape = data.shape
        self.dtype = data.dtype
        self.read = []

    def __array__(self, *_args, **_kwargs):
        raise AssertionError("read as a whole")

    def __getitem__(self, index):
        assert isinstance(index, int)
        if index == self._fails_at:
            raise self._error
        self.read.append(index)
        return self._data[index]


def make_masks(length=5, top=3, shape=(12, 17)):
    rng = np.random.default_rng(7)
    return rng.integers(0, top + 1, (length, *shape), dtype=np.uint16)


def read_image(file: Path, page=0):
    with Image.open(file) as image:
        image.seek(page)
        return np.array(image), image.mode, image.getpalette(), getattr(image, "n_frames", 1)


def read_png(folder: Path):
    files = sorted(folder.iterdir())
    return np.stack([read_image(file)[0] for file in files])


def read_npz(path: Path):
    with np.load(path, allow_pickle=False) as archive:
        return archive["masks"]


READERS = {"out": read_png, "out.tif": tifffile.imread, "out.tiff": tifffile.imread}
READERS["out.npz"] = read_npz
everywhere = pytest.mark.parametrize("name", READERS)


@everywhere
def test_masks_come_back_as_they_were(tmp_path, name):
    masks = make_masks()
    export_masks(tmp_path / name, masks)
    assert np.array_equal(READERS[name](tmp_path / name), masks)


@everywhere
def test_frames_are_read_once_in_order_and_never_as_a_whole(tmp_path, name):
    lazy = LazyMasks(make_masks())
    export_masks(tmp_path / name, lazy)
    assert lazy.read == [0, 1, 2, 3, 4]


@everywhere
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path, name, error):
    earlier = make_masks(length=3)
    export_masks(tmp_path / name, earlier)
    broken = LazyMasks(make_masks(), fails_at=3, error=error)
    expected = ExportError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        export_masks(tmp_path / name, broken)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert np.array_equal(READERS[name](tmp_path / name), earlier)


@everywhere
def test_a_failure_at_a_new_place_leaves_nothing(tmp_path, name):
    broken = LazyMasks(make_masks(), fails_at=1, error=OSError(28, "No space left on device"))
    with pytest.raises(ExportError, match=r"No space left on device\. Choose another"):
        export_masks(tmp_path / name, broken)
    assert list(tmp_path.iterdir()) == []


@everywhere
def test_a_shorter_export_replaces_a_longer_one(tmp_path, name):
    export_masks(tmp_path / name, make_masks(length=6))
    export_masks(tmp_path / name, make_masks(length=2))
    assert len(READERS[name](tmp_path / name)) == 2


@pytest.mark.parametrize("name", ["out.tif", "out.npz"])
def test_ids_up_to_the_largest_survive(tmp_path, name):
    masks = make_masks(top=65_534)
    export_masks(tmp_path / name, masks)
    assert np.array_equal(READERS[name](tmp_path / name), masks)


@pytest.mark.parametrize("name", ["out.tif", "out.npz"])
def test_memory_does_not_grow_with_the_length(tmp_path, name):
    page = np.zeros((1, 256, 256), dtype=np.uint16)
    masks = LazyMasks(np.broadcast_to(page, (400, 256, 256)))
    export_masks(tmp_path / name, LazyMasks(page))  # imports what it needs
    tracemalloc.start()
    export_masks(tmp_path / name, masks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * page.nbytes / 4


def test_png_has_the_davis_palette_and_names(tmp_path):
    export_masks(tmp_path / "out", make_masks(top=255))
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [f"{index:05d}.png" for index in range(5)]
    _, mode, palette, _ = read_image(tmp_path / "out" / "00000.png")
    assert mode == "P"
    assert palette == davis_palette().ravel().tolist()


def test_palette_png_refuses_ids_that_it_cannot_hold(tmp_path):
    masks = make_masks(top=255)
    masks[3, 2, 2] = 300
    with pytest.raises(ExportError, match=r"object 300.*\.tif"):
        export_masks(tmp_path / "out", masks)
    assert list(tmp_path.iterdir()) == []


def test_palette_png_refuses_known_ids_before_reading_anything(tmp_path):
    lazy = LazyMasks(make_masks())
    with pytest.raises(ExportError, match="object 256"):
        export_masks(tmp_path / "out", lazy, objects=[Thing(1, "a"), Thing(256, "b")])
    assert lazy.read == []


def test_greyscale_png_holds_any_id(tmp_path):
    masks = make_masks(top=65_534)
    export_masks(tmp_path / "out", masks, objects=[Thing(65_534, "last")], greyscale=True)
    assert np.array_equal(read_png(tmp_path / "out"), masks)
    assert read_image(tmp_path / "out" / "00000.png")[1] == "I;16"


def test_png_fills_an_empty_folder(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ".DS_Store").write_bytes(b"")
    masks = make_masks()
    export_masks(folder, masks)
    assert np.array_equal(read_png(folder), masks)


@pytest.mark.parametrize("foreign", ["notes.txt", "00007.png", "holiday.png", "sub"])
def test_a_folder_with_other_files_is_left_alone(tmp_path, foreign):
    folder = tmp_path / "out"
    export_masks(folder, make_masks())
    if foreign == "sub":
        (folder / foreign).mkdir()
    else:
        Image.new("L", (3, 3)).save(folder / foreign, format="PNG")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(ExportError, match="holds other files"):
        export_masks(folder, make_masks(length=2))
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_trailing_separator_means_a_folder(tmp_path):
    export_masks(f"{tmp_path / 'cells.v2'}/", make_masks())
    assert len(read_png(tmp_path / "cells.v2")) == 5


def test_tiff_names_its_axes_and_type(tmp_path):
    export_masks(tmp_path / "out.tif", make_masks())
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.is_ome
        assert not file.is_bigtiff
        assert len(file.pages) == 5
        assert file.series[0].axes == "TYX"
        assert file.series[0].dtype == np.uint16
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_tiff_of_one_frame_keeps_its_time_axis(tmp_path):
    masks = make_masks(length=1)
    export_masks(tmp_path / "out.tif", masks)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.series[0].get_shape(squeeze=False)[0] == 1
        assert np.array_equal(file.pages[0].asarray(), masks[0])


def test_tiff_pages_can_be_read_without_tifffile(tmp_path):
    masks = make_masks()
    export_masks(tmp_path / "out.tif", masks)
    page, _, _, pages = read_image(tmp_path / "out.tif", page=4)
    assert pages == 5
    assert np.array_equal(page, masks[4])


def test_a_stack_over_four_gib_becomes_bigtiff(tmp_path, monkeypatch):
    from napari_ivos.export import tiff

    monkeypatch.setattr(tiff, "_CLASSIC_BYTES", 1000)
    masks = make_masks()
    export_masks(tmp_path / "out.tif", masks)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.is_bigtiff
    assert np.array_equal(tifffile.imread(tmp_path / "out.tif"), masks)


def test_npz_holds_objects_and_reliability(tmp_path):
    things = [Thing(1, "Zelle 1"), Thing(7, "größte")]
    scores = [0.5, np.nan, 1.0, 0.25, np.nan]
    export_masks(tmp_path / "out.npz", make_masks(), objects=things, reliability=scores)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as archive:
        assert archive["object_ids"].tolist() == [1, 7]
        assert archive["object_names"].tolist() == ["Zelle 1", "größte"]
        assert np.array_equal(archive["reliability"], scores, equal_nan=True)


def test_npz_without_objects_still_has_every_name(tmp_path):
    export_masks(tmp_path / "out.npz", make_masks())
    with np.load(tmp_path / "out.npz", allow_pickle=False) as archive:
        assert archive["object_ids"].shape == (0,)
        assert archive["object_names"].shape == (0,)
        assert np.isnan(archive["reliability"]).tolist() == [True] * 5


@pytest.mark.parametrize("name", ["out.avi", "out.png", "out.TIFF.gz", "out.v2"])
def test_an_unknown_extension_names_those_there_are(tmp_path, name):
    with pytest.raises(ExportError, match=r"\.npz, .*\.tif, \.tiff, \.zarr, or a path"):
        export_masks(tmp_path / name, make_masks())


def test_the_extension_is_read_in_any_case(tmp_path):
    export_masks(tmp_path / "OUT.TIF", make_masks())
    assert tifffile.imread(tmp_path / "OUT.TIF").shape == (5, 12, 17)


def test_an_unknown_option_is_an_error(tmp_path):
    with pytest.raises(ExportError, match=r"no option 'quality' for TIFF"):
        export_masks(tmp_path / "out.tif", make_masks(), quality=3)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ExportError, match="There is no folder"):
        check_export(tmp_path / "nowhere" / "out.tif")


def test_a_folder_in_the_files_place_is_an_error(tmp_path):
    (tmp_path / "out.tif").mkdir()
    with pytest.raises(ExportError, match="is a folder, not a file"):
        check_export(tmp_path / "out.tif")


def test_a_file_in_the_folders_place_is_an_error(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ExportError, match="is a file, not a folder"):
        check_export(tmp_path / "out")


@pytest.mark.parametrize(
    "masks", [np.zeros((4, 4), np.uint16), np.zeros((0, 4, 4), np.uint16), np.zeros((2, 4, 4))]
)
def test_what_are_no_masks_is_refused(tmp_path, masks):
    with pytest.raises(ExportError, match="cannot be exported"):
        export_masks(tmp_path / "out.tif", masks)
    assert list(tmp_path.iterdir()) == []


def test_a_link_keeps_pointing_to_its_file(tmp_path):
    (tmp_path / "real.tif").write_bytes(b"old")
    (tmp_path / "link.tif").symlink_to(tmp_path / "real.tif")
    export_masks(tmp_path / "link.tif", make_masks())
    assert (tmp_path / "link.tif").is_symlink()
    assert tifffile.imread(tmp_path / "real.tif").shape == (5, 12, 17)


def test_formats_claim_no_extension_and_no_name_twice():
    suffixes = [suffix for form in list_formats() for suffix in form.suffixes]
    assert len(suffixes) == len(set(suffixes)) == 7
    names = [form.name for form in list_formats()]
    assert len(names) == len(set(names)) == 8


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="needs a user without all rights")
def test_a_write_protected_folder_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match="cannot be written to"):
        check_export(tmp_path / "out.tif")


def test_a_folder_that_nobody_may_look_into_is_an_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "masks").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ExportError, match="Permission denied"):
        check_export(tmp_path / "masks")


def test_exporting_loads_no_torch():
    code = (
        "import sys, json, numpy as np, tempfile, napari_ivos.export as e;"
        "e.export_masks(tempfile.mkdtemp() + '/m.tif', np.zeros((2, 8, 8), np.uint16));"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not {"torch", "napari", "qtpy"} & set(json.loads(done.stdout))


@pytest.mark.parametrize("name", ["masks", "masks.tif"])
def test_a_home_folder_is_found(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    export_masks(f"~/{name}", make_masks())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "name", ["a" * 300 + ".tif", "a" * 245 + ".tif", "a" * 245, "no\0name.tif"]
)
def test_names_that_cannot_be_are_found_before_anything_is_done(tmp_path, name):
    with pytest.raises(ExportError):
        check_export(tmp_path / name)


def test_what_masks_are_made_from_is_not_written_over(tmp_path):
    stack, folder = tmp_path / "cells.tif", tmp_path / "frames"
    folder.mkdir()
    os.symlink(stack, tmp_path / "link.tif")
    for path, found in ((stack, stack), (tmp_path / "link.tif", stack), (folder, folder)):
        with pytest.raises(ExportError, match="which they are made from"):
            check_inputs(path, [None, found])
    with pytest.raises(ExportError, match="which they are made from"):
        check_inputs(folder / "masks.tif", [folder])
    for path in (folder / "table.csv", folder / "masks", tmp_path / "masks.tif"):
        check_inputs(path, [stack, folder])
