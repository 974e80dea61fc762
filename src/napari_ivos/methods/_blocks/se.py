"""The residual bottleneck with squeeze and excitation."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SeBottleneck(nn.Module):
    """1×1 – 3×3 – 1×1 residual block whose output channels are gated by their own mean.

    Parameters
    ----------
    channels : int
        Of the input.
    planes : int
        Of the middle; the output has ``4·planes``.
    stride, dilation : int
        Of the 3×3 convolution; the stride is the shortcut's as well.
    shortcut : Module, optional
        What brings the input to the output's size; None: the input itself.

    Notes
    -----
    The gate's mean runs over the whole (padded) map, so padding changes results everywhere.
    """

    norm_pairs = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(
        self,
        channels: int,
        planes: int,
        stride: int = 1,
        dilation: int = 1,
        shortcut: nn.Module | None = None,
    ) -> None:
        super().__init__()
        out = 4 * planes
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(
            planes, planes, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.conv_down = nn.Conv2d(out, planes // 4, 1, bias=False)
        self.conv_up = nn.Conv2d(planes // 4, out, 1, bias=False)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) → (B, 4·planes, h / stride, w / stride)."""
        out = functional.relu_(self.bn1(self.conv1(x)))
        out = functional.relu_(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        gate = functional.relu_(self.conv_down(out.mean((2, 3), keepdim=True)))
        gate = self.conv_up(gate).sigmoid_()
        rest = x if self.downsample is None else self.downsample(x)
        return functional.relu_(out.mul_(gate).add_(rest))
