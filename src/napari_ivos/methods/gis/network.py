"""The GIS-RAmap network (CVPR 2021), with the published state-dict keys.

Split so that nothing is computed twice: `encode` for a frame, `mark` for an object on an annotated
frame, `predict` for an object on a visited one. The authors' head makes new dropout layers while
it runs, which stay active at inference; they are left out, so no random number is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks import (
    Aspp,
    Encoder,
    Refine,
    SeBottleneck,
    Stage,
    coarse_path,
    enlarge,
    fold_norms,
    speed_up,
    split_conv,
)

_IMAGE_STAGES = (
    Stage(64, 1, (1,) * 3),
    Stage(128, 2, (1,) * 4),
    Stage(256, 1, (2,) * 6),
)
_GUIDE_STAGES = (
    Stage(64, 1, (1,) * 3),
    Stage(128, 2, (1,) * 4),
    Stage(256, 2, (1,) * 6),
    Stage(512, 1, (2, 4, 8)),
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


class GisNetwork(nn.Module):
    """All modules; load the weights, then `prepare`, then use."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder_6ch = Encoder(6, _GUIDE_STAGES)
        self.decoder_iact = _MarkDecoder()
        self.converter = _Converter()
        self.encoder_3ch = Encoder(3, _IMAGE_STAGES)
        self.transfer_module = _Transfer()
        self.diff_module = _Difference()
        self.feature_compounder = _Compounder()
        self.segmentation_head = _Head()

    def prepare(self) -> None:
        """Rewrite the loaded layers for inference, in place."""
        self.eval().requires_grad_(False)
        fold_norms(self)
        self.diff_module.prepare()
        self.feature_compounder.prepare()
        self.to(memory_format=torch.channels_last)

    def speed_up(self) -> None:
        """Use fewer multiplications where reliability does not hang on the last digits.

        The encoders stay as they are: similarities are exponentials of their features.
        """
        for module in (self.diff_module, self.feature_compounder, self.segmentation_head):
            speed_up(module, keep=True)
        # Once an object and stroke only: its memory counts for more than its time.
        for module in (self.decoder_iact.RF2, self.decoder_iact.RF3, self.decoder_iact.lastconv):
            speed_up(module, keep=False)

    def encode(self, image: Tensor) -> FrameFeatures:
        """Features of a frame.

        Parameters
        ----------
        image : (1, 3, Hp, Wp) float
            Normalised and padded.
        """
        fine, _, deep = self.encoder_3ch(image)
        skip = self.feature_compounder.RF2.skip(fine)
        del fine
        similar = self.transfer_module.f_conv_sim(deep.float())
        return FrameFeatures(
            similar=similar.flatten(2)[0].contiguous(),
            query=self.feature_compounder.que_conv(deep),
            common=self.diff_module.f_conv_inter(deep),
            carried=self.diff_module.conv1_feature(self.diff_module.f_conv_diffu(deep)),
            skip=skip,
        )

    def mark(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """An object on an annotated frame, from its guide.

        Parameters
        ----------
        image : (1, 6, Hp, Wp) float
            Image, prior mask, positive and negative strokes.

        Returns
        -------
        logits : (1, 1, Hp, Wp) float32
        indicator : (256, h·w) float
            What the object looks like here, to be found again in other frames.
        """
        maps = self.encoder_6ch(image)
        merged = self.decoder_iact.merge(maps[0], maps[1], maps[3])
        indicator = self.converter(maps[3], maps[1], merged)
        del maps
        return self.decoder_iact.finish(merged), indicator.flatten(2)[0]

    def attended(self, similar: Tensor) -> Tensor:
        """(128, h·w) float32: what `similar` sends along the attention, for its reliability."""
        result: Tensor = self.transfer_module.f_conv_att(similar)
        return result

    def shared(self, frame: FrameFeatures, neighbour: FrameFeatures) -> Shared:
        """What `predict` needs of a frame and its neighbour, for all objects."""
        return Shared(
            pair=self.diff_module.pair(frame.common, neighbour.common),
            carried=neighbour.carried,
            query=self.feature_compounder.cat_query(frame.query),
            skip=frame.skip,
        )

    def predict(self, shared: Shared, mask: Tensor, transferred: Tensor) -> Tensor:
        """An object on a visited frame.

        Parameters
        ----------
        shared : Shared
        mask : (1, 1, h, w) float
            The object's probability on the neighbour.
        transferred : (1, 256, h, w)
            The object's indicators as attention brought them here.

        Returns
        -------
        (2, Hp, Wp) float32
            Logits of background and object.
        """
        difference = self.diff_module(shared, mask)
        merged = self.feature_compounder(shared, transferred, difference)
        logits: Tensor = self.segmentation_head(merged)[0]
        return logits


class _MarkDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.aspp_decoder = Aspp(2048, 256, (1, 6, 12, 18))
        self.convG0 = nn.Conv2d(2048, 256, 3, padding=1)
        self.convG1 = nn.Conv2d(256, 256, 3, padding=1)
        self.convG2 = nn.Conv2d(256, 256, 3, padding=1)
        self.RF3 = Refine(512, 256)
        self.RF2 = Refine(256, 256)
        self.lastconv = nn.Sequential(
            nn.Conv2d(512, 256, 3, padding=1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
            nn.Identity(),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
            nn.Identity(),
            nn.Conv2d(256, 1, 1),
        )

    def merge(self, r2: Tensor, r3: Tensor, r5: Tensor) -> Tensor:
        """(1, 512, Hp/4, Wp/4)."""
        fine = self.RF2(r2, self.RF3(r3, coarse_path(self, r5)))
        return torch.cat((fine, enlarge(self.aspp_decoder(r5), 4)), 1)

    def finish(self, merged: Tensor) -> Tensor:
        return enlarge(self.lastconv(merged).float(), 4)


class _Converter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block1 = SeBottleneck(512, 64, stride=2, shortcut=nn.Conv2d(512, 256, 1, 2, bias=False))
        self.conv16_8 = nn.Conv2d(2048, 256, 1)
        self.conv8_8 = nn.Conv2d(512, 256, 1)
        self.conv_cat = nn.Conv2d(768, 256, 3, padding=1)

    def forward(self, r5: Tensor, r3: Tensor, merged: Tensor) -> Tensor:
        parts = (enlarge(self.conv16_8(r5), 2), self.conv8_8(r3), self.block1(merged))
        result: Tensor = self.conv_cat(torch.cat(parts, 1))
        return result


class _Transfer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.f_conv_sim = nn.Conv2d(1024, 128, 1)
        self.f_conv_att = nn.Conv1d(128, 128, 1)


class _Difference(nn.Module):
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
        self.conv1_feature, self.conv1_mask = split_conv(self.conv1_diffu, 128)
        self.conv2_object, self.conv2_pair = split_conv(self.conv2_diffu, 64)
        del self.conv1_diffu, self.conv2_diffu

    def pair(self, common: Tensor, neighbour: Tensor) -> Tensor:
        near = (neighbour - common).square_().neg_().exp_()
        result: Tensor = self.conv2_pair(self.conv1_inter(near))
        return result

    def forward(self, shared: Shared, mask: Tensor) -> Tensor:
        with_mask = self.conv1_mask(mask).add_(shared.carried)
        result: Tensor = self.conv3_diffu(self.conv2_object(with_mask).add_(shared.pair))
        return result


class _Compounder(nn.Module):
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
        self.cat_object, self.cat_query = split_conv(self.cat_conv, 384)
        del self.cat_conv

    def forward(self, shared: Shared, transferred: Tensor, difference: Tensor) -> Tensor:
        merged = self.cat_object(torch.cat((transferred, difference), 1)).add_(shared.query)
        wide = enlarge(self.aspp_decoder(merged), 2)
        fine = self.RF2.merge(shared.skip, coarse_path(self, merged))
        return torch.cat((fine, wide), 1)


class _Head(nn.Module):
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
        for conv, norm in self.norm_pairs:
            x = functional.relu_(self.get_submodule(norm)(self.get_submodule(conv)(x)))
        return enlarge(self.conv5(x).float(), 4)
