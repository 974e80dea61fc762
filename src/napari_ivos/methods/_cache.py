"""Features that were computed once, within a bound: the latest in memory, the rest in a file."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from io import FileIO

import torch
from torch import Tensor

_log = logging.getLogger(__name__)


class _Layout(tuple[torch.Size, tuple[int, ...], torch.dtype]):
    """Shape, strides and dtype of a dense tensor."""

    __slots__ = ()


class FeatureCache:
    """Tuples of tensors by key.

    Parameters
    ----------
    memory : int
        Bytes kept in memory; what was used last stays, whatever its size.
    disk : int
        Bytes of a nameless temporary file that takes what memory has no room for. The file vanishes
        with the process, however that ends. 0: no file.
    """

    def __init__(self, memory: int, disk: int = 0) -> None:
        self._room = memory
        self._held: OrderedDict[Hashable, tuple[Tensor, ...]] = OrderedDict()
        self._bytes = 0
        self._spill = _Spill(disk) if disk > 0 else None

    def get(self, key: Hashable, make: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """The tensors under `key`, made if they are not there."""
        found = self.find(key)
        return self.put(key, make()) if found is None else found

    def find(self, key: Hashable) -> tuple[Tensor, ...] | None:
        """The tensors under `key`; None if they are not there."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
            return found
        found = None if self._spill is None else self._spill.read(key)
        return None if found is None else self.put(key, found)

    def put(self, key: Hashable, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Keep tensors, which must not be changed afterwards; gives them back."""
        if key not in self._held:
            # A part of a larger tensor would keep the whole of it alive.
            tensors = tuple(t if _is_whole(t) else t.clone() for t in tensors)
            self._held[key] = tensors
            self._bytes += _size(tensors)
        while self._bytes > self._room and len(self._held) > 1:
            old, dropped = self._held.popitem(last=False)
            self._bytes -= _size(dropped)
            if self._spill is not None:
                self._spill.write(old, dropped)
        return tensors

    def clear(self) -> None:
        """Forget everything, and free the file's room."""
        self._held.clear()
        self._bytes = 0
        if self._spill is not None:
            self._spill.clear()


def _is_whole(tensor: Tensor) -> bool:
    return tensor.untyped_storage().nbytes() == tensor.nbytes


def _size(tensors: tuple[Tensor, ...]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


class _Spill:
    """Records in one temporary file; the room of dropped ones is used again."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._file: FileIO | None = None
        self._records: OrderedDict[Hashable, tuple[int, int, tuple[_Layout, ...]]] = OrderedDict()
        self._free: dict[int, list[int]] = {}
        self._end = 0

    def read(self, key: Hashable) -> tuple[Tensor, ...] | None:
        record = self._records.get(key)
        if record is None or self._file is None:
            return None
        self._records.move_to_end(key)
        offset, _, layouts = record
        self._file.seek(offset)
        tensors = []
        for shape, strides, dtype in layouts:
            flat = torch.empty(shape.numel(), dtype=dtype)
            if self._file.readinto(flat.view(torch.uint8).numpy().data) != flat.nbytes:
                del self._records[key]
                return None
            tensors.append(flat.as_strided(shape, strides))
        return tuple(tensors)

    def write(self, key: Hashable, tensors: tuple[Tensor, ...]) -> None:
        if key in self._records or self._limit == 0:
            return
        size = _size(tensors)
        offset = self._place(size)
        if offset is None:
            return
        try:
            file = self._open()
            file.seek(offset)
            for tensor in tensors:
                flat = tensor.as_strided((tensor.numel(),), (1,))
                if file.write(flat.view(torch.uint8).numpy().data) != flat.nbytes:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            _log.warning("Features are not kept on disk any more: %s.", error.strerror)
            self.clear()
            self._limit = 0
            return
        layouts = tuple(_Layout((t.shape, t.stride(), t.dtype)) for t in tensors)
        self._records[key] = offset, size, layouts

    def clear(self) -> None:
        self._records.clear()
        self._free.clear()
        self._end = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _place(self, size: int) -> int | None:
        """Where a record of this size may go; older records make room for it."""
        while not self._free.get(size) and self._end + size > self._limit:
            if not self._records:
                return None
            _, (offset, freed, _) = self._records.popitem(last=False)
            self._free.setdefault(freed, []).append(offset)
        if self._free.get(size):
            return self._free[size].pop()
        self._end += size
        return self._end - size

    def _open(self) -> FileIO:
        if self._file is None:
            # /tmp is in memory on many systems; /var/tmp is not.
            folder = os.environ.get("TMPDIR") or ("/var/tmp" if os.path.isdir("/var/tmp") else None)
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
            place = folder or tempfile.gettempdir()
            self._limit = min(self._limit, shutil.disk_usage(place).free // 4)
        return self._file
