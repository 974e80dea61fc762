import importlib
import shutil

import pytest

from methods.golden import made_up


@pytest.fixture(scope="session")
def made_up_weights(tmp_path_factory):
    """Where made-up weights of a method lie; they take seconds to make, so all tests share them."""
    written = {}

    def path(method):
        if method not in written:
            folder = tmp_path_factory.mktemp(method)
            written[method] = folder, made_up.WRITE[method](folder)
        return written[method][1]

    yield path
    for folder, _ in written.values():
        shutil.rmtree(folder)


@pytest.fixture(scope="package")
def quick_network(made_up_weights):
    """The network of gis or atnet as processors run it; all tests share it, nothing changes it."""
    loaded = {}

    def network(method):
        if method not in loaded:
            model = importlib.import_module(f"napari_ivos.methods.{method}.model")
            loaded[method] = model.load_network(made_up_weights(method))
            loaded[method].speed_up()
        return loaded[method]

    return network


@pytest.fixture
def out_of_memory(monkeypatch):
    """Make a device run out of memory for the first so many calls of a model's method."""
    import torch

    def run_out(model, name, times):
        work, left = getattr(model, name), iter(range(times))

        def fail(*arguments):
            if next(left, None) is not None:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return work(*arguments)

        monkeypatch.setattr(model, name, fail)

    return run_out


@pytest.fixture(scope="package")
def ipnet_checkpoint(made_up_weights):
    """A folder with both files of made-up weights for IPNet."""
    return made_up_weights("ipnet")


@pytest.fixture(scope="package")
def ipnet_networks(ipnet_checkpoint):
    """Its networks; several models may share them: they are sped up once, then never changed."""
    # The description of a method must not need torch, so nothing here imports it at the top.
    from napari_ivos.methods.ipnet.files import load_networks

    return load_networks(ipnet_checkpoint)
