import numpy as np
import pytest
import tifffile
from PIL import Image

from evaluation.made_data import HEIGHT, WIDTH, labels_of, write_sequence
from napari_ivos.errors import VideoError
from napari_ivos.evaluation.dataset import open_dataset


def truth_of(sequence):
    video = sequence.open()
    try:
        return sequence.truth(video)
    finally:
        video.close()


def test_davis_2017_has_objects_scribbles_and_lists(davis):
    (davis / "ImageSets" / "2017").mkdir(parents=True)
    (davis / "ImageSets" / "2017" / "val.txt").write_text("pair\n\n")
    (davis / "ImageSets" / "2017" / "train.txt").write_text("pair\nblob\n")
    [pair] = open_dataset(davis)
    assert pair.name == "pair"
    assert [number for number, _ in pair.scribbles] == [1]
    blob, _ = open_dataset(davis, subset="train")
    assert blob.name == "blob"
    assert [number for number, _ in blob.scribbles] == [1, 2]
    truth = truth_of(pair)
    assert truth.objects == (1, 2)
    assert truth.frames == tuple(range(6))
    np.testing.assert_array_equal(truth[3], labels_of(2, 6)[3])


def test_lists_may_name_sequences_with_spaces(davis):
    for kind in ("JPEGImages", "Annotations"):
        (davis / kind / "480p" / "pair").rename(davis / kind / "480p" / "a pair")
    (davis / "ImageSets" / "2017").mkdir(parents=True)
    content = "a pair\r\nblob\r\n".encode("utf-8-sig")
    (davis / "ImageSets" / "2017" / "val.txt").write_bytes(content)
    assert [sequence.name for sequence in open_dataset(davis)] == ["a pair", "blob"]


def test_davis_2016_has_one_object_of_255(tmp_path):
    labels = labels_of(1, 4)
    write_sequence(tmp_path, "dog", labels)
    folder = tmp_path / "Annotations" / "480p" / "dog"
    for t in range(4):
        Image.fromarray(labels[t] * 255).save(folder / f"{t:05d}.png")
    (tmp_path / "ImageSets" / "480p").mkdir(parents=True)
    line = "/JPEGImages/480p/dog/00000.jpg /Annotations/480p/dog/00000.png\n"
    (tmp_path / "ImageSets" / "480p" / "val.txt").write_text(line * 4)
    [dog] = open_dataset(tmp_path)
    truth = truth_of(dog)
    assert truth.objects == (1,)
    assert truth.visible(2) == {1: int(labels[2].sum())}
    np.testing.assert_array_equal(truth[2], labels[2])


def test_void_pixels_beside_objects_are_nobodys(tmp_path):
    labels = labels_of(2, 3)
    labels[:, 50:, :20] = 255
    write_sequence(tmp_path, "pair", labels)
    [pair] = open_dataset(tmp_path)
    truth = truth_of(pair)
    assert truth.objects == (1, 2)
    assert not truth[0][55, 5]


def test_label_255_is_an_object_where_cells_are_numbered_through(tmp_path):
    labels = np.arange(HEIGHT * WIDTH).reshape(1, HEIGHT, WIDTH) % 300
    write_sequence(tmp_path, "cells", np.zeros((1, HEIGHT, WIDTH), np.uint8))
    file = tmp_path / "Annotations" / "480p" / "cells" / "00000.png"
    Image.fromarray(labels[0].astype(np.uint16)).save(file)
    [cells] = open_dataset(tmp_path)
    truth = truth_of(cells)
    assert truth.objects == tuple(range(1, 300))
    np.testing.assert_array_equal(truth[0], labels[0])


def test_frames_without_label_map_are_not_scored(tmp_path):
    write_sequence(tmp_path, "sparse", labels_of(1, 6), keep=(0, 3, 5))
    [sparse] = open_dataset(tmp_path)
    assert truth_of(sparse).frames == (0, 3, 5)


def test_the_youtube_layout_has_no_resolution(tmp_path):
    write_sequence(tmp_path, "0062f687f1", labels_of(1, 6), keep=(0, 5), resolution="")
    [video] = open_dataset(tmp_path)
    assert video.name == "0062f687f1"
    assert truth_of(video).frames == (0, 5)


