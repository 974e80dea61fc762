import pytest
import torch

from napari_ivos.checkpoints import list_checkpoints
from napari_ivos.errors import CheckpointError
from napari_ivos.methods import list_methods
from napari_ivos.methods.weights import identify, table, verify

GIS = {"encoder.weight": (2, 3), "encoder.bias": (2,), "head.weight": (1,)}
INTERACTION = {"Encoder.mean": (1, 3), "Decoder.bias": (4,)}
PROPAGATION = {"Encoder.mean": (1, 3), "Encoder.std": (1, 3), "Decoder.bias": (4,)}
PAIR = {"I_e290.pth": INTERACTION, "P_e290.pth": PROPAGATION}
TWINS = {"GIS-ckpt_standard.pth": GIS, "GIS-ckpt_wo_YTIVOStrainset.pth": GIS}
KNOWN = {**TWINS, **PAIR}


def tensors(shapes):
    return {key: torch.ones(shape) for key, shape in shapes.items()}


@pytest.fixture
def save(tmp_path):
    def save(name, content):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("name", "shapes", "files"),
    [
        ("ckpt_standard.pth", GIS, ["GIS-ckpt_standard.pth"]),
        ("GIS-ckpt_standard (1).pth", GIS, ["GIS-ckpt_standard.pth"]),
        ("ckpt_wo_ytivostrainset.pth", GIS, ["GIS-ckpt_wo_YTIVOStrainset.pth"]),
        ("weights.pth", GIS, list(TWINS)),
        ("x.pth", INTERACTION, ["I_e290.pth"]),
        ("I_e290.pth", PROPAGATION, ["P_e290.pth"]),
        ("x.pth", {"other": (1,)}, []),
    ],
)
def test_a_file_is_recognised_by_what_is_in_it(save, name, shapes, files):
    found = identify(save(name, tensors(shapes)), KNOWN)
    assert [item.name for _, item in found] == files


def test_what_does_not_fit_is_compared_with_what_is_nearest(save):
    path = save("some.pth", tensors({**PROPAGATION, "Decoder.bias": (5,), "more": (1,)}))
    with pytest.raises(CheckpointError) as caught:
        verify(path, PAIR)
    assert caught.value.message == (
        f"'{path}' is not P_e290.pth: 1 unknown (more); "
        "1 of another shape (Decoder.bias (5 instead of 4))."
    )


def test_a_name_is_a_promise(save):
    path = save("P_e290.pth.part", tensors(INTERACTION))
    with pytest.raises(CheckpointError, match=r"is not P_e290.pth: 1 missing \(Encoder.std\)"):
        verify(path, PAIR)
    verify(save("mine.pth", tensors(INTERACTION)), PAIR)


def test_good_files_pass(save):
    verify(save("x.pth", tensors(GIS)), TWINS)
    verify(save("I_e290.pth", tensors(INTERACTION)), PAIR)


def test_a_file_of_the_right_make_with_wrong_values_is_refused(save):
    state = {**tensors(GIS), "encoder.bias": torch.tensor([float("inf"), 0])}
    with pytest.raises(CheckpointError, match=r"not finite \(encoder.bias\)"):
        verify(save("x.pth", state), TWINS)


def test_a_file_with_a_wrong_sum_is_refused(save):
    values = torch.tensor([1.25, 2.5])
    path = save("x.pth", {**tensors(GIS), "encoder.bias": values})
    content = values.numpy().tobytes()
    path.write_bytes(path.read_bytes().replace(content, content[::-1]))
    with pytest.raises(CheckpointError, match="a checksum is wrong"):
        verify(path, TWINS)


def test_methods_describe_all_their_files_as_the_records_do():
    for spec in list_methods():
        known = table(spec)
        items = {item.name: item for one in list_checkpoints(spec.name) for item in one.files}
        assert not known or known.keys() == items.keys()
        for name, shapes in known.items():
            counters = [key for key in shapes if key.endswith("num_batches_tracked")]
            sizes = [torch.Size(shape).numel() for shape in shapes.values()]
            assert len(shapes) in items[name].entries
            assert sum(sizes) - len(counters) == items[name].numbers
