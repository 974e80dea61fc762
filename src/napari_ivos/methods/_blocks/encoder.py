"""SE-ResNet-50, cut and dilated as each network needs it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks.se import SeBottleneck


class Stage(NamedTuple):
    """One stage of the backbone."""

    planes: int
    stride: int
    dilations: tuple[int, ...]
    """One for each block."""


class Encoder(nn.Module):
    """Stem ``conv0_{channels}ch`` and the stages ``res2``, ``res3``, ….

    Parameters
    ----------
    channels : int
        Of the input: 3, or 6 with a guide.
    stages : tuple of Stage
    """

    def __init__(self, channels: int, stages: tuple[Stage, ...]) -> None:
        super().__init__()
        stem = f"conv0_{channels}ch"
        self.norm_pairs = ((stem, "bn1"),)
        self._stem = stem
        self._stages = tuple(f"res{number}" for number in range(2, 2 + len(stages)))
        self.add_module(stem, nn.Conv2d(channels, 64, 7, 2, 3))
        self.bn1 = nn.BatchNorm2d(64)
        width = 64
        for name, stage in zip(self._stages, stages, strict=True):
            self.add_module(name, _stage(width, stage))
            width = 4 * stage.planes

    def forward(self, x: Tensor) -> list[Tensor]:
        """Feature maps of all stages.

        Parameters
        ----------
        x : (B, channels, H, W) float

        Returns
        -------
        list of (B, 4·planes, h, w)
            Finest (res2, 1/4) first.
        """
        x = functional.relu_(self.bn1(self.get_submodule(self._stem)(x)))
        x = functional.max_pool2d(x, 3, 2, 1)
        maps = []
        for name in self._stages:
            x = self.get_submodule(name)(x)
            maps.append(x)
        return maps


def _stage(channels: int, stage: Stage) -> nn.Sequential:
    out = 4 * stage.planes
    shortcut = nn.Sequential(
        nn.Conv2d(channels, out, 1, stage.stride, bias=False), nn.BatchNorm2d(out)
    )
    blocks = [SeBottleneck(channels, stage.planes, stage.stride, stage.dilations[0], shortcut)]
    blocks += [
        SeBottleneck(out, stage.planes, dilation=dilation) for dilation in stage.dilations[1:]
    ]
    return nn.Sequential(*blocks)
