"""The file of one stored array: a short header, then the compressed values."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from numcodecs import Blosc

from napari_ivos.types import AnyArray

_MAGIC = b"IVF1"
_HEADER = struct.Struct("<4sBB2x3II")
"""Magic, type, number of dimensions, three dimensions (1 where there are fewer), checksum."""

_BLOSC = struct.Struct("<4xI4xI")
"""Of Blosc's own header: bytes unpacked and packed."""

_TYPES = (np.dtype("<u2"), np.dtype("<i4"), np.dtype("<f4"))
_MAX_BYTES = 2**31 - 1  # what Blosc itself can hold

MAX_FILE = _MAX_BYTES + 2**20
"""Bytes of the largest file that can be right."""

# Level 1 of LZ4: label maps shrink a hundredfold, and nothing waits for it.
_CODEC = Blosc(cname="lz4", clevel=1, shuffle=Blosc.SHUFFLE)


def encode(array: AnyArray) -> bytes:
    """A file's content.

    Parameters
    ----------
    array : uint16, int32 or float32 of 2 or 3 dimensions

    Raises
    ------
    ValueError
        Another type or number of dimensions, or 2 GiB and more.
    """
    if not 2 <= array.ndim <= 3 or array.nbytes > _MAX_BYTES:
        raise ValueError(f"an array of shape {array.shape} cannot be stored")
    kind = _TYPES.index(array.dtype)
    sizes = (*array.shape, 1)[:3]
    values = bytes(_CODEC.encode(array))
    checksum = zlib.crc32(values, zlib.crc32(_HEADER.pack(_MAGIC, kind, array.ndim, *sizes, 0)))
    return _HEADER.pack(_MAGIC, kind, array.ndim, *sizes, checksum) + values


def decode(content: bytes) -> AnyArray:
    """The array of a file; read-only.

    Raises
    ------
    ValueError
        The file is damaged or cut off, or claims a size that does not fit what it holds.
    """
    if len(content) < _HEADER.size:
        raise ValueError("the file is cut off")
    magic, kind, ndim, *sizes, checksum = _HEADER.unpack_from(content)
    values = content[_HEADER.size :]
    expected = zlib.crc32(values, zlib.crc32(content[: _HEADER.size - 4] + b"\0\0\0\0"))
    if magic != _MAGIC or checksum != expected or kind >= len(_TYPES) or ndim not in (2, 3):
        raise ValueError("the file is damaged")
    shape, dtype = tuple(sizes[:ndim]), _TYPES[kind]
    # Both headers are asked before any room is made, this one's and Blosc's own.
    claimed = math.prod(shape) * dtype.itemsize
    whole, packed = _BLOSC.unpack_from(values) if len(values) >= _BLOSC.size else (0, 0)
    if claimed > _MAX_BYTES or (whole, packed) != (claimed, len(values)):
        raise ValueError("the file claims another size than it has")
    array = np.frombuffer(_CODEC.decode(values), dtype=dtype).reshape(shape)
    array.setflags(write=False)
    return array
