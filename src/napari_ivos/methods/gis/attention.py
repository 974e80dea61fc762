"""Reliability-based attention (section 3.2 of the paper), streamed over annotated positions.

Each position of an annotated frame spreads a unit of mass over the positions of the query frame:
the softmax runs over the *query* positions and is not scaled. So blocks of annotated rows can be
done one after the other, exactly, without the (h·w)² matrix ever being whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_MARGIN = 0.1


class Reference(NamedTuple):
    """An annotated frame, as a source of attention; T = h·w positions."""

    similar: Tensor
    """(128, T) float32."""
    values: Tensor
    """(128 + 256·K, T): what is attended for reliability, then each object's indicator."""


class Transferred(NamedTuple):
    """What the annotated frames say about the query frame."""

    objects: Tensor
    """(K, 256, T) float32: indicators, weighed by reliability."""
    score: Tensor
    """(T,) float32, 0–1: the reliability map."""


def spread(source: Tensor, query: Tensor, values: Tensor, block: int) -> Tensor:
    """Values of the source's positions, spread over the query's by similarity.

    Parameters
    ----------
    source, query : (128, T) float32
        Their product is kept in true float32: trained similarities are unscaled sums of 128 terms.
    values : (rows, T)
        On the source. In half precision the product with the values runs in it, and is summed up
        in float32.
    block : int
        How many source positions at a time.

    Returns
    -------
    (rows, T) float32
    """
    out = torch.zeros(values.shape[0], query.shape[1], device=query.device)
    for start in range(0, source.shape[1], block):
        part = slice(start, start + block)
        share = torch.softmax(source[:, part].T @ query, dim=-1)
        if values.dtype == torch.float32:
            out.addmm_(values[:, part], share)
        else:
            out += (values[:, part] @ share.to(values.dtype)).float()
    return out


def at_annotated(similar: Tensor, indicators: Tensor, block: int) -> Transferred:
    """Attention of an annotated frame to itself alone: reliability is full everywhere.

    Parameters
    ----------
    similar : (128, T) float32
    indicators : (K, 256, T)
    block : int
    """
    moved = spread(similar, similar, indicators.flatten(0, 1), block)
    return Transferred(moved.view(indicators.shape), torch.ones_like(similar[0]))


def transfer(
    query: Tensor,
    attended: Tensor,
    references: Sequence[Reference],
    known: Sequence[Sequence[bool]],
    block: int,
) -> Transferred:
    """Bring the objects' indicators from the annotated frames to the query frame.

    Parameters
    ----------
    query : (128, T) float32
    attended : (128, T) float32
        What the query frame sends along the attention to itself.
    references : sequence of N `Reference`
    known : N sequences of K bool
        Whether an object takes part in an annotated frame. The weights of an object's frames sum
        to one over those where it does.
    block : int
        How many annotated positions at a time.
    """
    count = len(known[0])
    total = torch.zeros(count, 1, query.shape[1], device=query.device)
    objects = torch.zeros(count, 256, query.shape[1], device=query.device)
    best = torch.zeros_like(query[0])
    for reference, takes_part in zip(references, known, strict=True):
        moved = spread(reference.similar, query, reference.values, block)
        distance = (moved[:128] - attended).square_().amax(0)
        reliability = 1 / (distance + _MARGIN)
        best = torch.maximum(best, reliability)
        # Reliability is at most 10, so its exponential needs no shift.
        weight = (reliability - 5).exp()
        channels = [k for k in range(count) if takes_part[k]]
        for row, k in enumerate(channels):
            objects[k].addcmul_(moved[128 + 256 * row : 384 + 256 * row], weight)
            total[k] += weight
        del moved
    objects.div_(total)
    return Transferred(objects, (best / 2 - 5).exp())
