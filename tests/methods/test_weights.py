import pytest
import torch

from napari_ivos.checkpoints import get_checkpoint, list_checkpoints
from napari_ivos.errors import CheckpointError
from napari_ivos.methods import list_methods
from napari_ivos.methods.weights import identify, tables, verify, verify_all

GIS = {"encoder.weight": (2, 3), "encoder.bias": (2,), "head.weight": (1,)}
INTERACTION = {"Encoder.mean": (1, 3), "Decoder.bias": (4,)}
PROPAGATION = {"Encoder.mean": (1, 3), "Encoder.std": (1, 3), "Decoder.bias": (4,)}
KNOWN = {
    "GIS-ckpt_standard.pth": GIS,
    "GIS-ckpt_wo_YTIVOStrainset.pth": GIS,
    "I_e290.pth": INTERACTION,
    "P_e290.pth": PROPAGATION,
}


def tensors(shapes):
    return {key: torch.ones(shape) for key, shape in shapes.items()}


@pytest.fixture
def save(tmp_path):
    def save(name, content):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("name", "table", "file"),
    [
        ("ckpt_standard.pth", GIS, "GIS-ckpt_standard.pth"),
        ("GIS-ckpt_standard (1).pth", GIS, "GIS-ckpt_standard.pth"),
        ("ckpt_wo_ytivostrainset.pth", GIS, "GIS-ckpt_wo_YTIVOStrainset.pth"),
        ("x.pth", INTERACTION, "I_e290.pth"),
        ("I_e290.pth", PROPAGATION, "P_e290.pth"),
    ],
)
def test_a_file_is_recognised(save, name, table, file):
    checkpoint, found = identify(save(name, tensors(table)), known=KNOWN)
    assert found.name == file
    assert found in checkpoint.files


def test_files_made_alike_need_a_word(save):
    path = save("weights.pth", tensors(GIS))
    with pytest.raises(CheckpointError, match=r"gis-standard or gis-without-youtube.*--as gis-"):
        identify(path, known=KNOWN)
    assert identify(path, "gis-without-youtube", KNOWN)[0].name == "gis-without-youtube"


def test_what_does_not_fit_is_compared_with_what_is_nearest(save):
    path = save("some.pth", tensors({**PROPAGATION, "Decoder.bias": (5,), "more": (1,)}))
    with pytest.raises(CheckpointError) as caught:
        identify(path, known=KNOWN)
    assert caught.value.message == (
        f"'{path}' is not P_e290.pth: 1 unknown (more); "
        "1 of another shape (Decoder.bias (5 instead of 4))."
    )


def test_the_word_of_the_user_does_not_make_it_fit(save):
    path = save("weights.pth", tensors(INTERACTION))
    with pytest.raises(CheckpointError, match=r"is not GIS-ckpt_standard.pth: 3 missing"):
        identify(path, "gis-standard", KNOWN)


def test_without_the_method_entries_are_counted(save):
    atnet = get_checkpoint("atnet").files[0]
    path = save("x.pth", {f"k{i}": torch.zeros(1) for i in range(912)})
    assert identify(path, known={})[1] == atnet
    assert verify(path, atnet, {}) is False
    short = save("ATNet-checkpoint.pth", tensors(GIS))
    with pytest.raises(CheckpointError, match=r"is not ATNet-.*: 3 entries where 912 should be"):
        identify(short, known={})
    with pytest.raises(CheckpointError, match="313 or 366 should be"):
        verify(short, get_checkpoint("ipnet").files[0], {})


def test_a_good_file_is_verified(save):
    file = get_checkpoint("gis-standard").files[0]
    assert verify(save("x.pth", tensors(GIS)), file, KNOWN) is True


def test_a_file_of_the_right_make_with_wrong_values_is_refused(save):
    file = get_checkpoint("gis-standard").files[0]
    state = {**tensors(GIS), "encoder.bias": torch.tensor([float("inf"), 0])}
    with pytest.raises(CheckpointError, match=r"not finite \(encoder.bias\)"):
        verify(save("x.pth", state), file, KNOWN)


def test_a_file_with_a_wrong_sum_is_refused(save):
    file = get_checkpoint("gis-standard").files[0]
    path = save("x.pth", {**tensors(GIS), "encoder.bias": torch.tensor([1.25, 2.5])})
    values = torch.tensor([1.25, 2.5]).numpy().tobytes()
    path.write_bytes(path.read_bytes().replace(values, values[::-1]))
    with pytest.raises(CheckpointError, match="a checksum is wrong"):
        verify(path, file, KNOWN)


def test_a_pair_is_verified_in_its_folder(save, tmp_path):
    ipnet = get_checkpoint("ipnet")
    save("I_e290.pth", tensors(INTERACTION))
    save("P_e290.pth", tensors(INTERACTION))
    with pytest.raises(CheckpointError, match=r"not P_e290.pth: 1 missing \(Encoder.std\)"):
        verify_all(ipnet, tmp_path, KNOWN)
    save("P_e290.pth", tensors(PROPAGATION))
    assert verify_all(ipnet, tmp_path, KNOWN) is True


def test_each_method_that_needs_weights_says_what_is_in_them():
    known = tables()
    for spec in list_methods():
        for checkpoint in list_checkpoints(spec.name):
            for file in checkpoint.files:
                shapes = known[file.name]
                assert len(shapes) in file.entries
                counters = [key for key in shapes if key.endswith("num_batches_tracked")]
                sizes = (torch.Size(shapes[key]).numel() for key in shapes)
                assert sum(sizes) - len(counters) == file.numbers
