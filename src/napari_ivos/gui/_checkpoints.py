"""Published weights in the window: what a method has, and getting it in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_ivos.checkpoints import (
    Checkpoint,
    CheckpointFile,
    Patience,
    download,
    find,
    install,
    list_checkpoints,
    locate,
    match,
)
from napari_ivos.errors import CheckpointError
from napari_ivos.gui._worker import Work, Worker
from napari_ivos.methods import MethodSpec, verify_checkpoint

_SECONDS_BETWEEN = 0.2
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights that are on this machine."""

    path: Path
    """What `Session` takes: a file, or a folder of several."""
    name: str
    licence: str


def needs_weights(spec: MethodSpec) -> bool:
    """Whether a method runs only with weights that its authors published."""
    return spec.checkpoint == "required"


def find_weights(spec: MethodSpec) -> Weights | None:
    """Look for the weights of a method; None where there are none, or it takes none."""
    if not needs_weights(spec):
        return None
    path = find(spec.name)
    record = next((item for item in list_checkpoints(spec.name) if locate(item)), None)
    if path is None or record is None:
        return None
    return Weights(path, path.name if path.is_file() else record.name, record.licence)


def lacks_weights(spec: MethodSpec) -> bool:
    """Whether a method cannot run for want of weights."""
    return needs_weights(spec) and find_weights(spec) is None


def record_of(spec: MethodSpec) -> Checkpoint | None:
    """The weights to get for a method, unless somebody chooses others."""
    return next(iter(list_checkpoints(spec.name)), None)


class _CancelledError(Exception):
    pass


class Getting(QObject):
    """Adds or downloads weights in a thread, one at a time; both are verified by loading them.

    Signals
    -------
    changed : ()
        It began or ended.
    progressed : str, int, int
        A file's name, and so many MiB of it are there, of so many (0: not known).
    got : ()
        The weights are there.
    failed : Exception
        They are not, for this reason.
    """

    changed = Signal()
    progressed = Signal(str, int, int)
    got = Signal()
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._cancelled = threading.Event()
        self._told = 0.0
        self._worker = Worker()
        self._worker.ended.connect(self._on_ended)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._worker.running

    def add(self, spec: MethodSpec, file: Path) -> None:
        """Verify a file that somebody has, and copy it to where it is found."""

        def work() -> Generator[None, None, None]:
            record, item = _record_of_file(spec, file)
            verify_checkpoint(spec.name, file)
            if not self._cancelled.is_set():
                install(record, item, file)
            yield

        self._start(work)

    def download(self, spec: MethodSpec, record: Checkpoint) -> None:
        """Fetch weights from where their authors put them; goes on where it broke off."""

        def work() -> Generator[None, None, None]:
            download(
                record,
                verify=partial(verify_checkpoint, spec.name),
                progress=self._report,
                # A window that closes waits for no more than this.
                patience=Patience(connect=10, read=15, tries=4, pause=1),
            )
            yield

        self._start(work)

    def cancel(self) -> None:
        """End it at the next chunk; what arrived stays, for the next time."""
        self._cancelled.set()

    def close(self) -> None:
        """Cancel, and listen no more; the thread ends by itself, as a server may be slow."""
        self.cancel()
        self.blockSignals(True)
        self._worker.leave()

    def _start(self, work: Work) -> None:
        self._cancelled.clear()
        self._worker.start(work)
        self.changed.emit()

    def _report(self, name: str, done: int, total: int) -> None:
        # In the thread: the signal is queued for the main one.
        if self._cancelled.is_set():
            raise _CancelledError
        now = time.monotonic()
        if (total and done >= total) or now - self._told > _SECONDS_BETWEEN:
            self._told = now
            self.progressed.emit(name, done // _MIB, total // _MIB)

    def _on_ended(self, error: Exception | None) -> None:
        self.changed.emit()
        if error is None and not self._cancelled.is_set():
            self.got.emit()
        elif error is not None and not isinstance(error, _CancelledError):
            self.failed.emit(error)


def _record_of_file(spec: MethodSpec, file: Path) -> tuple[Checkpoint, CheckpointFile]:
    """What a file is taken for: by its name, else the method's weights if they are one file.

    Raises
    ------
    CheckpointError
        It is another method's, or nothing says which of several files it is.
    """
    known, usual = match(file), record_of(spec)
    if known is not None and known[0].method != spec.name:
        raise CheckpointError(
            f"'{file.name}' holds the weights of the method '{known[0].method}', not of "
            f"'{spec.name}'.",
            "Choose that method first.",
        )
    if known is not None:
        return known
    if usual is None or len(usual.files) != 1:
        names = "" if usual is None else " and ".join(item.name for item in usual.files)
        raise CheckpointError(
            f"The name '{file.name}' is none that the authors use.",
            f"Give the files their names: {names}." if names else "",
        )
    return usual, usual.files[0]
