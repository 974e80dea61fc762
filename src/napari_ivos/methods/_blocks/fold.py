"""Rewriting loaded layers for inference: same outputs up to rounding, less work."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_norms(module: nn.Module) -> None:
    """Replace each convolution and its batch normalisation by one convolution, in place.

    Parameters
    ----------
    module : Module
        In evaluation mode. Submodules name their pairs in ``norm_pairs``; in a `Sequential` a
        normalisation belongs to the convolution in front of it.
    """
    for parent in module.modules():
        for conv_name, norm_name in _pairs(parent):
            conv, norm = parent.get_submodule(conv_name), parent.get_submodule(norm_name)
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(parent, norm_name, nn.Identity())


def _pairs(parent: nn.Module) -> Iterator[tuple[str, str]]:
    if isinstance(parent, nn.Sequential):
        names = [name for name, _ in parent.named_children()]
        for first, second in pairwise(names):
            if isinstance(parent.get_submodule(second), nn.BatchNorm2d):
                yield first, second
    else:
        yield from getattr(parent, "norm_pairs", ())


def split_conv(conv: nn.Conv2d, channels: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """A convolution of joined maps as two whose results add up.

    Parameters
    ----------
    conv : Conv2d
    channels : int
        How many input channels the first one takes.

    Returns
    -------
    first, rest : Conv2d
        The first has the bias.
    """
    parts = []
    for part, weight in enumerate((conv.weight[:, :channels], conv.weight[:, channels:])):
        with torch.device("meta"):
            half = nn.Conv2d(
                weight.shape[1],
                conv.out_channels,
                weight.shape[2],
                padding=conv.padding,  # type: ignore[arg-type]
                bias=part == 0,
            )
        half.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        if part == 0:
            half.bias = conv.bias
        parts.append(half)
    return parts[0], parts[1]
