"""Where masks and probabilities lie: one immutable, compressed file for each version of a frame."""

from __future__ import annotations

import errno
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np

from napari_ivos.errors import ProjectError
from napari_ivos.session._frame_file import MAX_FILE, decode, encode
from napari_ivos.types import AnyArray

Key: TypeAlias = int
"""Names one stored array, also for those who open the folder later."""

DEFAULT_CACHE_BYTES = 64 * 2**20

_NAME = re.compile(r"(\d{8,15})\.blosc(\.part)?")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What systems answer when there is no room left."""


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
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[Key, AnyArray] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()
        self._folder = folder
        self._written = written
        self._size = size
        found = _listed(folder)
        self._keys = {key for key, part in found if not part}
        # Above all names there are, so that nothing that lies there is ever written over.
        self._next = 1 + max((key for key, _ in found), default=0)
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
            file = _write(folder, key, content)
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
            array = self._cache.get(key)
            if array is not None:
                self._cache.move_to_end(key)
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
                array = self._cache.pop(key, None)
                if array is not None:
                    self._held -= array.nbytes
            folder = self._folder
        if doomed:
            self._deleter.submit(_delete, folder, doomed)

    def keep_only(self, keys: set[Key], highest: Key) -> None:
        """Forget all arrays but these, and what was never written whole.

        Keys up to the highest one that was ever named are not used again.
        """
        self._next = max(self._next, 1 + highest)
        self.discard(self._keys - keys)
        parts = [_file(self._folder, key, ".part") for key, part in _listed(self._folder) if part]
        self._deleter.submit(_unlink, parts)

    def move(self, folder: Path, written: Callable[[Path], None] | None) -> list[Key]:
        """Go on in another folder, to which the files are copied; the old ones stay.

        Returns
        -------
        list of int
            Arrays that are lost, since their files were.

        Raises
        ------
        ProjectError
            The folder cannot be written to; then everything is as before.
        """
        lost = self._copy(set(self._keys), folder)
        with self._lock:
            # What was put meanwhile: little, and nobody can put more now.
            lost += self._copy(self._keys - {*lost}, folder)
            self._folder, self._written = folder, written
        return lost

    def close(self) -> None:
        """Forget what is held in memory; the files stay."""
        self._deleter.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._cache.clear()
            self._held = 0

    def settle(self) -> None:
        """Wait until discarded files are gone."""
        self._deleter.submit(lambda: None).result()

    def _read(self, key: Key) -> AnyArray:
        folder = self._folder
        try:
            file = _file(folder, key)
            if file.stat().st_size > MAX_FILE:
                raise ValueError("the file is too large")
            array = decode(file.read_bytes())
            if self._size not in (None, array.shape[-2:]):
                raise ValueError("the frames of the video have another size")
            return array
        except (OSError, ValueError, RuntimeError) as error:
            if folder != self._folder:  # they moved meanwhile
                return self._read(key)
            raise ProjectError(
                f"A stored mask in '{folder}' cannot be read.",
                "Undo the step that made it, or take the project from a backup.",
            ) from error

    def _copy(self, keys: set[Key], folder: Path) -> list[Key]:
        lost = []
        for key in sorted(keys):
            source, target = _file(self._folder, key), _file(folder, key)
            try:
                if target.exists():
                    continue
                if source.exists():
                    shutil.copyfile(source, target)
                elif (array := self._cache.get(key)) is not None:
                    target.write_bytes(encode(array))
                else:
                    lost.append(key)
            except OSError as error:
                raise _not_written(folder, error) from error
        return lost

    def _remember(self, key: Key, array: AnyArray) -> None:
        if key in self._cache:
            return
        self._cache[key] = array
        self._held += array.nbytes
        # The newest stays whatever its size: it is about to be shown.
        while self._held > self._cache_bytes and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._held -= dropped.nbytes


def _file(folder: Path, key: Key, part: str = "") -> Path:
    return folder / f"{key:08d}.blosc{part}"


def _listed(folder: Path) -> list[tuple[Key, bool]]:
    """The keys there are, and whether a file is one that was not written to its end."""
    found = [_NAME.fullmatch(file.name) for file in folder.iterdir()]
    return [(int(match[1]), match[2] is not None) for match in found if match is not None]


def _write(folder: Path, key: Key, content: bytes) -> Path:
    file, part = _file(folder, key), _file(folder, key, ".part")
    try:
        with part.open("xb") as stream:
            stream.write(content)
        part.replace(file)
    except OSError as error:
        _unlink([part])
        raise _not_written(folder, error) from error
    return file


def _not_written(folder: Path, error: OSError) -> ProjectError:
    return ProjectError(
        f"A mask could not be written to '{folder}': {error.strerror}.", what_to_do(error)
    )


def what_to_do(error: OSError) -> str:
    """The hint for a user whose project folder cannot be written to."""
    if error.errno in FULL:
        return "Free some disk space; what was done so far is still there."
    return "Save the project to another folder; what was done so far is still there."


def _delete(folder: Path, keys: list[Key]) -> None:
    _unlink(_file(folder, key) for key in keys)


def _unlink(files: Iterable[Path]) -> None:
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError:  # it only takes up room
            continue
