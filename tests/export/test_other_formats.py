"""Formats for other programs, read back by those or by libraries that know nothing of this one."""

import csv
import json

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_ivos.errors import ExportError
from napari_ivos.export import Origin, check_export, export_masks
from napari_ivos.export._overlay import STYLES, overlay
from napari_ivos.export.coco import encode
from napari_ivos.session import Session
from napari_ivos.video import open_video


class Thing:
    def __init__(self, object_id, name):
        self.id, self.name = object_id, name


class Pictures:
    """A video of two channels in 16 bits, with a pixel size."""

    scale = (0.5, 0.25)
    unit = "nm"
    frame_rate = 4.0

    def __init__(self, length=4, size=(13, 18)):
        rng = np.random.default_rng(1)
        self.raw = rng.integers(0, 60000, (length, *size, 2), dtype=np.uint16)

    def __getitem__(self, index):
        return np.repeat(self.raw[index][..., :1] >> 8, 3, axis=2).astype(np.uint8)

    def intensities(self, index):
        return self.raw[index]


@pytest.fixture
def masks():
    made = np.zeros((4, 13, 18), np.uint16)
    for t in range(4):
        made[t, 2:6, 3 + t : 8 + t] = 1
        made[t, 8:12, 10:14] = 700
    made[2][made[2] == 700] = 0  # away for one frame
    return made


OBJECTS = (Thing(1, "first"), Thing(700, "late, one"))


# --- COCO ----------------------------------------------------------------------------------------


# The tools' own, under numpy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_is_read_by_its_own_tools(tmp_path, masks):
    coco_tools = pytest.importorskip("pycocotools.coco")
    path = tmp_path / "masks.json"
    export_masks(path, masks, objects=OBJECTS, parents={700: 1})
    coco = coco_tools.COCO(path)
    back = np.zeros_like(masks)
    for annotation in coco.loadAnns(coco.getAnnIds()):
        t = coco.loadImgs(annotation["image_id"])[0]["frame_id"]
        mask = coco.annToMask(annotation).astype(bool)
        back[t][mask] = annotation["track_id"]
        assert annotation["area"] == mask.sum()
        x, y, width, height = annotation["bbox"]
        assert mask[y : y + height, x : x + width].sum() == mask.sum()
        assert mask[y].any()
        assert mask[:, x].any()
    np.testing.assert_array_equal(back, masks)
    names = {track["id"]: track["name"] for track in coco.dataset["tracks"]}
    assert names == {1: "first", 700: "late, one"}
    assert {track["id"]: track["parent_id"] for track in coco.dataset["tracks"]} == {
        1: None,
        700: 1,
    }


