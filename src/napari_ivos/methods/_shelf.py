"""Weights that are needed now and then, and take no memory meanwhile."""

from __future__ import annotations

import logging
import mmap
import os
import tempfile

import torch
from torch import nn

_ALIGNED = 64
_log = logging.getLogger(__name__)


class Shelf:
    """Moves the weights of modules to a nameless file, from where they are read when they are used.

    The file vanishes with the process, however that ends. Where it cannot be written the weights
    stay in memory.

    Parameters
    ----------
    *modules : Module
        On the processor, ready for inference: nothing may be written to their weights any more.
    """

    def __init__(self, *modules: nn.Module) -> None:
        self._map: mmap.mmap | None = None
        tensors = [tensor for module in modules for tensor in module.parameters()]
        starts, end = [], 0
        for tensor in tensors:
            starts.append(end)
            end += -(-tensor.nbytes // _ALIGNED) * _ALIGNED
        try:
            self._map = _write(tensors, starts, end)
        except OSError as error:
            _log.warning("Weights that are rarely used stay in memory: %s.", error.strerror)
            return
        for tensor, start in zip(tensors, starts, strict=True):
            flat = torch.frombuffer(
                self._map, dtype=tensor.dtype, count=tensor.numel(), offset=start
            )
            tensor.data = flat.as_strided(tensor.shape, tensor.stride())

    def rest(self) -> None:
        """Give the memory back that the weights took while they were used."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def _write(tensors: list[nn.Parameter], starts: list[int], end: int) -> mmap.mmap:
    # /tmp is in memory on many systems; /var/tmp is not.
    folder = os.environ.get("TMPDIR") or ("/var/tmp" if os.path.isdir("/var/tmp") else None)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(end)
        for tensor, start in zip(tensors, starts, strict=True):
            file.seek(start)
            flat = tensor.detach().as_strided((tensor.numel(),), (1,))
            file.write(flat.view(torch.uint8).numpy().data)
        file.flush()
        # Private to this process, so that torch may take it for memory like any other.
        return mmap.mmap(file.fileno(), end, access=mmap.ACCESS_COPY)
