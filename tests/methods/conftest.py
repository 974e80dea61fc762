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
