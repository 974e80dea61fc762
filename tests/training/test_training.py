"""The training loop: it learns, it goes on where it was, and what it writes can be used."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_ivos.methods.lite.model import load_network, write_weights
from napari_ivos.training.samples import record
from napari_ivos.training.scenes import make_scene
from napari_ivos.training.sources import Sources
from napari_ivos.training.store import Writer
from napari_ivos.training.train import Recipe, train

RECIPE = Recipe(steps=2, moved=1, annotated=1, warm_up=1, pretrained=False)


@pytest.fixture(scope="module")
def samples(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    for name, seeds in (("train", (0, 1)), ("val", (3,))):
        writer = Writer(folder, name)
        for seed in seeds:
            rng = np.random.default_rng(seed)
            for sample in record(rng, make_scene(rng, Sources(data, free_only=True), 3)):
                writer.add(sample)
        writer.close()
    return folder


def rows(out):
    with (out / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_weights_change_and_ship_in_half_precision(samples, tmp_path):
    train(samples, tmp_path, RECIPE, every=1)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2"]
    state = torch.load(tmp_path / "average.pt", weights_only=True)
    file = tmp_path / "lite.safetensors"
    write_weights(state, file, {"about": "a test"})
    assert file.stat().st_size < 10 * 2**20
    network = load_network(file)
    assert sum(weight.numel() for weight in network.parameters()) < 4_000_000
    torch.manual_seed(RECIPE.seed)
    from napari_ivos.methods.lite.network import Lite

    fresh = Lite().moved.key.weight
    assert not torch.equal(network.moved.key.weight, fresh)


def test_an_interrupted_training_goes_on(samples, tmp_path):
    train(samples, tmp_path, RECIPE, every=1)
    train(samples, tmp_path, replace(RECIPE, steps=3), every=1)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3"]
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 3


def test_it_learns_one_sample_by_heart(data, tmp_path):
    rng = np.random.default_rng(0)
    scene = make_scene(rng, Sources(data, free_only=True), 3)
    found = list(record(rng, scene))
    for name in ("train", "val"):
        writer = Writer(tmp_path / "samples", name)
        for moved in (True, False):
            writer.add(next(sample for sample in found if sample.moved == moved))
        writer.close()
    recipe = replace(RECIPE, steps=24, rate=3e-3, average=0.8)
    train(tmp_path / "samples", tmp_path, recipe, every=6)
    losses = [float(row["loss"]) for row in rows(tmp_path)]
    assert losses[-1] < 0.8 * losses[0]
