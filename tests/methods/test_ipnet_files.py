"""The two files of IPNet: what is taken, what is missing or wrong, and the authors' old format."""

import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from napari_ivos import checkpoints, cli
from napari_ivos.errors import CheckpointError
from napari_ivos.methods import get_method, verify_checkpoint
from napari_ivos.methods._state_dict import load_state_dict
from napari_ivos.methods.ipnet import engine as ipnet
from napari_ivos.methods.ipnet.files import find_pair, load_networks

INTERACTION, PROPAGATION = "I_e290.pth", "P_e290.pth"


@pytest.fixture
def checkpoint(ipnet_checkpoint):
    return ipnet_checkpoint


def link(folder, **files):
    for name, target in files.items():
        (folder / f"{name}_e290.pth").symlink_to(target)
    return folder


def test_a_folder_or_either_file_stands_for_both(checkpoint):
    pair = checkpoint / INTERACTION, checkpoint / PROPAGATION
    for path in (checkpoint, *pair):
        assert find_pair(path) == pair


def test_what_is_missing_is_said(tmp_path, checkpoint):
    def said(path):
        with pytest.raises(CheckpointError) as caught:
            find_pair(path)
        return caught.value.message

    assert "does not exist" in said(tmp_path / "nothing")
    assert said(tmp_path) == f"Neither of IPNet's two files of weights is in '{tmp_path}'."
    link(tmp_path, I=checkpoint / INTERACTION)
    wanted = f"IPNet has two files of weights, and {PROPAGATION} is not in '{tmp_path}'."
    assert said(tmp_path) == said(tmp_path / INTERACTION) == wanted
    (tmp_path / "mine.pth").write_bytes(b"")
    assert "'mine.pth' is the name of neither" in said(tmp_path / "mine.pth")
    with pytest.raises(CheckpointError, match=r"needs the authors' weights.*checkpoint="):
        ipnet.create("cpu", None)


def test_files_that_are_swapped_or_the_same_are_told_apart(tmp_path, checkpoint):
    first, second = checkpoint / INTERACTION, checkpoint / PROPAGATION
    cases = {
        "swapped": ({"I": second, "P": first}, "are swapped"),
        "both I": ({"I": first, "P": first}, f"that of {PROPAGATION} is missing"),
        "both P": ({"I": second, "P": second}, f"that of {INTERACTION} is missing"),
    }
    for name, (files, said) in cases.items():
        (tmp_path / name).mkdir()
        with pytest.raises(CheckpointError) as caught:
            load_networks(link(tmp_path / name, **files))
        assert said in caught.value.message, name
        assert "RuntimeError" not in str(caught.value)


def test_one_file_of_the_pair_is_verified_alone(tmp_path, checkpoint, monkeypatch):
    for name in (INTERACTION, PROPAGATION):
        verify_checkpoint("ipnet", checkpoint / name)
    (tmp_path / "beside").mkdir()
    wrong = link(tmp_path / "beside", I=checkpoint / PROPAGATION) / INTERACTION
    with pytest.raises(CheckpointError, match=r"is not I_e290.pth: .* missing"):
        verify_checkpoint("ipnet", wrong)
    user = tmp_path / "user"
    monkeypatch.setattr("napari_ivos.checkpoints._locate.user_folder", lambda: user)
    monkeypatch.setenv(checkpoints.ENVIRONMENT, str(user))
    for name in (INTERACTION, PROPAGATION):
        added = CliRunner().invoke(cli.app, ["checkpoints", "add", str(checkpoint / name)])
        assert added.exit_code == 0, added.output
    assert checkpoints.find("ipnet") == user
    assert find_pair(user) == (user / INTERACTION, user / PROPAGATION)
    for name in (INTERACTION, PROPAGATION):
        (user / name).unlink()


def test_the_licence_is_shown():
    assert "non-commercial" in get_method("ipnet").licence
    for command in (["methods"], ["checkpoints", "list"]):
        lines = CliRunner().invoke(cli.app, command).output.splitlines()
        (line,) = [line for line in lines if line.startswith("ipnet")]
        assert "CC BY-NC-SA 4.0" in line


class LegacyPickler(pickle.Pickler):
    """Tensors as torch 0.3.1 wrote them, on a graphics card."""

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = OrderedDict()

    def persistent_id(self, value):
        if isinstance(value, Storage):
            self.storages[value.key] = value.array
            return ("storage", torch.cuda.FloatStorage, value.key, "cuda:1", value.array.size, None)
        return None


class Storage:
    def __init__(self, key, array):
        self.key = key
        self.array = array


class Rebuilt:
    """Pickles as a call of ``torch._utils._rebuild_tensor`` with four arguments."""

    def __init__(self, key, array):
        self.storage = Storage(key, array)
        self.shape = array.shape

    def __reduce__(self):
        steps = tuple(int(np.prod(self.shape[place + 1 :])) for place in range(len(self.shape)))
        return torch._utils._rebuild_tensor, (self.storage, 0, self.shape, steps)


def save_as_of_old(path, state):
    with path.open("wb") as file:
        for head in (0x1950A86A20F9469CFC6C, 1001):
            pickle.dump(head, file, protocol=2)
        sizes = {"short": 2, "int": 4, "long": 4}
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
        pickle.dump(system, file, protocol=2)
        pickler = LegacyPickler(file)
        named = ((f"module.{key}", value.numpy()) for key, value in state.items())
        values = OrderedDict(
            (key, Rebuilt(str(number), array)) for number, (key, array) in enumerate(named)
        )
        pickler.dump(values)
        pickle.dump(list(pickler.storages), file, protocol=2)
        for array in pickler.storages.values():
            file.write(struct.pack("<q", array.size) + array.astype("<f4").tobytes())


def test_files_of_the_authors_kind_are_read(tmp_path, checkpoint):
    """From torch 0.3.1: no zip, no counters, a prefix, and storages on a graphics card."""
    state = torch.load(checkpoint / INTERACTION, weights_only=True)
    kept = {key: value for key, value in state.items() if "num_batches" not in key}
    assert len(kept) == 313
    path = tmp_path / INTERACTION
    save_as_of_old(path, kept)
    verify_checkpoint("ipnet", path)
    found = load_state_dict(path)
    assert found.keys() == kept.keys()
    for key, value in found.items():
        assert torch.equal(value, kept[key]), key
    network, _ = load_networks(link(tmp_path, P=checkpoint / PROPAGATION))
    assert sum(value.numel() for value in network.state_dict().values()) > 46e6
    path.unlink()
