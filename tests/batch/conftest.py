import pytest

from batch.made_table import Table


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path)
