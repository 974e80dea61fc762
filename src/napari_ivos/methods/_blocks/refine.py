"""From coarse maps to finer ones, with a skip connection."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks.resize import enlarge


class Refine(nn.Module):
    """Adds a skip feature to a coarser map enlarged twice.

    Parameters
    ----------
    channels, out : int
        Of the skip feature; of the coarser map and of the output.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.convFS1 = nn.Conv2d(channels, out, 3, padding=1)
        self.convFS2 = nn.Conv2d(out, out, 3, padding=1)
        self.convFS3 = nn.Conv2d(out, out, 3, padding=1)
        self.convMM1 = nn.Conv2d(out, out, 3, padding=1)
        self.convMM2 = nn.Conv2d(out, out, 3, padding=1)

    def skip(self, feature: Tensor) -> Tensor:
        """The half that depends on the skip feature alone.

        Parameters
        ----------
        feature : (B, channels, h, w)

        Returns
        -------
        (B, out, h, w)
        """
        first: Tensor = self.convFS1(feature)
        second = functional.relu_(self.convFS2(first.relu()))
        return first.add_(self.convFS3(second))

    def merge(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """The other half.

        Parameters
        ----------
        skip : (B, out, h, w)
            What `skip` gave; not changed.
        coarse : (B, out, h / 2, w / 2)

        Returns
        -------
        (B, out, h, w)
        """
        merged = enlarge(coarse, 2).add_(skip)
        inner = functional.relu_(self.convMM1(merged.relu()))
        return merged.add_(self.convMM2(inner))

    def forward(self, feature: Tensor, coarse: Tensor) -> Tensor:
        """``merge(skip(feature), coarse)``."""
        return self.merge(self.skip(feature), coarse)


def coarse_path(module: nn.Module, x: Tensor) -> Tensor:
    """The three convolutions ``convG0``, ``convG1``, ``convG2`` of a decoder, relu before each.

    Parameters
    ----------
    module : Module
        The decoder that owns them.
    x : (B, C, h, w)

    Returns
    -------
    (B, out, h, w)
    """
    x = x.relu()
    for name in ("convG0", "convG1"):
        x = functional.relu_(module.get_submodule(name)(x))
    result: Tensor = module.get_submodule("convG2")(x)
    return result
