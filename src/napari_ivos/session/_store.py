"""Where masks and probabilities lie: one immutable, compressed file for each version of a frame."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np

from napari_ivos.errors import ProjectError
from napari_ivos.session._disk import Key, delete, file_of, listed, not_written, unlink, write
from napari_ivos.session._frame_file import MAX_FILE, decode, encode
from napari_ivos.session._latest import Latest
from napari_ivos.types import AnyArray

Place: TypeAlias = tuple[Path, Callable[[Path], None] | None]
"""A folder, and what is called with each file that is written there, in the thread that did."""

DEFAULT_CACHE_BYTES = 64 * 2**20


class FrameStore:
    """Arrays on disk, the latest of them in memory too.

    An array never changes once it is put: undo keeps the older key, and a worker may read while
    the main thread shows. All methods may be called from any thread.

    Parameters
    ----------
    folder : Path
        Where the files lie; there already.
    cache_bytes : int
        How much stays in memory; peak memory does not depend on how much is stored.
    written : callable, optional
        Called with each file that was written, in the thread that did.
    size : (H, W), optional
        What arrays that were written earlier must have.
    """

    def __init__(
        self,
        folder: Path,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        written: Callable[[Path], None] | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        # Label maps are what is shown: the much larger probabilities leave them half of the room.
        self._caches = Latest(cache_bytes // 2), Latest(cache_bytes - cache_bytes // 2)
        self._lock = threading.Lock()
        self._folder = folder
        self._written = written
        self._size = size
        found = listed(folder)
        self._keys = {key for key, part in found if not part}
        # Above all names there are, so that nothing that lies there is ever written over.
        self._next = 1 + max((key for key, _ in found), default=0)
        self._closed = False
        # Deleting thousands of files can take a second on a busy disk: not in the caller's thread.
        self._deleter = ThreadPoolExecutor(1, thread_name_prefix="napari-ivos-store")

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
            key, self._next = self._next, self._next + 1
        content = encode(array)
        while True:
            folder = self._folder
            file = write(folder, key, content)
            with self._lock:
                # Else the files moved meanwhile: once more, to where they are now.
                if folder == self._folder:
                    self._keys.add(key)
                    self._remember(key, array)
                    break
        if self._written is not None:
            self._written(file)
        return key

    def get(self, key: Key) -> AnyArray:
        """The array put under `key`; read-only.

        Raises
        ------
        ProjectError
            Its file is gone or damaged.
        """
        with self._lock:
            array = self._cached(key)
        if array is not None:
            return array
        array = self._read(key)
        with self._lock:
            self._remember(key, array)
        return array

    def discard(self, keys: Iterable[Key]) -> None:
        """Forget arrays for good."""
        doomed = list(keys)
        with self._lock:
            for key in doomed:
                self._keys.discard(key)
                for cache in self._caches:
                    cache.drop(key)
            folder = self._folder
        if doomed:
            self._deleter.submit(delete, folder, doomed)

    def keep_only(self, keys: set[Key], highest: Key) -> None:
        """Forget all arrays but these, and what was never written whole.

        Keys up to the highest one that was ever named are not used again.
        """
        self._next = max(self._next, 1 + highest)
        self.discard(self._keys - keys)
        parts = [file_of(self._folder, key, ".part") for key, part in listed(self._folder) if part]
        self._deleter.submit(unlink, parts)

    @property
    def held(self) -> int:
        """Bytes that are in memory."""
        return sum(cache.held for cache in self._caches)

    @property
    def place(self) -> Place:
        """The folder, and what is told of each file that is written."""
        return self._folder, self._written

    def copy(self, folder: Path) -> Iterator[Key]:
        """Copy files to where `move` is to go, and give the key of each; in any thread.

        Raises
        ------
        ProjectError
            The folder cannot be written to.
        """
        with self._lock:
            keys = sorted(self._keys)
        for key in keys:
            # What is gone was discarded meanwhile, or is lost: `move` knows.
            if self._copied(key, folder):
                yield key

    def move(self, place: Place, copied: Set[Key] | None = None) -> list[Key]:
        """Go on in another folder, to which the files are copied; the old ones stay.

        Parameters
        ----------
        place : (Path, callable or None)
            The folder, and what to call with each file that is written there.
        copied : set of int, optional
            What is there already.

        Returns
        -------
        list of int
            Arrays that are lost, since their files were.

        Raises
        ------
        ProjectError
            The folder cannot be written to; then everything is as before.
        """
        folder, written = place
        with self._lock:
            rest = sorted(self._keys - (copied or set()))
            lost = [key for key in rest if not self._copied(key, folder)]
            self._folder, self._written = folder, written
        return lost

    def close(self) -> None:
        """Forget what is held in memory; the files stay."""
        self._deleter.shutdown(wait=True, cancel_futures=True)
        self._closed = True
        with self._lock:
            for cache in self._caches:
                cache.clear()

    def settle(self) -> None:
        """Wait until discarded files are gone."""
        self._deleter.submit(lambda: None).result()

    def _read(self, key: Key) -> AnyArray:
        folder = self._folder
        try:
            file = file_of(folder, key)
            if file.stat().st_size > MAX_FILE:
                raise ValueError("the file is too large")
            array = decode(file.read_bytes())
            if self._size not in (None, array.shape[-2:]):
                raise ValueError("the frames of the video have another size")
            return array
        except (OSError, ValueError, RuntimeError) as error:
            if folder != self._folder:  # they moved meanwhile
                return self._read(key)
            if self._closed and not folder.exists():
                raise ProjectError(
                    "This session is closed, and its masks are gone with it.",
                    "Read or export them before it is closed, or give it a project.",
                ) from error
            raise ProjectError(
                f"A stored mask in '{folder}' cannot be read.",
                "Undo the step that made it, or take the project from a backup.",
            ) from error

    def _copied(self, key: Key, folder: Path) -> bool:
        """Have a file in another folder as well; False where it is gone."""
        source, target = file_of(self._folder, key), file_of(folder, key)
        try:
            if target.exists():
                return True
            try:
                shutil.copyfile(source, target)
            except FileNotFoundError:
                if source.exists():
                    raise
                if (array := self._cached(key)) is None:
                    return False
                target.write_bytes(encode(array))
        except OSError as error:
            raise not_written(folder, error) from error
        return True

    def _cached(self, key: Key) -> AnyArray | None:
        found = (cache.get(key) for cache in self._caches)
        return next((array for array in found if array is not None), None)

    def _remember(self, key: Key, array: AnyArray) -> None:
        maps, probabilities = self._caches
        (maps if array.ndim == 2 else probabilities).put(key, array)