@given(st.integers(0, 2**30), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_run_lengths_are_those_of_coco(seed, height, width, share):
    mask_tools = pytest.importorskip("pycocotools.mask")
    mask = np.random.default_rng(seed).random((height, width)) < share
    mask = np.repeat(mask, 7, axis=0)
    expected = mask_tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert encode(mask) == expected["counts"].decode()


def test_coco_of_empty_masks_is_valid(tmp_path):
    path = tmp_path / "m.json"
    export_masks(path, np.zeros((2, 5, 6), np.uint16))
    assert json.loads(path.read_text())["annotations"] == []


# --- Cell Tracking Challenge ---------------------------------------------------------------------


def test_tracks_follow_the_rules_of_the_challenge(tmp_path, masks):
    folder = tmp_path / "TRA"
    export_masks(folder, masks, objects=OBJECTS, format="ctc")
    files = sorted(folder.glob("*.tif"))
    assert [file.name for file in files] == [f"man_track{t:03}.tif" for t in range(4)]
    images = np.stack([tifffile.imread(file) for file in files])
    assert images.dtype == np.uint16
    lines = (folder / "man_track.txt").read_text().splitlines()
    rows = [list(map(int, line.split())) for line in lines]
    for label, begin, end, _ in rows:
        there = [t for t in range(4) if (images[t] == label).any()]
        assert there == list(range(begin, end + 1)), "no gaps"
    assert set(np.unique(images)) == {0, *(row[0] for row in rows)}
    assert [row for row in rows if row[3]] == [[701, 3, 3, 700]], "what comes back has a parent"
    np.testing.assert_array_equal(images > 0, masks > 0)


def test_an_earlier_export_is_replaced_and_other_peoples_files_are_not(tmp_path, masks):
    folder = tmp_path / "TRA"
    export_masks(folder, masks, format="ctc")
    export_masks(folder, masks[:2], format="ctc")
    assert len(list(folder.glob("*.tif"))) == 2
    tifffile.imwrite(folder / "man_track099.tif", masks[0])
    with pytest.raises(ExportError, match="holds other files"):
        export_masks(folder, masks, format="ctc")


@pytest.fixture
def divided():
    """Object 1 divides on frame 4 into 2 and 300; it is away on frame 2."""
    made = np.zeros((7, 13, 18), np.uint16)
    made[:4, 2:6, 3:12] = 1
    made[2] = 0
    made[4:, 2:6, 3:7], made[4:, 2:6, 9:13] = 2, 300
    return made


@pytest.mark.parametrize(
    ("options", "table", "image"),
    [({}, "man_track", "man_track"), ({"results": True}, "res_track", "mask")],
)
def test_divisions_are_in_the_table_of_tracks(tmp_path, divided, options, table, image):
    folder = tmp_path / "TRA"
    for _ in range(2):  # an earlier export is known by either name
        export_masks(folder, divided, parents={2: 1, 300: 1}, format="ctc", **options)
    rows = np.loadtxt(folder / f"{table}.txt", dtype=int)
    assert rows.tolist() == [[1, 0, 1, 0], [2, 4, 6, 301], [300, 4, 6, 301], [301, 3, 3, 1]]
    files = sorted(folder.glob("*.tif"))
    assert [file.name for file in files] == [f"{image}{t:03}.tif" for t in range(7)]
    images = np.stack([tifffile.imread(file) for file in files])
    for label, begin, end, parent in rows:
        assert [t for t in range(7) if (images[t] == label).any()] == list(range(begin, end + 1))
        assert not parent or end > rows[rows[:, 0] == parent][0, 2], "parents end before"


def test_a_parent_that_goes_on_or_never_was_is_no_parent_of_the_challenge(tmp_path, masks):
    export_masks(tmp_path / "TRA", masks, parents={700: 1, 1: 9}, format="ctc")
    rows = np.loadtxt(tmp_path / "TRA" / "man_track.txt", dtype=int)
    assert rows.tolist() == [[1, 0, 3, 0], [700, 0, 1, 0], [701, 3, 3, 700]]


def test_a_session_exports_its_divisions(tmp_path, session, draw, run):
    draw(5)
    run()
    daughters = session.divide(1, 8)
    for daughter, y in zip(daughters, (9, 13), strict=True):
        draw(8, y=y, object_id=daughter)
    run()
    session.export(tmp_path / "TRA", format="ctc")
    rows = np.loadtxt(tmp_path / "TRA" / "man_track.txt", dtype=int)
    assert rows.tolist() == [[1, 0, 7, 0], [2, 8, 19, 1], [3, 8, 19, 1]]
    session.export(tmp_path / "t.csv")
    assert {(row["object"], row["parent"]) for row in table(tmp_path / "t.csv")} == {
        ("1", ""), ("2", "1"), ("3", "1"),
    }  # fmt: skip
    session.export(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as archive:
        assert archive["object_parents"].tolist() == [0, 1, 1]
    session.export(tmp_path / "m.json")
    tracks = json.loads((tmp_path / "m.json").read_text())["tracks"]
    assert [(track["name"], track["parent_id"]) for track in tracks] == [
        ("object 1", None), ("object 1.1", 1), ("object 1.2", 1),
    ]  # fmt: skip


# --- OME-Zarr ------------------------------------------------------------------------------------


def test_ome_zarr_has_levels_scales_and_names(tmp_path):
    size = (600, 520)
    masks = np.zeros((3, *size), np.uint16)
    masks[:, 100:300, 200:400] = 5
    video = Pictures(3, size)
    path = tmp_path / "masks.zarr"
    export_masks(path, masks, objects=(Thing(5, "cell"),), video=video)
    root = zarr.open_group(path, mode="r")
    ome = root.attrs["ome"]
    (image,) = ome["multiscales"]
    assert [axis["name"] for axis in image["axes"]] == ["t", "y", "x"]
    assert [axis["unit"] for axis in image["axes"]] == ["second", "nanometer", "nanometer"]
    levels = [root[item["path"]] for item in image["datasets"]]
    scales = [item["coordinateTransformations"][0]["scale"] for item in image["datasets"]]
    assert [level.shape for level in levels] == [(3, 600, 520), (3, 300, 260)]
    assert scales == [[0.25, 0.5, 0.25], [0.25, 1.0, 0.5]]
    assert levels[0].chunks[0] == 1
    np.testing.assert_array_equal(levels[0][:], masks)
    np.testing.assert_array_equal(levels[1][:], masks[:, ::2, ::2])
    assert ome["version"] == "0.5"
    assert ome["image-label"]["properties"] == [{"label-value": 5, "name": "cell"}]
    assert [item["label-value"] for item in ome["image-label"]["colors"]] == [5]


def test_an_earlier_ome_zarr_is_replaced_and_another_one_is_not(tmp_path, masks):
    path = tmp_path / "masks.zarr"
    export_masks(path, masks)
    export_masks(path, masks[:1])
    assert zarr.open_group(path, mode="r")["0"].shape[0] == 1
    zarr.open_group(tmp_path / "other.zarr", mode="w").create_array("0", shape=(2,), dtype="i4")
    with pytest.raises(ExportError, match="holds other files"):
        export_masks(tmp_path / "other.zarr", masks)


# --- table ---------------------------------------------------------------------------------------


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_measures_each_object_on_each_frame(tmp_path, masks):
    video = Pictures()
    human = np.full((13, 18), -1, np.int32)
    human[masks[1] == 1] = 1
    human[8, 10] = 700
    origins = {0: Origin(True, True, None), 1: Origin(False, True, human)}
    path = tmp_path / "t.csv"
    export_masks(
        path,
        masks,
        objects=OBJECTS,
        reliability=[0.5, np.nan, 0.25, 1],
        video=video,
        origin=lambda t: origins.get(t, Origin(False, False, None)),
    )
    rows = table(path)
    assert [(row["frame"], row["object"]) for row in rows] == [
        ("0", "1"), ("0", "700"), ("1", "1"), ("1", "700"), ("2", "1"), ("3", "1"), ("3", "700"),
    ]  # fmt: skip
    row = rows[2]
    inside = masks[1] == 1
    y, x = np.nonzero(inside)
    assert float(row["area_px"]) == inside.sum()
    assert float(row["area"]) == pytest.approx(inside.sum() * 0.125)
    assert (float(row["y_px"]), float(row["x_px"])) == (y.mean(), x.mean())
    assert (float(row["y"]), float(row["x"])) == (y.mean() * 0.5, x.mean() * 0.25)
    box = [int(row[key]) for key in ("top", "left", "bottom", "right")]
    assert box == [y.min(), x.min(), y.max() + 1, x.max() + 1]
    for channel in range(2):
        mean = video.raw[1][inside][:, channel].mean()
        assert float(row[f"mean_intensity_{channel}"]) == pytest.approx(mean)
    assert float(row["time"]) == 0.25
    assert row["name"] == "first"
    assert [r["reliability"] for r in rows[1:3]] == ["0.5", ""]
    sources = [r["source"] for r in rows[:5]]
    assert sources == ["accepted", "accepted", "human", "model and human", "model"]


def test_a_table_without_a_video_has_what_the_masks_tell(tmp_path, masks):
    path = tmp_path / "t.csv"
    export_masks(path, masks)
    row = table(path)[0]
    assert row["area_px"] == "20"
    assert row["area"] == row["time"] == row["source"] == row["name"] == ""
    assert not any(key.startswith("mean") for key in row)


def test_a_session_measures_what_the_file_holds_and_says_who_said_so(tmp_path):
    raw = np.full((3, 20, 24), 1000, np.uint16)
    raw[:, 5:12, 6:14] = 4000
    with Session(raw, method="flow") as session:
        session.add_object("bright")
        session.add_mask(1, (raw[1] > 2000).astype(np.uint16))
        list(session.propagate())
        session.export(tmp_path / "t.csv")
        session.export(tmp_path / "m.mp4", style="fade")
    rows = {row["frame"]: row for row in table(tmp_path / "t.csv")}
    assert [rows[t]["source"] for t in "012"] == ["model", "accepted", "model"]
    assert [rows[t]["annotated"] for t in "012"] == ["0", "1", "0"]
    assert float(rows["1"]["mean_intensity_0"]) == 4000
    assert len(open_video(tmp_path / "m.mp4")) == 3


# --- overlay video -------------------------------------------------------------------------------


def test_a_movie_shows_the_frames_under_their_masks(tmp_path, masks):
    video = Pictures()
    video.raw[:] = 20000
    path = tmp_path / "m.mp4"
    export_masks(path, masks, video=video, style="cut")
    movie = open_video(path)
    assert movie.shape == (4, 14, 18, 3), "players want even sides"
    assert movie.frame_rate == pytest.approx(4)
    inside, outside = movie[1][4, 6].astype(int), movie[1][10, 3].astype(int)
    assert np.ptp(inside) < 40, "grey, as the picture is"
    assert outside[0] - outside[1] > 100, "magenta"
    assert outside[2] - outside[1] > 100
    export_masks(path, np.minimum(masks, 1), video=video, palette="okabe-ito")
    red, green, blue = open_video(path)[1][4, 6].astype(int)
    assert red > green > blue, "vermilion, where DAVIS has a dark red"
    assert green - blue > 15


@pytest.mark.parametrize("style", STYLES)
def test_styles_leave_objects_to_be_seen(style, masks):
    frame = np.full((13, 18, 3), 100, np.uint8)
    shown = overlay(frame, masks[0], style)
    assert shown.shape == frame.shape
    assert shown.dtype == np.uint8
    inside, outside = shown[4, 5], shown[0, 0]
    assert (inside != outside).any()
    if style in ("fade", "checker", "cut"):
        assert (inside == 100).all()
    else:
        assert (outside == 100).all()
    assert (frame == 100).all(), "the frame itself is not touched"


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("m.mp4", {}, "the video is needed"),
        ("m.mp4", {"style": "nice"}, "no style 'nice'"),
        ("m.mp4", {"palette": "nice"}, "no palette 'nice'.*okabe-ito"),
        ("m.mp4", {"frame_rate": 0.0}, "frame rate of 0.0"),
        ("m.mp4", {"frame_rate": "fast"}, "frame rate of fast"),
        ("m.tif", {"format": "ctc"}, "no name for the format 'ctc'"),
        ("m", {"format": "doc"}, "no format 'doc'"),
        ("m", {"format": "zarr"}, r"It writes \.zarr"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(tmp_path, masks, path, options, said):
    with pytest.raises(ExportError, match=said):
        export_masks(tmp_path / path, masks, **options)
    assert not list(tmp_path.iterdir())


def test_it_can_be_asked_beforehand(tmp_path):
    check_export(tmp_path / "m", format="ctc")
    with pytest.raises(ExportError, match="no style"):
        check_export(tmp_path / "m.mp4", style="nice")


def test_a_track_with_a_gap_beside_the_largest_id(tmp_path):
    masks = np.zeros((3, 4, 5), np.uint16)
    masks[[0, 2], 1] = 2
    masks[:, 2] = 65_534
    masks[0, 0], masks[2, 0] = 1, 1
    export_masks(tmp_path / "tracks", masks, format="ctc")
    lines = (tmp_path / "tracks" / "man_track.txt").read_text(encoding="ascii").split("\n")[:-1]
    # Behind the largest there is one more number, then those that nobody has.
    assert lines == ["1 0 0 0", "2 0 0 0", "3 2 2 2", "65534 0 2 0", "65535 2 2 1"]


def test_a_name_that_no_text_file_can_hold(tmp_path, session):
    session.rename_object(1, "half \ud800")
    session.add_mask(0, np.ones((30, 40), int))
    session.export(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["half \\ud800"]


@pytest.mark.parametrize("unit", ["µm", "nm", None])
@pytest.mark.parametrize("name", ["masks.tif", "masks.zarr"])
def test_pixel_sizes_come_back_from_stacks(tmp_path, masks, name, unit):
    video = Pictures()
    video.unit = unit
    export_masks(tmp_path / name, masks, video=video)
    with open_video(tmp_path / name) as found:
        assert (found.scale, found.unit) == (video.scale, unit)
        assert found.frame_rate == pytest.approx(video.frame_rate)


@pytest.mark.parametrize(("own", "shown"), [(1 / 3600, 10), (1e12, 10), (1.0, 1), (25.0, 25)])
def test_a_time_lapse_is_shown_at_a_pace_to_watch(tmp_path, masks, own, shown):
    video = Pictures()
    video.frame_rate = own
    export_masks(tmp_path / "m.mp4", masks, video=video)
    with open_video(tmp_path / "m.mp4") as movie:
        assert movie.frame_rate == pytest.approx(shown)
