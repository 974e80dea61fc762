"""Atrous spatial pyramid pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Branch(nn.Module):
    norm_pairs = (("atrous_conv", "bn"),)

    def __init__(self, channels: int, out: int, dilation: int) -> None:
        super().__init__()
        size, padding = (1, 0) if dilation == 1 else (3, dilation)
        self.atrous_conv = nn.Conv2d(
            channels, out, size, padding=padding, dilation=dilation, bias=False
        )
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(self.bn(self.atrous_conv(x)))


class Aspp(nn.Module):
    """Four dilated branches and the map's mean, merged by a 1×1 convolution.

    Parameters
    ----------
    channels, out : int
        Of the input and of the output.
    dilations : tuple of four int
        The first is 1: a 1×1 convolution.
    """

    norm_pairs = (("conv1", "bn1"),)

    def __init__(self, channels: int, out: int, dilations: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.aspp1, self.aspp2, self.aspp3, self.aspp4 = (
            _Branch(channels, out, dilation) for dilation in dilations
        )
        # The checkpoints count the pooling as number 0.
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out)
        )
        self.conv1 = nn.Conv2d(5 * out, out, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) → (B, out, h, w)."""
        parts = [self.aspp1(x), self.aspp2(x), self.aspp3(x), self.aspp4(x)]
        # Bilinear enlargement of a single pixel is that pixel everywhere.
        parts.append(functional.relu_(self.global_avg_pool(x)).expand_as(parts[0]))
        return functional.relu_(self.bn1(self.conv1(torch.cat(parts, 1))))
