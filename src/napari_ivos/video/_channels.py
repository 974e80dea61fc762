"""Which channels of a source become red, green and blue."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex, TypeAlias

from napari_ivos.errors import VideoError
from napari_ivos.types import AnyArray

Channels: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
"""One channel (grey), or up to three for red, green and blue; counted from 0."""


def choose_channels(
    channels: Channels | None, count: int, per_channel: bool, name: str
) -> tuple[int, ...]:
    """Resolve the user's wish for channels.

    Parameters
    ----------
    channels : int, sequence of 1 to 3 int, or None
        None: the first three at most; of the samples of one colour without the alpha.
    count : int
        Channels that the source has.
    per_channel : bool
        Whether they were measured apart, not samples of one colour.
    name : str
        What to call the source in messages.

    Returns
    -------
    tuple of 1 to 3 int

    Raises
    ------
    VideoError
        A channel is not there, or the wish is no such list.
    """
    if channels is None:
        # Two samples of one colour are grey and alpha.
        return tuple(range(1 if count == 2 and not per_channel else min(count, 3)))
    try:
        wanted = [operator.index(channels)]  # type: ignore[arg-type]
    except TypeError:
        try:
            wanted = [operator.index(channel) for channel in channels]  # type: ignore[union-attr]
        except TypeError:
            wanted = []
    if not 1 <= len(wanted) <= 3:
        raise VideoError(
            f"channels={channels!r} is not one channel, nor a list of one to three.",
            "Give a number such as 0, or red, green and blue as (2, 1, 0).",
        )
    for channel in wanted:
        if not 0 <= channel < count:
            raise VideoError(
                f"{name} has no channel {channel}.",
                f"Its channels are 0 to {count - 1}." if count > 1 else "Its only channel is 0.",
            )
    return tuple(wanted)


def pick(raw: AnyArray, chosen: tuple[int, ...]) -> AnyArray:
    """Take the chosen channels of a raw frame (H, W, C), without a copy where none is needed."""
    if chosen == tuple(range(raw.shape[2])):
        return raw
    if chosen == tuple(range(len(chosen))):
        return raw[..., : len(chosen)]
    return raw[..., list(chosen)]
