"""From a stride-16 feature to one logit a pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_ivos.methods._blocks.aspp import Aspp
from napari_ivos.methods._blocks.refine import Refine, coarse_path
from napari_ivos.methods._blocks.resize import enlarge


class Decoder(nn.Module):
    """From the features of an SE-ResNet-50 to an object's logits.

    The dropout of the authors' training counts as layers 3 and 7 of ``lastconv``.
    """

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

    def merge(self, skip: Tensor, r3: Tensor, r5: Tensor) -> Tensor:
        """(1, 512, Hp/4, Wp/4), from RF2's `skip`."""
        fine = self.RF2.merge(skip, self.RF3(r3, coarse_path(self, r5)))
        return torch.cat((fine, enlarge(self.aspp_decoder(r5), 4)), 1)

    def finish(self, merged: Tensor) -> Tensor:
        """(1, 1, Hp, Wp) float32 logits."""
        return enlarge(self.lastconv(merged).float(), 4)
