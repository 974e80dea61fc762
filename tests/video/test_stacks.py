"""TIFF, npy and zarr files: axes, pixel size and rate from the file, frames only when asked for."""

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_ivos.errors import VideoError
from napari_ivos.video import open_labels, open_video

STACK = np.random.default_rng(8).integers(0, 256, (6, 24, 32), dtype=np.uint8)
WIDE = STACK.astype(np.uint16) * 257


def assert_shows_stack(video):
    np.testing.assert_array_equal(np.asarray(video), np.repeat(STACK[..., None], 3, axis=3))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"compression": "lzw", "predictor": True},
        {"compression": "zstd", "tile": (16, 16)},
        {"imagej": True},
        {"ome": True, "compression": "zlib", "metadata": {"axes": "TYX"}},
        {"rowsperstrip": 5, "compression": "packbits"},
    ],
    ids=str,
)
@pytest.mark.parametrize("data", [STACK, WIDE], ids=["8 bit", "16 bit"])
def test_tiff_stacks_of_any_make(tmp_path, options, data):
    tifffile.imwrite(tmp_path / "cells.tif", data, photometric="minisblack", **options)
    with open_video(tmp_path / "cells.tif") as video:
        assert_shows_stack(video)
        with video.reopen() as other:
            np.testing.assert_array_equal(other[3], video[3])


