"""Folders of pictures, and single pictures."""

import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_ivos.errors import VideoError
from napari_ivos.video import open_video

GREY = np.random.default_rng(3).integers(0, 256, (24, 32), dtype=np.uint8)
COLOUR = np.random.default_rng(4).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def as_grey(picture):
    return np.repeat(picture[..., None], 3, axis=2)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "jpg"])
def test_a_folder_in_natural_order_without_hidden_and_other_files(tmp_path, suffix):
    for number in (0, 1, 2, 9, 10, 11, 100):
        picture = Image.fromarray(np.full((24, 32, 3), number, np.uint8))
        picture.save(tmp_path / f"Frame{number}.{suffix}")
    (tmp_path / f".hidden5.{suffix}").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / f"folder.{suffix}").mkdir()
    video = open_video(tmp_path)
    assert video.shape == (7, 24, 32, 3)
    assert [int(frame.mean()) for frame in video] == [0, 1, 2, 9, 10, 11, 100]
    assert (video.name, video.source) == (tmp_path.name, tmp_path)
    np.testing.assert_array_equal(video.reopen()[4], video[4])


def test_pictures_are_opened_without_decoding_them(tmp_path, monkeypatch):
    for number in range(4):
        Image.fromarray(COLOUR).save(tmp_path / f"{number}.png")
    decoded = []
    original = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda *given: (decoded.append(1), original(*given))[1])
    video = open_video(tmp_path)
    assert len(decoded) == 0
    np.testing.assert_array_equal(video[2], COLOUR)
    assert len(decoded) == 1


@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_kept(tmp_path, picture, suffix):
    deep = picture.astype(np.uint16) * 100 + 7
    path = tmp_path / f"deep.{suffix}"
    cv2.imwrite(str(path), deep[..., ::-1] if deep.ndim == 3 else deep)
    video = open_video(path)
    assert video._source.dtype == np.uint16
    [(_, raw)] = video._source.read(0, lambda _: False)
    np.testing.assert_array_equal(raw, deep if deep.ndim == 3 else deep[..., None])


def test_16_bits_of_an_8_bit_folder_give_the_same_frames(tmp_path):
    for folder, factor, dtype in (("narrow", 1, np.uint8), ("wide", 257, np.uint16)):
        (tmp_path / folder).mkdir()
        for number in range(3):
            picture = np.roll(GREY, number, axis=0).astype(dtype) * dtype(factor)
            cv2.imwrite(str(tmp_path / folder / f"{number}.png"), picture)
    wide, narrow = open_video(tmp_path / "wide"), open_video(tmp_path / "narrow")
    np.testing.assert_array_equal(np.asarray(wide), np.asarray(narrow))


def test_8_and_16_bits_side_by_side_have_one_white(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), GREY)
    cv2.imwrite(str(tmp_path / "b.png"), GREY.astype(np.uint16) * 257)
    video = open_video(tmp_path)
    np.testing.assert_array_equal(video[0], as_grey(GREY))
    np.testing.assert_array_equal(video[1], as_grey(GREY))


def test_palettes_alpha_bits_and_grey_among_colours(tmp_path):
    few = COLOUR // 64 * 64
    indexed = Image.fromarray(few).quantize(256)
    shown = np.asarray(indexed.convert("RGB"))
    indexed.save(tmp_path / "0.png")
    indexed.save(tmp_path / "1.png", transparency=0)
    Image.fromarray(np.dstack([COLOUR, GREY])).save(tmp_path / "2.png")
    Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(255 - GREY)]).save(tmp_path / "3.png")
    Image.fromarray(GREY > 99).save(tmp_path / "4.png")
    expected = [shown, shown, COLOUR, as_grey(GREY), as_grey(np.where(GREY > 99, 255, 0))]
    np.testing.assert_array_equal(np.asarray(open_video(tmp_path)), expected)


def test_a_cameras_orientation_mark_is_left_alone(tmp_path):
    mark = Image.Exif()
    mark[0x0112] = 6
    for name in ("a.jpg", "b.png", "c.tif"):
        Image.fromarray(GREY).save(tmp_path / name, exif=mark)
    video = open_video(tmp_path)
    assert video.shape == (3, 24, 32, 3)
    assert np.abs(video[0].astype(int) - video[1]).mean() < 12
    np.testing.assert_array_equal(video[1], video[2])


