"""The parts of ATNet that come after its encoders; names are those of the checkpoints."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks import Decoder, SeBottleneck, coarse_path, enlarge, split_conv


class FrameFeatures(NamedTuple):
    """What the network needs of a frame, whatever the objects."""

    query: Tensor
    """(1, 2048, h, w), at 1/16 of the padded frame: the frame's key, and what looks for others'."""
    share: Tensor
    """(1, 2048, h, w): the frame's own share of the merged feature."""
    skip3: Tensor
    """(1, 256, 2h, 2w)."""
    skip2: Tensor
    """(1, 256, 4h, 4w)."""
    near: Tensor
    """(1, 256, 4h, 4w): compared with the neighbour's."""


class IndicatorEncoder(nn.Module):
    """What an object looks like on an annotated frame: the value that goes with the frame's key."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = SeBottleneck(512, 256, stride=2, shortcut=_shortcut(512, 1024))
        self.block2 = SeBottleneck(1024, 512, stride=2, shortcut=_shortcut(1024, 2048))
        self.conv1x1 = nn.Conv2d(4096, 2048, 1)

    def forward(self, merged: Tensor, r5: Tensor) -> Tensor:
        """(1, 2048, h, w)."""
        both = torch.cat((self.block2(self.block1(merged)), r5), 1)
        result: Tensor = self.conv1x1(both)
        return result


class PropagationDecoder(Decoder):
    """The decoder of visited frames; the local transfer is added at both finer levels."""

    def prepare(self) -> None:
        """Take the first of the last convolutions apart, so that its joined input is never made."""
        first = self.lastconv[0]
        assert isinstance(first, nn.Conv2d)
        self.last_fine, self.last_wide = split_conv(first, 256)
        self.lastconv[0] = nn.Identity()

    def forward(self, frame: FrameFeatures, x: Tensor, local: Tensor) -> Tensor:
        """(1, 1, Hp, Wp) float32 logits.

        Parameters
        ----------
        frame : FrameFeatures
            Of the visited frame.
        x : (1, 2048, h, w)
            Merged from the frame itself and from the global transfer.
        local : (1, 1, 4h, 4w)
            From the local transfer.
        """
        half = functional.interpolate(local, scale_factor=0.5, mode="bilinear", align_corners=True)
        m3 = self.RF3.merge(frame.skip3, coarse_path(self, x)).add_(half, alpha=0.5)
        fine = self.last_fine(self.RF2.merge(frame.skip2, m3).add_(local, alpha=0.5))
        return self.finish(fine.add_(self.last_wide(enlarge(self.aspp_decoder(x), 4))))


def _shortcut(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 1, 2, bias=False), nn.BatchNorm2d(out))