@pytest.mark.parametrize("name", ["t{:03d}.tif", "man_seg{:03d}.tif"])
def test_any_pair_of_folders(tmp_path, name):
    labels = labels_of(1, 4).astype(np.uint16) * 400
    frames, maps = tmp_path / "frames", tmp_path / "maps"
    frames.mkdir()
    maps.mkdir()
    for t in range(4):
        tifffile.imwrite(frames / f"t{t:03d}.tif", labels[t])
        if t != 1:
            tifffile.imwrite(maps / name.format(t), labels[t])
    [pair] = open_dataset(frames, labels=maps)
    assert pair.name == "frames"
    truth = truth_of(pair)
    assert truth.frames == (0, 2, 3)
    assert truth.objects == (400,)
    np.testing.assert_array_equal(truth[3], labels[3])


def test_pairs_of_folders_of_folders(davis):
    found = open_dataset(davis / "JPEGImages/480p", labels=davis / "Annotations/480p")
    assert [sequence.name for sequence in found] == ["blob", "pair"]


def test_label_maps_of_other_names_go_by_their_order(tmp_path):
    write_sequence(tmp_path, "odd", labels_of(1, 3))
    folder = tmp_path / "Annotations" / "480p" / "odd"
    for t, letter in enumerate("abc"):
        (folder / f"{t:05d}.png").rename(folder / f"{letter}.png")
    [odd] = open_dataset(tmp_path)
    np.testing.assert_array_equal(truth_of(odd)[2], labels_of(1, 3)[2])
    (folder / "b.png").unlink()
    with pytest.raises(VideoError, match="not clear which frames"):
        truth_of(odd)


def test_mistakes_about_the_data_set_get_a_sentence(davis, tmp_path):
    with pytest.raises(VideoError, match="There is no folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(VideoError, match="layout of DAVIS"):
        open_dataset(tmp_path)
    with pytest.raises(VideoError, match=r"no sequence 'cat'.*blob, pair"):
        open_dataset(davis, sequences=["cat"])
    with pytest.raises(VideoError, match="no list of sequences 'test'"):
        open_dataset(davis, subset="test")
    with pytest.raises(VideoError, match="label maps"):
        open_dataset(davis / "JPEGImages/480p", labels=tmp_path / "nowhere")


def test_a_list_cannot_lead_out_of_the_data_set(davis):
    (davis / "ImageSets" / "2017").mkdir(parents=True)
    (davis / "ImageSets" / "2017" / "val.txt").write_text("..\n")
    with pytest.raises(VideoError, match=r"no sequence '\.\.'"):
        open_dataset(davis)


def write_damaged(file, how):
    if how == "cut":
        file.write_bytes(file.read_bytes()[:60])
    elif how == "size":
        Image.fromarray(np.ones((5, 5), np.uint8)).save(file)
    elif how == "colour":
        Image.fromarray(np.ones((HEIGHT, WIDTH, 3), np.uint8)).save(file)
    else:
        for other in file.parent.iterdir():
            Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(other)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "00001.png cannot be read"),
        ("size", "5 × 5 pixels"),
        ("colour", "in colour"),
        ("empty", "hold no object"),
    ],
)
def test_bad_label_maps_get_a_sentence(davis, how, words):
    write_damaged(davis / "Annotations" / "480p" / "blob" / "00001.png", how)
    blob, _ = open_dataset(davis)
    with pytest.raises(VideoError, match=words):
        truth_of(blob)


def test_photographs_are_no_label_maps(davis):
    maps = davis / "Annotations" / "480p" / "blob"
    noise = np.random.default_rng(0).integers(0, 60, (HEIGHT, WIDTH)).astype(np.uint8)
    for file in maps.iterdir():
        Image.fromarray(noise).save(file)
    with pytest.raises(VideoError, match=r"00000\.png of blob looks like a photograph"):
        truth_of(open_dataset(davis, sequences=["blob"])[0])


def test_many_small_cells_side_by_side_are_objects(davis):
    maps = davis / "Annotations" / "480p" / "blob"
    y, x = np.mgrid[:HEIGHT, :WIDTH] // 5
    for file in maps.iterdir():
        Image.fromarray((1 + y * 16 + x).astype(np.uint8)).save(file)
    assert len(truth_of(open_dataset(davis, sequences=["blob"])[0]).objects) == 192
