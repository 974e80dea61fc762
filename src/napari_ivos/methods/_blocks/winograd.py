"""3 × 3 convolutions with a quarter of the multiplications (Lavin and Gray, CVPR 2016).

A tile of 4 × 4 outputs takes 36 products a channel instead of 144. The points of interpolation are
chosen for small rounding errors (Barabasz et al., ACM TOMS 2020): about twice those of a direct
convolution in float32. Points for 5 × 5 kernels lose eight times as much, so those stay direct.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

_TILE = 4
_SIZE = 3
_SIDE = _TILE + _SIZE - 1
_POINTS = (0, 1, -1, 2, -0.5)
_STRIP_TILES = 112
"""Tiles that are done together: few enough to stay in a processor's cache."""
_FEWEST_CHANNELS = 64

Matrix = NDArray[np.float64]


def speed_up(network: nn.Module, keep: bool) -> None:
    """Replace the 3 × 3 convolutions within a network, in place.

    Parameters
    ----------
    network : Module
        On the processor, in float32, ready for inference. It cannot go to another device or format
        afterwards.
    keep : bool
        Whether transformed weights are kept, at four times the memory, or made anew in
        each call, at a tenth of the time.
    """
    for parent in list(network.modules()):
        for name, conv in list(parent.named_children()):
            if isinstance(conv, nn.Conv2d) and _suits(conv):
                setattr(parent, name, WinogradConv(conv, keep))


def _suits(conv: nn.Conv2d) -> bool:
    return (
        conv.kernel_size == (_SIZE, _SIZE)
        and (conv.stride, conv.padding, conv.dilation) == ((1, 1),) * 3
        and conv.groups == 1
        and min(conv.in_channels, conv.out_channels) >= _FEWEST_CHANNELS
    )


class WinogradConv(nn.Module):
    """What a padded 3 × 3 `nn.Conv2d` with stride 1 computes, up to rounding.

    Parameters
    ----------
    conv : Conv2d
    keep : bool
        See `speed_up`.
    """

    def __init__(self, conv: nn.Conv2d, keep: bool) -> None:
        super().__init__()
        self._out = conv.out_channels
        self._bias = conv.bias
        outer, kernel, inner = _matrices()
        self._outer, self._inner = _squared(outer), _squared(inner)
        self._kernel = _squared(kernel)
        # (9, in, out), so that a product with the kernel transform gives what `bmm` wants.
        flat = conv.weight.detach().permute(2, 3, 1, 0).reshape(_SIZE**2, -1).contiguous()
        self._flat = None if keep else flat
        self._transformed = self._transform(flat.double()).float() if keep else None

    def _transform(self, flat: Tensor) -> Tensor:
        return (self._kernel.to(flat.dtype) @ flat).view(len(self._kernel), -1, self._out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) → (B, out, H, W), channels last."""
        kernel = self._transformed
        if kernel is None:
            assert self._flat is not None
            kernel = self._transform(self._flat)
        images = [self._one(image, kernel) for image in x.permute(0, 2, 3, 1)]
        return torch.cat(images) if len(images) > 1 else images[0]

    def _one(self, image: Tensor, kernel: Tensor) -> Tensor:
        height, width, _ = image.shape
        rows, columns = -(-height // _TILE), -(-width // _TILE)
        out = image.new_empty(rows, _TILE, columns, _TILE, self._out)
        step = max(_STRIP_TILES // columns, 1)
        for row in range(0, rows, step):
            self._strip(image, kernel, row, out[row : row + step])
        merged = out.view(1, rows * _TILE, columns * _TILE, self._out)[:, :height, :width]
        return merged.permute(0, 3, 1, 2)

    def _strip(self, image: Tensor, kernel: Tensor, row: int, out: Tensor) -> None:
        height, width, channels = image.shape
        rows, _, columns, _, _ = out.shape
        # One row or column more on each side, and whole tiles; zeros beyond the image.
        top, bottom = row * _TILE - 1, (row + rows) * _TILE + 1
        inside = image[max(top, 0) : min(bottom, height)]
        below = bottom - min(bottom, height)
        padded = functional.pad(
            inside, (0, 0, 1, columns * _TILE - width + 1, max(-top, 0), below)
        ).contiguous()
        down, along, _ = padded.stride()
        tiles = padded.as_strided(
            (_SIDE, _SIDE, rows, columns, channels), (down, along, _TILE * down, _TILE * along, 1)
        )
        points = self._inner @ tiles.reshape(_SIDE**2, -1)
        products = torch.bmm(points.view(_SIDE**2, rows * columns, channels), kernel)
        values = self._outer @ products.view(_SIDE**2, -1)
        values = values.view(_TILE, _TILE, rows, columns, self._out)
        out.copy_(values.permute(2, 0, 3, 1, 4))
        if self._bias is not None:
            out.add_(self._bias)


def _matrices() -> tuple[Matrix, Matrix, Matrix]:
    """Transforms of output, kernel and input along one axis (Cook–Toom, transposed)."""
    outer, kernel = np.zeros((_TILE, _SIDE)), np.zeros((_SIDE, _SIZE))
    inner = np.zeros((_SIDE, _SIDE))
    for i, point in enumerate(_POINTS):
        others = [other for other in _POINTS if other != point]
        outer[:, i] = point ** np.arange(_TILE)
        kernel[i] = point ** np.arange(_SIZE) / np.prod([point - other for other in others])
        inner[i, :-1] = np.poly(others)[::-1]
    outer[-1, -1] = kernel[-1, -1] = 1
    inner[-1] = np.poly(_POINTS)[::-1]
    # Powers of two move between the two without rounding; even sizes lose least.
    scale = 2 ** np.round(np.log2(np.abs(inner).max(1) / np.abs(kernel).max(1)) / 2)
    return outer, kernel * scale[:, None], inner / scale[:, None]


def _squared(matrix: Matrix) -> Tensor:
    """The transform along both axes, as one matrix; float32 holds it exactly, or nearly so."""
    return torch.from_numpy(np.kron(matrix, matrix)).float()
