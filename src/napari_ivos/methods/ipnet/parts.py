"""The parts of IPNet's two networks; attribute names are those of the checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods._blocks import enlarge
from napari_ivos.methods.ipnet.window import SIDE


class Bottleneck(nn.Module):
    """1×1 – 3×3 – 1×1 residual block, with the stride in the middle."""

    norm_pairs = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(self, channels: int, planes: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        out = 4 * planes
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = nn.Sequential()
        if shortcut:
            self.downsample.append(nn.Conv2d(channels, out, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) → (B, 4·planes, h / stride, w / stride)."""
        out = functional.relu_(self.bn1(self.conv1(x)))
        out = functional.relu_(self.bn2(self.conv2(out)))
        return functional.relu_(self.bn3(self.conv3(out)).add_(self.downsample(x)))


class Encoder(nn.Module):
    """ResNet-50 of a window and of maps that guide it.

    Parameters
    ----------
    guides : tuple of str
        Which maps, by the last letter of their stems' names: ``m`` for a mask from before,
        ``p`` and ``n`` for strokes, ``x`` for the adjacent frame's mask.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, guides: tuple[str, ...]) -> None:
        super().__init__()
        self._stems = ("conv1", *(f"conv1_{guide}" for guide in guides))
        for name in self._stems:
            channels, bias = (3 if name == "conv1" else 1), name == "conv1_m"
            self.add_module(name, nn.Conv2d(channels, 64, 7, 2, 3, bias=bias))
        self.bn1 = nn.BatchNorm2d(64)
        self.res2 = _stage(64, 64, 1, 3)
        self.res3 = _stage(256, 128, 2, 4)
        self.res4 = _stage(512, 256, 2, 6)
        self.res5 = _stage(1024, 512, 2, 3)
        for name in ("mean", "std"):
            self.register_buffer(name, torch.zeros(1, 3, 1, 1))

    def prepare(self) -> None:
        """Make one convolution of the stems, whose results are summed up."""
        stems = [self.get_submodule(name) for name in self._stems]
        weight = torch.cat([stem.get_parameter("weight") for stem in stems], 1)
        with torch.device("meta"):
            joined = nn.Conv2d(weight.shape[1], 64, 7, 2, 3)
        joined.weight = nn.Parameter(weight, requires_grad=False)
        joined.bias = self.get_submodule("conv1_m").get_parameter("bias")
        self.stem = nn.Sequential(joined, self.bn1)
        for name in (*self._stems, "bn1"):
            delattr(self, name)

    def forward(self, window: Tensor) -> list[Tensor]:
        """Feature maps, none of which is negative anywhere.

        Parameters
        ----------
        window : (B, 3 + guides, 256, 256) float
            The frame in 0–1, then the guides. Beyond the frame it is 0 *before* normalisation, so
            the constants cannot go into the stem's weights.

        Returns
        -------
        list of (B, C, h, w)
            Finest (res2, 1/4) first.
        """
        x = window.clone()
        x[:, :3].sub_(self.mean).div_(self.std)
        x = functional.max_pool2d(functional.relu_(self.stem(x)), 3, 2, 1)
        maps = []
        for stage in (self.res2, self.res3, self.res4, self.res5):
            x = stage(x)
            maps.append(x)
        return maps


def _stage(channels: int, planes: int, stride: int, count: int) -> nn.Sequential:
    first = Bottleneck(channels, planes, stride, True)
    return nn.Sequential(
        first, *(Bottleneck(4 * planes, planes, 1, False) for _ in range(count - 1))
    )


class ResBlock(nn.Module):
    """Two convolutions, a relu before each, and a shortcut that takes the input as it is.

    Parameters
    ----------
    channels, out : int
        The shortcut is a 3×3 convolution where they differ.
    positive : bool
        Whether the input is never negative, so that its relu changes nothing.
    """

    def __init__(self, channels: int, out: int, positive: bool = False) -> None:
        super().__init__()
        self.positive = positive
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.downsample = nn.Conv2d(channels, out, 3, padding=1) if channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) → (B, out, h, w)."""
        inner = self.conv1(x if self.positive else x.relu())
        return self.finish(inner, x if self.downsample is None else self.downsample(x))

    def finish(self, inner: Tensor, rest: Tensor) -> Tensor:
        """From what `conv1` gave, which is overwritten, and the shortcut."""
        result: Tensor = self.conv2(functional.relu_(inner))
        return result.add_(rest)


class Refine(nn.Module):
    """Adds a skip feature to a coarser map enlarged twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ResFS = ResBlock(channels, 256, positive=True)
        self.ResMM = ResBlock(256, 256)

    def forward(self, feature: Tensor, coarse: Tensor) -> Tensor:
        """(B, channels, h, w) and (B, 256, h / 2, w / 2) → (B, 256, h, w)."""
        result: Tensor = self.ResMM(self.ResFS(feature).add_(enlarge(coarse, 2)))
        return result


class Decoder(nn.Module):
    """What both decoders have in common: from the merged coarse map to an object."""

    def __init__(self) -> None:
        super().__init__()
        self.RF4 = Refine(1024)
        self.RF3 = Refine(512)
        self.RF2 = Refine(256)
        for number in range(2, 6):
            self.add_module(f"pred{number}", nn.Conv2d(256, 2, 3, padding=1))

    def prepare(self) -> None:
        """Keep the difference of the two logits only, and drop what served the training."""
        for number in range(3, 6):
            delattr(self, f"pred{number}")
        weight, bias = (self.get_parameter(f"pred2.{name}") for name in ("weight", "bias"))
        with torch.device("meta"):
            single = nn.Conv2d(256, 1, 3, padding=1)
        single.weight = nn.Parameter(weight[1:] - weight[:1], requires_grad=False)
        single.bias = nn.Parameter(bias[1:] - bias[:1], requires_grad=False)
        self.pred2 = single

    def finish(self, maps: list[Tensor], coarse: Tensor) -> Tensor:
        """Logit of the object against the rest.

        Parameters
        ----------
        maps : list of Tensor
            Of the encoder.
        coarse : (B, 256, 8, 8)

        Returns
        -------
        (B, 1, 64, 64) float32
        """
        r2, r3, r4, _ = maps
        fine = self.RF2(r2, self.RF3(r3, self.RF4(r4, coarse)))
        logits: Tensor = self.pred2(functional.relu_(fine)).float()
        return logits


def probability(logits: Tensor) -> Tensor:
    """(B, 1, 64, 64) float32 logits → (B, 256, 256) float32 in 0–1."""
    return enlarge(logits, SIDE // logits.shape[-1]).sigmoid_()[:, 0]
