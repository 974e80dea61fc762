import pytest

from methods.golden import ipnet_case


@pytest.fixture(scope="package")
def ipnet_checkpoint(tmp_path_factory):
    """A folder with both files of made-up weights for IPNet."""
    folder = ipnet_case.save(tmp_path_factory.mktemp("ipnet"))
    yield folder
    for file in folder.iterdir():
        file.unlink()


@pytest.fixture(scope="package")
def ipnet_networks(ipnet_checkpoint):
    """Its networks; several models may share them: they are sped up once, then never changed."""
    # The description of a method must not need torch, so nothing here imports it at the top.
    from napari_ivos.methods.ipnet.files import load_networks

    return load_networks(ipnet_checkpoint)