def test_the_content_counts_not_the_name(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "really.jpg", format="PNG")
    np.testing.assert_array_equal(open_video(tmp_path / "really.jpg")[0], COLOUR)


def test_a_single_picture_is_a_video_of_one_frame(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "one.png")
    video = open_video(tmp_path / "one.png", channels=0)
    assert video.shape == (1, 24, 32, 3)


def test_two_sizes_are_named(tmp_path):
    for name, side in (("a1", 24), ("a2", 24), ("a10", 25)):
        Image.fromarray(np.zeros((side, 32), np.uint8)).save(tmp_path / f"{name}.png")
    with pytest.raises(VideoError, match=r"a1.png has 24 × 32 .* a10.png has 25 × 32"):
        open_video(tmp_path)


def test_two_numbers_of_channels_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((24, 32), np.uint8))
    tifffile.imwrite(
        tmp_path / "b.ome.tif", np.zeros((2, 24, 32), np.uint8), metadata={"axes": "CYX"}
    )
    with pytest.raises(VideoError, match=r"a.tif has 1 channels and b.ome.tif has 2"):
        open_video(tmp_path)


def test_a_stack_in_a_folder_of_pictures_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((7, 24, 32), np.uint8))
    with pytest.raises(VideoError, match=r"stack.tif is a stack of 7 frames"):
        open_video(tmp_path)


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(VideoError, match="holds no pictures"):
        open_video(tmp_path)


def test_axes_are_refused(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "0.png")
    with pytest.raises(VideoError, match="axes= is for stacks"):
        open_video(tmp_path, axes="TYX")


@pytest.mark.parametrize("name", ["notes.png", "notes.jpg", "notes.bmp"])
def test_text_under_a_pictures_name(tmp_path, name):
    (tmp_path / name).write_text("Monday: fed the fish.\n" * 9)
    with pytest.raises(VideoError, match=f"{name} is not a picture"):
        open_video(tmp_path)


def test_a_picture_cut_off_is_named_when_it_is_read(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "0.png")
    content = (tmp_path / "0.png").read_bytes()
    (tmp_path / "1.png").write_bytes(content[:40])
    video = open_video(tmp_path)
    video[0]
    with pytest.raises(VideoError, match=r"1.png cannot be (decoded|read)"):
        video[1]


def test_a_picture_changed_meanwhile_is_named(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "0.png")
    video = open_video(tmp_path)
    Image.fromarray(COLOUR[:5]).save(tmp_path / "0.png")
    with pytest.raises(VideoError, match=r"0.png is not what it was"):
        video[0]
    (tmp_path / "0.png").unlink()
    with pytest.raises(VideoError, match=r"0.png cannot be read"):
        video[0]


def test_bombs_are_refused_by_their_headers(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "bomb.png")
    content = bytearray((tmp_path / "bomb.png").read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(VideoError, match=r"bomb.png claims frames of 60000 × 60000"):
        open_video(tmp_path / "bomb.png")
    Image.fromarray(COLOUR).save(tmp_path / "bomb.bmp")
    content = bytearray((tmp_path / "bomb.bmp").read_bytes())
    content[18:26] = struct.pack("<ii", 60_000, 60_000)
    (tmp_path / "bomb.bmp").write_bytes(content)
    with pytest.raises(VideoError, match=r"bomb.bmp claims more pixels"):
        open_video(tmp_path / "bomb.bmp")


@pytest.mark.parametrize("name", ["moving.webp", "moving.png"])
def test_animations_are_not_shown_as_their_first_frame(tmp_path, name):
    frames = [Image.fromarray(np.full((20, 30, 3), grey, np.uint8)) for grey in (10, 90, 200)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    with pytest.raises(VideoError, match="is an animation"):
        open_video(tmp_path / name)
    frames[0].save(tmp_path / name)
    assert len(open_video(tmp_path / name)) == 1
