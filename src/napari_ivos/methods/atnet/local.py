"""Local transfer (section 3.4 of the paper): a mask follows the likeness of nearby pixels.

A pixel is compared with 9 × 9 others of the neighbour, two pixels apart. As in the authors' program
the softmax runs over the image's *rows*, for each displacement and column, and not over the
displacements; a displacement that leaves the neighbour has likeness 0 and moves nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_REACH = 4
_STEP = 2
_SIDE = 2 * _REACH + 1
_MARGIN = _STEP * _REACH
_TILE = 16
"""Pixels of a row, each `_STEP` from the last, that are compared in one product of matrices."""
_ROWS = 32
"""Rows that are done together."""


def likeness(target: Tensor, neighbour: Tensor) -> Tensor:
    """How alike each pixel and those near its place in the neighbour are, normalised over rows.

    Parameters
    ----------
    target, neighbour : (1, C, H, W) float

    Returns
    -------
    (81, H, W) float32
        Displacements row by row, from −8 to 8 in both directions.
    """
    _, channels, height, width = target.shape
    raw = torch.empty(_SIDE**2, height, width, device=target.device)
    blocks = -(-width // (_STEP * _TILE))
    across = blocks * _STEP * _TILE - width
    scaled = target[0].permute(1, 2, 0) / channels
    # Whole tiles; zeros beyond the neighbour.
    beyond = (0, 0, _MARGIN, across + _MARGIN, _MARGIN, _MARGIN)
    around = functional.pad(neighbour[0].permute(1, 2, 0), beyond).contiguous()
    for row in range(0, height, _ROWS):
        count = min(_ROWS, height - row)
        mine = functional.pad(scaled[row : row + count], (0, 0, 0, across))
        mine = mine.view(count, blocks, _TILE, _STEP, channels).transpose(2, 3)
        theirs = _windows(around[row : row + count + 2 * _MARGIN], blocks)
        _compare(mine.reshape(-1, _TILE, channels), theirs, raw[:, row : row + count])
    return raw.softmax(1)


def _windows(rows: Tensor, blocks: int) -> Tensor:
    """What tiles are compared with: (rows, blocks · 2, 24, C), of zero-padded `rows`."""
    down, along, one = rows.stride()
    size = (len(rows), blocks, _STEP, _TILE + 2 * _REACH, rows.shape[2])
    strides = (down, _STEP * _TILE * along, along, _STEP * along, one)
    return rows.as_strided(size, strides, rows.storage_offset()).flatten(1, 2)


def _compare(mine: Tensor, theirs: Tensor, out: Tensor) -> None:
    """Products of each tile with its windows; `out` is (81, rows, W)."""
    _, count, width = out.shape
    for down in range(_SIDE):
        near = theirs[_STEP * down : _STEP * down + count].flatten(0, 1)
        products = torch.bmm(mine, near.transpose(1, 2)).float()
        # Of all pairs in a tile, those at most `_REACH` apart lie along diagonals.
        batch, length, wide = products.shape
        found = products.as_strided((batch, length, _SIDE), (length * wide, wide + 1, 1))
        found = found.view(count, -1, _STEP, _TILE, _SIDE).permute(4, 0, 1, 3, 2)
        out[_SIDE * down : _SIDE * (down + 1)] = found.flatten(2)[..., :width]


def carry(mask: Tensor, weights: Tensor) -> Tensor:
    """A neighbour's mask, moved by likeness.

    Parameters
    ----------
    mask : (H, W) float32
    weights : (81, H, W) float32
        From `likeness`.

    Returns
    -------
    (1, 1, H, W) float32
        A sum of 81 terms, of which each column's weights sum to one: about ``81 / H`` times the
        mask.
    """
    height, width = mask.shape
    around = functional.pad(mask, (_MARGIN,) * 4)
    down, along = around.stride()
    size = (_SIDE, _SIDE, height, width)
    windows = around.as_strided(size, (_STEP * down, _STEP * along, down, along))
    moved = torch.zeros_like(mask)
    for row, near in enumerate(windows):
        moved += (near * weights[_SIDE * row : _SIDE * (row + 1)]).sum(0)
    return moved[None, None]