def test_separate_pages_are_a_stack(tmp_path):
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        for frame in STACK:
            writer.write(frame, metadata=None, contiguous=False)
    assert_shows_stack(open_video(tmp_path / "pages.tif"))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_pages_that_a_loop_wrote_are_a_stack(tmp_path, compression):
    with tifffile.TiffWriter(tmp_path / "loop.tif") as writer:
        for frame in STACK:
            writer.write(frame, compression=compression)
    assert_shows_stack(open_video(tmp_path / "loop.tif"))
    with tifffile.TiffWriter(tmp_path / "sizes.tif") as writer:
        for frame in (STACK[0], STACK[1, 3:]):
            writer.write(frame, compression=compression)
    assert open_video(tmp_path / "sizes.tif").shape == (1, 24, 32, 3)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_tiff(tmp_path, compression, planar):
    colours = np.random.default_rng(1).integers(0, 256, (5, 24, 32, 3), dtype=np.uint8)
    written = colours if planar == "contig" else np.moveaxis(colours, 3, 1)
    tifffile.imwrite(
        tmp_path / "colour.tif",
        written,
        photometric="rgb",
        planarconfig=planar,
        compression=compression,
    )
    np.testing.assert_array_equal(np.asarray(open_video(tmp_path / "colour.tif")), colours)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_channels_of_a_tiff_are_told_by_the_file(tmp_path, compression):
    channels = np.stack([STACK, STACK // 2], axis=1)
    tifffile.imwrite(
        tmp_path / "two.ome.tif", channels, metadata={"axes": "TCYX"}, compression=compression
    )
    video = open_video(tmp_path / "two.ome.tif")
    assert len(video) == 6
    np.testing.assert_array_equal(video[4][..., :2], np.moveaxis(channels[4], 0, 2))
    assert not video[4][..., 2].any()
    assert_shows_stack(open_video(tmp_path / "two.ome.tif", channels=0))


def test_depths_are_frames_and_times_and_depths_are_asked_about(tmp_path):
    tifffile.imwrite(tmp_path / "z.ome.tif", STACK, metadata={"axes": "ZYX"})
    assert_shows_stack(open_video(tmp_path / "z.ome.tif"))
    tifffile.imwrite(
        tmp_path / "tz.ome.tif", STACK[:, None].repeat(2, 1), metadata={"axes": "TZYX"}
    )
    with pytest.raises(VideoError, match="6 times and 2 depths"):
        open_video(tmp_path / "tz.ome.tif")
    assert_shows_stack(open_video(tmp_path / "tz.ome.tif", axes="TCYX", channels=1))


def test_many_channels_without_time_are_frames_unless_said_otherwise(tmp_path):
    tifffile.imwrite(tmp_path / "six.tif", STACK, imagej=True, metadata={"axes": "CYX"})
    assert_shows_stack(open_video(tmp_path / "six.tif"))
    assert len(open_video(tmp_path / "six.tif", axes="CYX")) == 1
    tifffile.imwrite(tmp_path / "four.tif", STACK[:4], imagej=True, metadata={"axes": "CYX"})
    still = open_video(tmp_path / "four.tif")
    np.testing.assert_array_equal(still[0], np.moveaxis(STACK[:3], 0, 2))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_said_axes_outdo_the_files(tmp_path, compression):
    tifffile.imwrite(tmp_path / "s.tif", STACK, compression=compression)
    side = open_video(tmp_path / "s.tif", axes="YTX")
    assert side.shape == (24, 6, 32, 3)
    np.testing.assert_array_equal(side[5][..., 0], STACK[:, 5])


def test_pixel_size_and_rate_of_imagej_and_ome(tmp_path):
    tifffile.imwrite(
        tmp_path / "ij.tif",
        STACK,
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "TYX", "unit": "um", "fps": 7.5},
    )
    ome = {"axes": "TYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "TimeIncrement": 4.0}
    tifffile.imwrite(tmp_path / "o.ome.tif", STACK, metadata=ome)
    tifffile.imwrite(tmp_path / "plain.tif", STACK, resolution=(72, 72))
    assert open_video(tmp_path / "o.ome.tif").name == "o"
    told = [open_video(tmp_path / name) for name in ("ij.tif", "o.ome.tif", "plain.tif")]
    assert [video.scale for video in told] == [(0.5, 0.25), (0.5, 0.25), None]
    assert [video.unit for video in told] == ["µm", "µm", None]
    assert [video.frame_rate for video in told] == [7.5, 0.25, None]


@pytest.mark.parametrize(
    ("told", "scale", "unit", "rate"),
    [
        ({"TimeIncrement": 250.0, "TimeIncrementUnit": "ms"}, (0.5, 0.25), "µm", 4.0),
        ({"TimeIncrement": 2.0, "TimeIncrementUnit": "min"}, (0.5, 0.25), "µm", 1 / 120),
        ({"TimeIncrement": 2.0, "TimeIncrementUnit": "Ym"}, (0.5, 0.25), "µm", None),
        ({"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}, (0.5, 0.25), "nm", None),
        ({"PhysicalSizeXUnit": "mm"}, (0.5, 250.0), "µm", None),
        ({"PhysicalSizeXUnit": "pixel"}, None, None, None),
        ({"PhysicalSizeX": -1.0, "TimeIncrement": -1.0}, None, None, None),
        ({"PhysicalSizeX": "nan", "TimeIncrement": "nan"}, None, None, None),
        ({"PhysicalSizeX": "inf", "TimeIncrement": 1e-320}, None, None, None),
    ],
)
def test_units_of_ome(tmp_path, told, scale, unit, rate):
    ome = {"axes": "TYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "o.ome.tif", STACK, metadata=ome | told)
    video = open_video(tmp_path / "o.ome.tif")
    assert (video.scale, video.unit, video.frame_rate) == (scale, unit, rate)


def test_the_unit_of_time_of_imagej(tmp_path):
    told = {"axes": "TYX", "finterval": 2.0, "tunit": "min"}
    tifffile.imwrite(tmp_path / "ij.tif", STACK, imagej=True, metadata=told)
    assert open_video(tmp_path / "ij.tif").frame_rate == 1 / 120


def test_a_compressed_tiff_is_read_a_page_at_a_time(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "z.tif", STACK, compression="zlib")
    read = []
    original = tifffile.TiffPage.asarray
    monkeypatch.setattr(
        tifffile.TiffPage, "asarray", lambda page: (read.append(page.index), original(page))[1]
    )
    video = open_video(tmp_path / "z.tif")
    assert read == []
    video[4]
    video[1]
    assert read == [4, 1]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"imagej": True}], ids=str)
def test_a_tiff_cut_off_is_refused(tmp_path, options, caplog):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, STACK, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match=r"cut.tif (is cut off|cannot be read as TIFF)"):
        open_video(path)
    # The reader's own remarks about the file would stand beside the sentence in a terminal.
    assert not caplog.records


def test_a_page_that_cannot_be_decoded_is_named(tmp_path):
    path = tmp_path / "hole.tif"
    tifffile.imwrite(path, STACK, compression="zlib")
    with tifffile.TiffFile(path) as file:
        start = file.pages[4].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    video = open_video(path)
    video[3]
    with pytest.raises(VideoError, match="Frame 4 of hole cannot be read"):
        video[4]


@pytest.mark.parametrize("value", [70_000, 2**31 - 1])
def test_a_tiff_that_claims_an_absurd_size_is_refused(tmp_path, value):
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, STACK[0], compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["ImageLength"].overwrite(value, dtype="I")
    with pytest.raises(VideoError, match=r"bomb.tif (claims frames of|cannot be read)"):
        open_video(path)


def test_npy_files_are_mapped_not_loaded(tmp_path):
    np.save(tmp_path / "stack.npy", WIDE)
    video = open_video(tmp_path / "stack.npy")
    assert isinstance(video._source._stack.data, np.memmap)
    assert_shows_stack(video)


def test_npy_files_of_objects_or_cut_off_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([None, {}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "cut.npy", STACK)
    content = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[:2000])
    for name in ("objects.npy", "cut.npy"):
        with pytest.raises(VideoError, match=f"{name} cannot be read as a numpy array"):
            open_video(tmp_path / name)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_arrays_on_disk_and_open(tmp_path, zarr_format):
    store = tmp_path / "cells.zarr"
    array = zarr.create_array(store, data=WIDE, chunks=(1, 24, 32), zarr_format=zarr_format)
    video = open_video(store)
    assert_shows_stack(video)
    assert_shows_stack(video.reopen())
    assert_shows_stack(open_video(array))
    assert (video.name, video.source) == ("cells", store)


def test_names_of_axes_in_zarr_are_used(tmp_path):
    zarr.create_array(
        tmp_path / "named.zarr",
        data=np.stack([STACK, STACK], axis=0),
        dimension_names=["channel", "time", "y", "x"],
    )
    assert len(open_video(tmp_path / "named.zarr")) == 6


@pytest.mark.parametrize("wrapped", [False, True], ids=["0.4", "0.5"])
def test_ome_zarr_gives_its_finest_level(tmp_path, wrapped):
    group = zarr.create_group(tmp_path / "image")
    group.create_array("full", data=STACK[:, None, None], chunks=(1, 1, 1, 24, 32))
    group.create_array("half", data=STACK[:, None, None, ::2, ::2])
    names = [{"name": name, "unit": "nanometer" if name in "yx" else None} for name in "tczyx"]
    levels = [
        {
            "path": path,
            "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 2, 0.5, 0.25]}],
        }
        for path in ("full", "half")
    ]
    metadata = {"multiscales": [{"axes": names, "datasets": levels}]}
    group.attrs.update({"ome": metadata} if wrapped else metadata)
    video = open_video(tmp_path / "image")
    assert_shows_stack(video)
    assert (video.scale, video.unit) == ((0.5, 0.25), "nm")
    metadata["multiscales"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [3, 1, 1, 10, 10]}
    ]
    group.attrs.update({"ome": metadata} if wrapped else metadata)
    assert open_video(tmp_path / "image").scale == (5, 2.5)


