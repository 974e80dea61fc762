"""The GIS-RAmap network (CVPR 2021), with the published state-dict keys.

Split so that nothing is computed twice: `encode` for a frame, `mark` for an object on an annotated
frame, `predict` for an object on a visited one. The authors' head makes new dropout layers while
it runs, which stay active at inference; they are left out, so no random number is drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_ivos.methods._blocks import Decoder, Encoder, Stage, fold_norms, speed_up
from napari_ivos.methods.gis.parts import (
    Compounder,
    Converter,
    Difference,
    FrameFeatures,
    Head,
    Shared,
    Transfer,
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


class GisNetwork(nn.Module):
    """All modules; load the weights, then `prepare`, then use."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder_6ch = Encoder(6, _GUIDE_STAGES)
        self.decoder_iact = Decoder()
        self.converter = Converter()
        self.encoder_3ch = Encoder(3, _IMAGE_STAGES)
        self.transfer_module = Transfer()
        self.diff_module = Difference()
        self.feature_compounder = Compounder()
        self.segmentation_head = Head()

    def prepare(self) -> None:
        """Rewrite the loaded layers for inference, in place."""
        self.eval().requires_grad_(False)
        fold_norms(self)
        self.diff_module.prepare()
        self.feature_compounder.prepare()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def speed_up(self) -> None:
        """Use fewer multiplications where reliability does not hang on the last digits.

        The encoders stay as they are: similarities are exponentials of their features.
        """
        for module in (self.diff_module, self.feature_compounder, self.segmentation_head):
            speed_up(module, keep=True)
        # Once an object and stroke only: its memory counts for more than its time.
        decoder = self.decoder_iact
        for part in (decoder.RF2, decoder.RF3, decoder.lastconv):
            speed_up(part, keep=False)

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
        r2, r3, _, r5 = self.encoder_6ch(image)
        skip = self.decoder_iact.RF2.skip(r2)
        del r2, _
        merged = self.decoder_iact.merge(skip, r3, r5)
        indicator = self.converter(r5, r3, merged)
        del skip, r3, r5
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


def shapes() -> dict[str, dict[str, tuple[int, ...]]]:
    """Entries of the published state dictionaries and their shapes, by file name."""
    with torch.device("meta"):
        state = GisNetwork().state_dict()
    made = {key: tuple(value.shape) for key, value in state.items()}
    return dict.fromkeys(("GIS-ckpt_standard.pth", "GIS-ckpt_wo_YTIVOStrainset.pth"), made)
