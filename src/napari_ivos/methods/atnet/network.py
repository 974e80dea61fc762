"""The ATNet network (ECCV 2020), with the published state-dict keys.

Split so that nothing is computed twice: `encode` for a frame, `mark` for an object on an annotated
frame (the paper's A-Net), `predict` for an object on a visited one (its T-Net).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_ivos.methods._blocks import Decoder, Encoder, Stage, fold_norms, speed_up, split_conv
from napari_ivos.methods.atnet.parts import FrameFeatures, IndicatorEncoder, PropagationDecoder

CHANNELS = 2048
_STAGES = (
    Stage(64, 1, (1,) * 3),
    Stage(128, 2, (1,) * 4),
    Stage(256, 2, (1,) * 6),
    Stage(512, 1, (2, 4, 8)),
)


class AtNetwork(nn.Module):
    """All modules; load the weights, then `prepare`, then use."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder_6ch = Encoder(6, _STAGES)
        self.encoder_3ch = Encoder(3, _STAGES)
        self.indicator_encoder = IndicatorEncoder()
        self.decoder_iact = Decoder()
        self.decoder_prop = PropagationDecoder()
        self.prev_conv1x1 = nn.Conv2d(256, 256, 1)
        self.conv1x1 = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def prepare(self) -> None:
        """Rewrite the loaded layers for inference, in place."""
        self.eval().requires_grad_(False)
        fold_norms(self)
        self.decoder_prop.prepare()
        self.merge_query, self.merge_value = split_conv(self.conv1x1, CHANNELS)
        del self.conv1x1
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def speed_up(self) -> None:
        """Use fewer multiplications in the decoders.

        The encoders stay as they are: the global transfer is an exponential of their features.
        """
        speed_up(self.decoder_prop, keep=True)
        # Once an object and stroke only: its memory counts for more than its time.
        speed_up(self.decoder_iact, keep=False)

    def encode(self, image: Tensor) -> FrameFeatures:
        """Features of a frame.

        Parameters
        ----------
        image : (1, 3, Hp, Wp) float
            Normalised and padded.
        """
        r2, r3, r4, r5 = self.encoder_3ch(image)
        del r4
        return FrameFeatures(
            query=r5,
            share=self.merge_query(r5),
            skip3=self.decoder_prop.RF3.skip(r3),
            skip2=self.decoder_prop.RF2.skip(r2),
            near=self.prev_conv1x1(r2),
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
        value : (2048, h·w) float
            What the object looks like here, as the merged feature of visited frames takes it: the
            layer that merges is linear, so it may come before the transfer.
        """
        r2, r3, r4, r5 = self.encoder_6ch(image)
        del r4
        skip = self.decoder_iact.RF2.skip(r2)
        del r2
        merged = self.decoder_iact.merge(skip, r3, r5)
        del skip, r3
        value = self.merge_value(self.indicator_encoder(merged, r5))
        return self.decoder_iact.finish(merged), value.flatten(2)[0]

    def predict(self, frame: FrameFeatures, transferred: Tensor, local: Tensor) -> Tensor:
        """An object on a visited frame.

        Parameters
        ----------
        frame : FrameFeatures
        transferred : (1, 2048, h, w)
            The object's values as the global transfer brought them here.
        local : (1, 1, 4h, 4w)
            Its mask on the neighbour as the local transfer brought it here.

        Returns
        -------
        (1, 1, Hp, Wp) float32
            Logits.
        """
        logits: Tensor = self.decoder_prop(frame, frame.share + transferred, local)
        return logits


def shapes() -> dict[str, dict[str, tuple[int, ...]]]:
    """Entries of the published state dictionary and their shapes, by file name."""
    with torch.device("meta"):
        state = AtNetwork().state_dict()
    return {"ATNet-checkpoint.pth": {key: tuple(value.shape) for key, value in state.items()}}