def test_a_zarr_group_without_an_image_names_its_arrays(tmp_path):
    group = zarr.create_group(tmp_path / "group.zarr")
    with pytest.raises(VideoError, match="without an OME-Zarr image"):
        open_video(tmp_path / "group.zarr")
    group.create_array("one", data=STACK)
    assert_shows_stack(open_video(tmp_path / "group.zarr"))
    group.create_array("two", data=STACK)
    with pytest.raises(VideoError) as caught:
        open_video(tmp_path / "group.zarr")
    assert "one, two" in caught.value.hint


def test_a_folder_named_zarr_that_is_none_is_refused(tmp_path):
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(VideoError, match=r"empty.zarr cannot be read as zarr"):
        open_video(tmp_path / "empty.zarr")


def test_dask_is_computed_a_frame_at_a_time():
    computed = []

    def block(block_info):
        computed.append(block_info[None]["chunk-location"][0])
        return STACK[computed[-1]][None]

    lazy = da.map_blocks(block, chunks=((1,) * 6, (24,), (32,)), dtype=np.uint8, meta=STACK[:0])
    video = open_video(lazy)
    assert computed == []
    np.testing.assert_array_equal(video[4][..., 0], STACK[4])
    assert computed == [4]


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_where_0_is_white_dark_stays_dark(tmp_path, compression):
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, 255 - STACK, photometric="miniswhite", compression=compression)
    assert_shows_stack(open_video(path))
    np.testing.assert_array_equal(open_labels(path)[2], 255 - STACK[2])


def test_palettes_show_their_colours_and_labels_keep_their_ids(tmp_path):
    path, colours = tmp_path / "indexed.tif", np.random.default_rng(3).integers(0, 256, (256, 3))
    table = (colours.T * 257).astype(np.uint16)
    tifffile.imwrite(path, STACK, photometric="palette", colormap=table)
    np.testing.assert_array_equal(np.asarray(open_video(path)), colours[STACK])
    np.testing.assert_array_equal(np.asarray(open_video(path, axes="ZYX")), colours[STACK])
    np.testing.assert_array_equal(open_video(path, channels=1)[3][..., 0], colours[STACK[3], 1])
    np.testing.assert_array_equal(open_labels(path)[2], STACK[2])
    (tmp_path / "pages").mkdir()
    tifffile.imwrite(tmp_path / "pages" / "0.tif", STACK[0], photometric="palette", colormap=table)
    np.testing.assert_array_equal(open_video(tmp_path / "pages")[0], colours[STACK[0]])
