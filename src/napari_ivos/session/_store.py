"""Where masks and probabilities lie: one immutable, compressed file for each version of a frame."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numcodecs import Blosc

from napari_ivos.errors import ProjectError
from napari_ivos.types import AnyArray

Key: TypeAlias = int
"""Names one stored array for as long as the store is open."""

DEFAULT_CACHE_BYTES = 64 * 2**20


class FrameStore:
    """Arrays on disk, the latest of them in memory too.

    An array never changes once it is put: undo keeps the older key, and a worker may read while
    the main thread shows. All methods may be called from any thread.

    Parameters
    ----------
    cache_bytes : int
        How much stays in memory; peak memory does not depend on how much is stored.
    """

    def __init__(self, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[Key, AnyArray] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()
        self._keys = itertools.count(1)
        self._headers: dict[Key, tuple[tuple[int, ...], np.dtype]] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="napari-ivos-"))
        # Also when nobody closes the store: at the latest when the program ends.
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        # Deleting thousands of files can take a second on a busy disk: not in the caller's thread.
        self._deleter = ThreadPoolExecutor(1, thread_name_prefix="napari-ivos-store")
        # Level 1 of LZ4: label maps shrink a hundredfold, and nothing waits for it.
        self._codec = Blosc(cname="lz4", clevel=1, shuffle=Blosc.SHUFFLE)

    def put(self, array: AnyArray) -> Key:
        """Keep an array; it must not be changed afterwards.

        Raises
        ------
        ProjectError
            The disk is full or cannot be written to.
        """
        array = np.ascontiguousarray(array)
        array.setflags(write=False)
        with self._lock:
            key = next(self._keys)
        try:
            self._file(key).write_bytes(self._codec.encode(array))
        except OSError as error:
            raise ProjectError(
                f"A mask could not be written to '{self._folder}': {error.strerror}.",
                "Free some disk space; what was done so far is still there.",
            ) from error
        with self._lock:
            self._headers[key] = (array.shape, array.dtype)
            self._remember(key, array)
        return key

    def get(self, key: Key) -> AnyArray:
        """The array put under `key`; read-only.

        Raises
        ------
        ProjectError
            Its file is gone or damaged.
        """
        with self._lock:
            array = self._cache.get(key)
            if array is not None:
                self._cache.move_to_end(key)
                return array
            shape, dtype = self._headers[key]
        try:
            data = self._codec.decode(self._file(key).read_bytes())
        except (OSError, RuntimeError) as error:
            raise ProjectError(f"A stored mask in '{self._folder}' cannot be read.") from error
        array = np.frombuffer(data, dtype=dtype).reshape(shape)
        array.setflags(write=False)
        with self._lock:
            self._remember(key, array)
        return array

    def discard(self, keys: Iterable[Key]) -> None:
        """Forget arrays for good."""
        doomed = list(keys)
        with self._lock:
            for key in doomed:
                self._headers.pop(key, None)
                array = self._cache.pop(key, None)
                if array is not None:
                    self._held -= array.nbytes
        if doomed:
            self._deleter.submit(_unlink, [self._file(key) for key in doomed])

    def close(self) -> None:
        """Delete the files."""
        self._deleter.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._cache.clear()
            self._headers.clear()
            self._held = 0
        self._remove()

    def settle(self) -> None:
        """Wait until discarded files are gone."""
        self._deleter.submit(lambda: None).result()

    def _file(self, key: Key) -> Path:
        return self._folder / f"{key:08d}.blosc"

    def _remember(self, key: Key, array: AnyArray) -> None:
        if key in self._cache:
            return
        self._cache[key] = array
        self._held += array.nbytes
        # The newest stays whatever its size: it is about to be shown.
        while self._held > self._cache_bytes and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._held -= dropped.nbytes


def _unlink(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
