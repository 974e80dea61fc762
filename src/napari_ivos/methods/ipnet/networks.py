"""The two networks of IPNet (CVPR 2019), with the published state-dict keys.

`InteractionNetwork` segments an object on an annotated frame, `PropagationNetwork` on one that a
propagation comes to. Each has a file of its own; many names stand in both.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks import fold_norms, speed_up, split_conv
from napari_ivos.methods._shelf import Shelf
from napari_ivos.methods.ipnet import parts
from napari_ivos.methods.ipnet.parts import Decoder, Refine, ResBlock
from napari_ivos.methods.ipnet.small import use_products

CHANNELS = 2048
"""Of the coarsest map, which is what a reference feature is."""


class _Network(nn.Module):
    """What both have in common."""

    Encoder: parts.Encoder
    Decoder: parts.Decoder

    def prepare(self) -> None:
        """Rewrite the loaded layers for inference, in place."""
        self.requires_grad_(False)
        for part in (self.Decoder, self.Encoder):
            part.prepare()
        fold_norms(self.eval())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def speed_up(self, keep: bool) -> None:
        """Fewer multiplications where maps are large, fewer copies of weights where they are small.

        On the processor, in float32; done again it changes nothing.

        Parameters
        ----------
        keep : bool
            Whether the transformed weights of the wider layers are kept, at 70 MB.
        """
        for part in (self.Encoder.res2, self.Encoder.res3, self.Decoder.RF2):
            speed_up(part, keep=True)
        speed_up(self.Decoder.RF3, keep)
        for child in self.Decoder.children():
            if not isinstance(child, Refine):
                use_products(child)


class _InteractionDecoder(Decoder):
    def __init__(self) -> None:
        super().__init__()
        self.ResFM = ResBlock(CHANNELS, 256, positive=True)

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.finish(maps, self.ResFM(maps[-1]))


class InteractionNetwork(_Network):
    """An object on an annotated frame; load the weights, then `prepare`, then use."""

    def __init__(self) -> None:
        super().__init__()
        self.Encoder = parts.Encoder(("m", "p", "n"))
        self.Decoder = _InteractionDecoder()

    def forward(self, window: Tensor) -> tuple[Tensor, Tensor]:
        """Segment and describe an object.

        Parameters
        ----------
        window : (B, 6, 256, 256) float
            Frame in 0–1, mask from before, positive and negative strokes.

        Returns
        -------
        logits : (B, 1, 64, 64) float32
        reference : (B, 2048, 8, 8)
        """
        maps = self.Encoder(window)
        return self.Decoder(maps), maps[-1]


class _PropagationDecoder(Decoder):
    def __init__(self) -> None:
        super().__init__()
        self.ResFM1 = ResBlock(2 * CHANNELS, 1024, positive=True)
        self.ResFM2 = ResBlock(1024, 256)

    def prepare(self) -> None:
        """Tell what depends on the reference alone from what each frame has."""
        super().prepare()
        block = self.ResFM1
        assert block.downsample is not None
        # One after the other, so that the whole of only one is there beside its parts.
        inner = split_conv(block.conv1, CHANNELS)
        del block.conv1
        rest = split_conv(block.downsample, CHANNELS)
        block.downsample = None
        self.reference, self.frame = (
            nn.ModuleList(halves) for halves in zip(inner, rest, strict=True)
        )

    def halves(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Two of (B, 1024, 8, 8): a reference's share in ResFM1, the same for all frames."""
        inner, rest = self.reference
        return inner(reference), rest(reference)

    def forward(self, maps: list[Tensor], halves: tuple[Tensor, Tensor]) -> Tensor:
        inner, rest = (
            part(maps[-1]).add_(half) for part, half in zip(self.frame, halves, strict=True)
        )
        merged = self.ResFM1.finish(inner, rest)
        return self.finish(maps, self.ResFM2(merged))


class Sefa(nn.Module):
    """Weighs a round's reference against the aggregate of the rounds before (section 3.4)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * CHANNELS, CHANNELS)
        self.fc2 = nn.Linear(CHANNELS, 2 * CHANNELS)

    def forward(self, reference: Tensor, before: Tensor) -> Tensor:
        """(B, 2048, h, w), from two of these."""
        means = torch.cat((reference, before), 1).mean((2, 3))
        pairs = self.fc2(functional.relu_(self.fc1(means))).float()
        # A channel's two weights lie side by side.
        shares = torch.softmax(pairs.view(-1, CHANNELS, 2), -1)[..., None, None]
        return reference * shares[:, :, 0] + before * shares[:, :, 1]


class PropagationNetwork(_Network):
    """An object on a visited frame; load the weights, then `prepare`, then use."""

    Decoder: _PropagationDecoder

    def __init__(self) -> None:
        super().__init__()
        self.Encoder = parts.Encoder(("m", "x"))
        self.SEFA = Sefa()
        self.Decoder = _PropagationDecoder()
        self._shelf: Shelf | None = None

    def shelve(self) -> None:
        """Keep the weights that a round needs just once out of memory, on the processor."""
        if self._shelf is None:
            self._shelf = Shelf(self.SEFA, self.Decoder.reference)

    def rest(self) -> None:
        """Give back the memory of what `shelve` has put away."""
        if self._shelf is not None:
            self._shelf.rest()

    def halves(self, aggregate: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` needs of an aggregated reference (B, 2048, 8, 8), once a round."""
        return self.Decoder.halves(aggregate)

    def forward(self, window: Tensor, halves: tuple[Tensor, Tensor]) -> Tensor:
        """Segment an object.

        Parameters
        ----------
        window : (B, 5, 256, 256) float
            Frame in 0–1, mask of this frame from the rounds before, mask of the adjacent frame.
        halves : two of (B, 1024, 8, 8)

        Returns
        -------
        (B, 1, 64, 64) float32
        """
        result: Tensor = self.Decoder(self.Encoder(window), halves)
        return result


NETWORKS: dict[str, Callable[[], InteractionNetwork | PropagationNetwork]] = {
    "I_e290.pth": InteractionNetwork,
    "P_e290.pth": PropagationNetwork,
}
"""By the name of the file with the weights."""


def shapes() -> dict[str, dict[str, tuple[int, ...]]]:
    """Entries of the published state dictionaries and their shapes, by file name."""
    with torch.device("meta"):
        states = {name: make().state_dict() for name, make in NETWORKS.items()}
    return {
        name: {key: tuple(value.shape) for key, value in state.items()}
        for name, state in states.items()
    }
