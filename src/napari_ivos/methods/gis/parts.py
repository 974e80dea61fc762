"""The parts of GIS-RAmap that come after its encoders; names are those of the checkpoints."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks import (
    Aspp,
    Refine,
    SeBottleneck,
    coarse_path,
    enlarge,
    split_conv,
)


class FrameFeatures(NamedTuple):
    """What the network needs of a frame, whatever the objects; h, w are 1/8 of the padded frame."""

    similar: Tensor
    """(128, h·w) float32: compared between frames."""
    query: Tensor
    """(1, 256, h, w): the frame's own share of the merged feature."""
    common: Tensor
    """(1, 128, h, w): compared with the neighbour's."""
    carried: Tensor
    """(1, 64, h, w): what goes over to the next frame with the mask."""
    skip: Tensor
    """(1, 128, 2h, 2w)."""


class Shared(NamedTuple):
    """What the objects of a visited frame have in common."""

    pair: Tensor
    """(1, 128, h, w): where the frame and its neighbour agree."""
    carried: Tensor
    """(1, 64, h, w): the neighbour's."""
    query: Tensor
    """(1, 512, h, w)."""
    skip: Tensor
    """(1, 128, 2h, 2w)."""


class Converter(nn.Module):
    """The object feature extractor: what an object looks like, at 1/8."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = SeBottleneck(
            512, 64, stride=2, shortcut=nn.Conv2d(512, 256, 1, 2, bias=False)
        )
        self.conv16_8 = nn.Conv2d(2048, 256, 1)
        self.conv8_8 = nn.Conv2d(512, 256, 1)
        self.conv_cat = nn.Conv2d(768, 256, 3, padding=1)

    def forward(self, r5: Tensor, r3: Tensor, merged: Tensor) -> Tensor:
        """(1, 256, h, w)."""
        parts = (enlarge(self.conv16_8(r5), 2), self.conv8_8(r3), self.block1(merged))
        result: Tensor = self.conv_cat(torch.cat(parts, 1))
        return result


class Transfer(nn.Module):
    """The convolutions of reliability-based attention; `attention` does the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.f_conv_sim = nn.Conv2d(1024, 128, 1)
        self.f_conv_att = nn.Conv1d(128, 128, 1)


class Difference(nn.Module):
    """Intersection-aware propagation; no activation anywhere, so sums may be split."""

    def __init__(self) -> None:
        super().__init__()
        self.f_conv_inter = nn.Conv2d(1024, 128, 1)
        self.conv1_inter = nn.Conv2d(128, 64, 5, padding=2)
        self.f_conv_diffu = nn.Conv2d(1024, 128, 1)
        self.conv1_diffu = nn.Conv2d(129, 64, 5, padding=2)
        self.conv2_diffu = nn.Conv2d(128, 128, 5, padding=2)
        self.conv3_diffu = nn.Conv2d(128, 128, 5, padding=2)

    def prepare(self) -> None:
        """Tell what all objects share from what each one has."""
        self.conv1_feature, self.conv1_mask = split_conv(self.conv1_diffu, 128)
        self.conv2_object, self.conv2_pair = split_conv(self.conv2_diffu, 64)
        del self.conv1_diffu, self.conv2_diffu

    def pair(self, common: Tensor, neighbour: Tensor) -> Tensor:
        """(1, 128, h, w): where two frames agree."""
        near = (neighbour - common).square_().neg_().exp_()
        result: Tensor = self.conv2_pair(self.conv1_inter(near))
        return result

    def forward(self, shared: Shared, mask: Tensor) -> Tensor:
        """(1, 128, h, w), from the neighbour's mask (1, 1, h, w)."""
        with_mask = self.conv1_mask(mask).add_(shared.carried)
        result: Tensor = self.conv3_diffu(self.conv2_object(with_mask).add_(shared.pair))
        return result


class Compounder(nn.Module):
    """Merges what came by attention, what came from the neighbour, and the frame itself."""

    def __init__(self) -> None:
        super().__init__()
        self.que_conv = nn.Conv2d(1024, 256, 1)
        self.cat_conv = nn.Conv2d(640, 512, 1)
        self.aspp_decoder = Aspp(512, 128, (1, 12, 24, 36))
        self.convG0 = nn.Conv2d(512, 128, 3, padding=1)
        self.convG1 = nn.Conv2d(128, 128, 3, padding=1)
        self.convG2 = nn.Conv2d(128, 128, 3, padding=1)
        self.RF2 = Refine(256, 128)

    def prepare(self) -> None:
        """Tell what all objects share from what each one has."""
        self.cat_object, self.cat_query = split_conv(self.cat_conv, 384)
        del self.cat_conv

    def forward(self, shared: Shared, transferred: Tensor, difference: Tensor) -> Tensor:
        """(1, 256, 2h, 2w)."""
        merged = self.cat_object(torch.cat((transferred, difference), 1)).add_(shared.query)
        wide = enlarge(self.aspp_decoder(merged), 2)
        fine = self.RF2.merge(shared.skip, coarse_path(self, merged))
        return torch.cat((fine, wide), 1)


class Head(nn.Module):
    """Two logits a pixel, without the dropout that the authors leave switched on."""

    norm_pairs = tuple((f"conv{number}", f"bn{number}") for number in range(1, 5))

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 128, 5, padding=2)
        self.conv3 = nn.Conv2d(128, 128, 5, padding=2)
        self.conv4 = nn.Conv2d(128, 64, 5, padding=2)
        self.conv5 = nn.Conv2d(64, 2, 1)
        self.bn1, self.bn2 = nn.BatchNorm2d(256), nn.BatchNorm2d(128)
        self.bn3, self.bn4 = nn.BatchNorm2d(128), nn.BatchNorm2d(64)

    def forward(self, x: Tensor) -> Tensor:
        """(1, 256, Hp/4, Wp/4) → (1, 2, Hp, Wp) float32."""
        for conv, norm in self.norm_pairs:
            x = functional.relu_(self.get_submodule(norm)(self.get_submodule(conv)(x)))
        return enlarge(self.conv5(x).float(), 4)
