"""Global transfer (section 3.3 of the paper), streamed over annotated positions.

Each position of an annotated frame spreads a unit of mass over the positions of the visited frame:
the softmax runs over the *visited* frame's positions and is not scaled. So annotated frames are
independent of each other, and blocks of their positions can be done one after the other, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def spread(key: Tensor, query: Tensor, values: Sequence[Tensor], block: int) -> list[Tensor]:
    """Values of an annotated frame, spread over a visited one by similarity.

    Parameters
    ----------
    key, query : (C, T), (C, U) float
        Their product is taken in float32: similarities are unscaled sums of C products.
    values : sequence of K (V, T)
        One an object. In half precision the product with the values runs in it, and is summed up
        in float32.
    block : int
        How many annotated positions at a time.

    Returns
    -------
    list of K (V, U) float32
    """
    key, query = key.float(), query.float()
    moved = [torch.zeros(len(v), query.shape[1], device=query.device) for v in values]
    for start in range(0, key.shape[1], block):
        part = slice(start, start + block)
        share = torch.softmax(key[:, part].T @ query, dim=-1)
        for out, value in zip(moved, values, strict=True):
            if value.dtype == torch.float32:
                out.addmm_(value[:, part], share)
            else:
                out.add_((value[:, part] @ share.to(value.dtype)).float())
    return moved
