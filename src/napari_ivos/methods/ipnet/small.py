"""3 × 3 convolutions of small maps: their weights are many and their pixels few.

A library's convolution rearranges its weights in each call. Where maps have 8 × 8 pixels that costs
more than the products, so they are left as they lie and multiplied with the pixels' surroundings.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_SIZE = 3


def use_products(network: nn.Module) -> None:
    """Replace the 3 × 3 convolutions with stride 1 within a network, in place.

    Parameters
    ----------
    network : Module
        With channels last, ready for inference.
    """
    for parent in list(network.modules()):
        for name, conv in list(parent.named_children()):
            if isinstance(conv, nn.Conv2d) and _suits(conv):
                setattr(parent, name, ProductConv(conv))


def _suits(conv: nn.Conv2d) -> bool:
    return (
        conv.kernel_size == (_SIZE, _SIZE)
        and (conv.stride, conv.padding, conv.dilation) == ((1, 1),) * 3
        and conv.groups == 1
    )


class ProductConv(nn.Module):
    """What a padded 3×3 `nn.Conv2d` with stride 1 computes, up to rounding.

    Parameters
    ----------
    conv : Conv2d
        Its weights lie with channels last, and are shared.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self._bias = conv.bias
        self._weight = conv.weight.permute(0, 2, 3, 1).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) → (B, out, H, W), channels last."""
        batch, channels, height, width = x.shape
        padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).contiguous()
        image, down, along, _ = padded.stride()
        around = padded.as_strided(
            (batch, height, width, _SIZE, _SIZE, channels), (image, down, along, down, along, 1)
        )
        out = functional.linear(around.reshape(batch, height, width, -1), self._weight, self._bias)
        return out.permute(0, 3, 1, 2)
