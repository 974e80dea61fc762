import sys

import pytest

from evaluation.made_data import small_davis
from evaluation.made_engine import ShiftEngine
from napari_ivos.evaluation import play


@pytest.fixture
def davis(tmp_path):
    """Small data set of the DAVIS layout: ``blob`` with two scribbles, ``pair`` with one."""
    return small_davis(tmp_path / "davis")


@pytest.fixture
def shifting(monkeypatch):
    """Play with an engine whose masks get better each round, whatever is drawn."""

    def shifting(labels, **options):
        engine = ShiftEngine(labels, **options)
        monkeypatch.setattr(
            sys.modules[play.__module__], "create_engine", lambda *_: engine.fresh()
        )
        return engine

    return shifting
