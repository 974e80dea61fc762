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
def ipnet_checkpoint(made_up_weights):
    """A folder with both files of made-up weights for IPNet."""
    return made_up_weights("ipnet")


@pytest.fixture(scope="package")
def ipnet_networks(ipnet_checkpoint):
    """Its networks; several models may share them: they are sped up once, then never changed."""
    # The description of a method must not need torch, so nothing here imports it at the top.
    from napari_ivos.methods.ipnet.files import load_networks

    return load_networks(ipnet_checkpoint)
