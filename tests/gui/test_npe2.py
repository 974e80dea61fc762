import av
import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels

from napari_ivos.errors import ExportError, VideoError
from napari_ivos.gui import _npe2
from napari_ivos.sample_data import load
from napari_ivos.video import Video


@pytest.fixture
def media(tmp_path):
    """A film of 5 frames that grow brighter."""
    path = tmp_path / "film.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for value in (0, 50, 100, 150, 200):
            pixels = np.full((48, 64, 3), value, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_media_files_become_lazy_rgb_layers(media):
    ((data, given, kind),) = _npe2.get_reader(str(media))(str(media))
    assert isinstance(data, Video)
    layer = Image(data, **given)
    assert kind == "image"
    assert layer.rgb
    assert layer.data is data
    assert layer.ndim == 3
    np.testing.assert_allclose(data[3], 150, atol=6)
    assert layer._slice.image.raw.shape == (48, 64, 3)


def test_several_files_become_several_layers(media):
    assert len(_npe2.read_videos([str(media), str(media)])) == 2


def test_a_damaged_file_is_one_sentence(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(VideoError, match=r"film\.mp4"):
        _npe2.read_videos(str(path))


@pytest.mark.parametrize("name", ["cells", "natural"])
def test_sample_data(name):
    ((data, given, kind),) = getattr(_npe2, name)()
    assert Image(data, **given).rgb
    assert kind == "image"
    np.testing.assert_array_equal(data, load(name).frames)


@pytest.mark.parametrize("name", ["out.tif", "out.npz", "out"])
def test_writer(tmp_path, name):
    masks = np.zeros((3, 8, 9), np.uint16)
    masks[1, 2:5, 3:7] = 4
    data, meta, _ = Labels(masks, name="m").as_layer_data_tuple()
    path = tmp_path / name
    assert _npe2.write_labels(str(path), data, meta) == [str(path)]
    assert path.exists()
    if name == "out.tif":
        np.testing.assert_array_equal(tifffile.imread(path), masks)


def test_the_writer_refuses_what_is_no_video(tmp_path):
    with pytest.raises(ExportError, match="2 dimensions"):
        _npe2.write_labels(str(tmp_path / "a.tif"), np.zeros((8, 9), np.uint16), {"name": "m"})
