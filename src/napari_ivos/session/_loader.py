"""Engines, loaded when they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from napari_ivos.methods import Engine, create_engine, get_method, load_early


class EngineLoader:
    """Loads an engine when it is first needed, in the thread that needs it, and once."""

    def __init__(
        self, load: Callable[[], Engine], prepare: Callable[[], None] = lambda: None
    ) -> None:
        self._load = load
        self.prepare = prepare
        """Loads what `get` takes longest for, in any thread."""
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, method: str, device: str, checkpoint: Path | None) -> EngineLoader:
        """Loader of a method."""
        return cls(
            lambda: create_engine(method, device, checkpoint),
            lambda: load_early(get_method(method)),
        )

    def get(self) -> Engine:
        """The engine."""
        with self._lock:
            if self._engine is None:
                self.prepare()
                self._engine = self._load()
            return self._engine
