import os
import pickle
import zipfile

import pytest
import torch

from napari_ivos.errors import CheckpointError
from napari_ivos.methods._state_dict import compare, find_damage, is_intact, load_state_dict

STATE = {
    "a.weight": torch.arange(6.0).reshape(2, 3),
    "a.bias": torch.tensor([1.0, 2.0]),
    "norm.num_batches_tracked": torch.tensor(7),
}
SHAPES = {"a.weight": (2, 3), "a.bias": (2,), "norm.num_batches_tracked": ()}


class Program:
    """What unpickles into the run of a program."""

    def __reduce__(self):
        return os.mkdir, ("this-must-not-appear",)


@pytest.fixture(params=[True, False], ids=["zip", "older"])
def save(request, tmp_path):
    """`torch.save` in one of its two formats: ``save(content)`` gives the path."""

    def save(content, name="weights.pth"):
        path = tmp_path / name
        torch.save(content, path, _use_new_zipfile_serialization=request.param)
        return path

    return save


def equal(found):
    return found.keys() == STATE.keys() and all(
        torch.equal(found[key], STATE[key]) for key in STATE
    )


def test_both_formats_are_read(save):
    assert equal(load_state_dict(save(STATE)))


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_what_is_wrapped_is_unwrapped(save, wrapper):
    prefixed = {f"module.{key}": value for key, value in STATE.items()}
    assert equal(load_state_dict(save({"epoch": 3, wrapper: prefixed})))


def test_a_prefix_that_only_some_have_is_part_of_their_names(save):
    found = load_state_dict(save({"module.a": STATE["a.bias"], "a": STATE["a.bias"]}))
    assert set(found) == {"module.a", "a"}


@pytest.mark.parametrize(
    "content", [[1, 2], {}, {"a": 1}, {1: torch.zeros(2)}, torch.zeros(2), {"model": {"a": "b"}}]
)
def test_what_is_no_state_dictionary(save, content):
    with pytest.raises(CheckpointError, match="does not hold a network's weights by name"):
        load_state_dict(save(content))


def test_programs_are_not_run(save, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"more than weights \(it asks for '\w+\.mkdir'"):
        load_state_dict(save({"a": Program()}))
    assert not (tmp_path / "this-must-not-appear").exists()


def test_a_whole_network_is_refused(save):
    with pytest.raises(CheckpointError, match=r"it asks for 'torch.nn.modules.linear.Linear'"):
        load_state_dict(save(torch.nn.Linear(2, 2)))


@pytest.mark.parametrize("length", [1, 100, -100, -1])
def test_what_is_cut_short(save, length):
    path = save(STATE)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"damaged or cut short|not a file that torch wrote"):
        load_state_dict(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><html>", "is a web page"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
        (b"\x89PNG and so on", "not a file that torch wrote"),
        (pickle.dumps({"a": 1}), "not a file that torch wrote"),
        (b"PK\x03\x04 and no more", "damaged or cut short"),
    ],
)
def test_other_files(tmp_path, content, says):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        load_state_dict(path)


def test_an_archive_of_files_says_what_to_unpack(tmp_path):
    path = tmp_path / "drive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/weights.pth", b"x")
    with pytest.raises(CheckpointError, match=r"archive.*give 'folder/weights.pth'"):
        load_state_dict(path)


def test_what_unpacks_to_much_more_is_refused(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(10**7))
    with pytest.raises(CheckpointError, match="is compressed"):
        load_state_dict(path)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing.pth' cannot be read: No such file"):
        load_state_dict(tmp_path / "nothing.pth")
    with pytest.raises(CheckpointError, match="cannot be read: "):
        load_state_dict(tmp_path)


def test_what_fits_has_no_faults():
    assert compare(STATE, SHAPES) == []
    old = {key: value for key, value in STATE.items() if "num_batches" not in key}
    assert compare(old, SHAPES) == []
    half = {key: value.half() for key, value in STATE.items()}
    assert compare(half, SHAPES) == []


def test_each_fault_is_counted_and_named():
    found = {
        "a.weight": torch.zeros(3, 2),
        "b": torch.zeros(2),
        "c": torch.zeros(2, dtype=torch.int64),
    }
    many = {f"m{i}": (1,) for i in range(5)}
    assert compare(found, {**SHAPES, "c": (2,), **many}) == [
        "6 missing (a.bias, m0, m1, …)",
        "1 unknown (b)",
        "1 of another shape (a.weight (3×2 instead of 2×3))",
        "1 not of plain floating-point numbers (c)",
    ]
    assert compare({"a": torch.zeros(())}, {"a": (1,)}) == [
        "1 of another shape (a (a single number instead of 1))"
    ]


def test_values_that_no_network_has_are_found():
    assert find_damage(STATE) == []
    spoilt = {**STATE, "a.bias": torch.tensor([1.0, float("nan")])}
    assert find_damage(spoilt) == ["1 with values that are not finite (a.bias)"]


def test_a_flipped_bit_is_noticed_where_the_format_has_sums(save):
    path = save(STATE)
    assert is_intact(path)
    if zipfile.is_zipfile(path):
        content = path.read_bytes()
        values = STATE["a.weight"].numpy().tobytes()
        assert content.count(values) == 1
        path.write_bytes(content.replace(values, bytes(len(values))))
        assert not is_intact(path)
