"""Features of an image: the first five stages of EfficientNet-Lite0, without batch normalisation.

Tan and Le, "EfficientNet" (ICML 2019); the Lite variant leaves squeeze-and-excitation out and uses
ReLU6. Normalisation is folded into the convolutions (`training.pretrained` does that), as the
encoder is not trained with batches large enough to estimate it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

# Of each block: kernel, stride, expansion, channels in and out.
_BLOCKS = (
    (3, 1, 1, 32, 16),
    (3, 2, 6, 16, 24),
    (3, 1, 6, 24, 24),
    (5, 2, 6, 24, 40),
    (5, 1, 6, 40, 40),
    (3, 2, 6, 40, 80),
    (3, 1, 6, 80, 80),
    (3, 1, 6, 80, 80),
    (5, 1, 6, 80, 112),
    (5, 1, 6, 112, 112),
    (5, 1, 6, 112, 112),
)
# After these blocks the features have strides 2, 4, 8 and 16.
_OUTPUTS = (0, 2, 4, 10)
CHANNELS = (16, 24, 40, 112)
"""Of the features at strides 2, 4, 8 and 16."""


class Block(nn.Module):
    """Inverted residual (Sandler et al., CVPR 2018)."""

    def __init__(self, kernel: int, stride: int, expansion: int, before: int, after: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = nn.Conv2d(before, wide, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide)
        self.project = nn.Conv2d(wide, after, 1)
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, D, h, w), or half as high and wide."""
        wide = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        out: Tensor = self.project(functional.relu6(self.depthwise(wide), inplace=True))
        return x + out if self.residual else out


class Encoder(nn.Module):
    """Images to features at four scales."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, 1)
        self.blocks = nn.ModuleList(Block(*row) for row in _BLOCKS)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, S, S) RGB, 0–255, to features of strides 2, 4, 8 and 16."""
        x = functional.relu6(self.stem((images - 127) / 128), inplace=True)
        out = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _OUTPUTS:
                out.append(x)
        return tuple(out)
