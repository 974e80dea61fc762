"""Which axis of an array is which: chosen by the user, told by the file, or plain by its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_ivos.errors import VideoError

LETTERS = "TZCSYX"
_MEANING = "T time, Z depth, C channels, S colour samples, Y rows, X columns"
_NAMES = {"time": "T", "channel": "C", "samples": "S"}
_CHANNELS = 4
"""More channels than this, with neither time nor depth, are not believed to be channels."""

_SMALLEST_PICTURE = 5
"""A side shorter than this is not taken for a picture's when colour is guessed from the shape."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The axes of an array that make its frames; all others have size 1."""

    ndim: int
    frames: int | None
    """None: the array is a single frame."""
    y: int
    x: int
    channels: int | None
    per_channel: bool
    """Whether `channels` are measured apart (C), not samples of one colour (S)."""

    def count(self, shape: Sequence[int]) -> int:
        """Number of channels, at least 1."""
        return 1 if self.channels is None else shape[self.channels]

    def length(self, shape: Sequence[int]) -> int:
        """Number of frames, at least 1."""
        return 1 if self.frames is None else shape[self.frames]

    def key(self, index: int, channel: int | slice) -> tuple[int | slice, ...]:
        """Index of one frame, and of one or all of its channels, in the whole array."""
        key: list[int | slice] = [0] * self.ndim
        key[self.y] = key[self.x] = slice(None)
        if self.frames is not None:
            key[self.frames] = index
        if self.channels is not None:
            key[self.channels] = channel
        return tuple(key)


def axes_from_names(names: Sequence[Any] | None) -> str | None:
    """Axes string of names such as ("t", "channel", "y", "x"); None if they do not fit."""
    if not names:
        return None
    letters = [_NAMES.get(str(name).lower(), str(name).upper()) for name in names]
    axes = "".join(letters)
    return axes if len(axes) == len(names) and not _fault(axes, len(names)) else None


def find_layout(
    shape: Sequence[int],
    dtype: np.dtype[Any],
    axes: str | None,
    told: str | None,
    name: str,
) -> Layout:
    """Find the axes of frames, rows, columns and channels.

    Parameters
    ----------
    shape, dtype
        Of the array.
    axes : str or None
        What the user says: one letter of TZCSYX per axis, in either case.
    told : str or None
        What the file says; letters other than TZCSYX mean "something", as in tifffile.
    name : str
        What to call the array in messages.

    Raises
    ------
    VideoError
        The axes do not fit the shape, or more than one axis could be the frames'.
    """
    if len(shape) < 2:
        raise VideoError(
            f"{name} has {len(shape)} axis of values; a video needs at least rows and columns."
            if len(shape) == 1
            else f"{name} is a single value, not a video.",
            "Give an array of shape (frames, height, width) or (frames, height, width, 3).",
        )
    if 0 in shape:
        raise VideoError(f"{name} is empty: its shape is {tuple(shape)}.", "Check how it was made.")
    if axes is not None and not isinstance(axes, str):
        raise VideoError(f"axes={axes!r} is not one letter per axis.", f"There is: {_MEANING}.")
    if axes is None:
        known = _complete(told, shape)
        letters = known if known is not None else _guess(shape, dtype)
    else:
        letters = axes.upper()
        fault = _fault(letters, len(shape))
        if fault:
            raise VideoError(
                f'{name}, of shape {tuple(shape)}, does not have the axes "{axes}": {fault}.',
                f"Give one letter per axis: {_MEANING}.",
            )
    return _layout(letters, shape, name)


def _fault(axes: str, ndim: int) -> str:
    """What is wrong with an axes string, as a clause; empty if nothing."""
    unknown = "".join(sorted(set(axes) - set(LETTERS)))
    if unknown:
        return f"the letter {unknown[0]} is not known"
    if len(set(axes)) < len(axes):
        return "a letter stands twice"
    if len(axes) != ndim:
        return f"it has {len(axes)} letters for {ndim} axes"
    if not {"Y", "X"} <= set(axes):
        return "Y and X are needed"
    return ""


def _complete(told: str | None, shape: Sequence[int]) -> str | None:
    """What the file says, with T for the axis that must be time; None if it says too little."""
    if told is None or len(told) != len(shape) or not {"Y", "X"} <= set(told):
        return None
    sizes = [(place, letter) for place, letter in enumerate(told) if shape[place] > 1]
    frames = [place for place, letter in sizes if letter not in "CSYX"]
    if not frames:
        # Writers label a bare stack CYX: so many channels and not one time are frames.
        frames = [place for place, letter in sizes if letter == "C" and shape[place] > _CHANNELS]
    unnamed = [place for place in frames if told[place] not in "TZ"]
    if unnamed and len(frames) > 1:
        return None
    return "".join("T" if place in unnamed else letter for place, letter in enumerate(told))


def _guess(shape: Sequence[int], dtype: np.dtype[Any]) -> str:
    """Axes of a bare array; "?" stands for axes before the picture that nothing is known about."""
    ndim = len(shape)
    big = ndim >= 3 and min(shape[-3:-1]) >= _SMALLEST_PICTURE
    # Three axes of another type are more likely a stack of very narrow pictures.
    colour = shape[-1] in (3, 4) and (ndim >= 4 or dtype in (np.uint8, np.uint16))
    picture = "YXS" if big and (colour or shape[-1] == 1) else "YX"
    before = shape[: ndim - len(picture)]
    return "".join("?" if size > 1 else "-" for size in before) + picture


def _layout(letters: str, shape: Sequence[int], name: str) -> Layout:
    # Axes of size 1 say nothing, except rows and columns.
    place = {letter: at for at, letter in enumerate(letters) if shape[at] > 1 or letter in "YX"}
    if letters.count("?") > 1:
        raise VideoError(
            f"{name} has shape {tuple(shape)}, and nothing says which axis is time, "
            "depth or channels.",
            _advice(letters),
        )
    if "T" in place and "Z" in place:
        raise VideoError(
            f"{name} has {shape[place['T']]} times and {shape[place['Z']]} depths; "
            "a video has one of them.",
            _one_plane(letters, place),
        )
    if "C" in place and "S" in place:
        raise VideoError(
            f"{name} has both {shape[place['C']]} channels (C) and {shape[place['S']]} "
            "colour samples (S); a video has one of them.",
            "Give one channel as an array, or name the axis of channels T if it is time.",
        )
    return Layout(
        ndim=len(shape),
        frames=next((place[letter] for letter in "TZ?" if letter in place), None),
        y=place["Y"],
        x=place["X"],
        channels=place.get("C", place.get("S")),
        per_channel="C" in place,
    )


def _one_plane(letters: str, place: Mapping[str, int]) -> str:
    """How to choose a plane of a stack that has times and depths."""
    if "C" in place or "S" in place:
        plane = ", ".join([*":" * place["Z"], "0"])
        return (
            "Save one plane, or one time, as a file of its own and open that (in Fiji: "
            f"Image › Duplicate); in Python give it as an array: data[{plane}]."
        )
    swapped = letters.translate(str.maketrans("CZ", "ZC"))
    return (
        f'Choose a plane by naming the depths channels: axes="{swapped}", channels=0; on the '
        f"command line --axes {swapped} --channels 0."
    )


def _advice(letters: str) -> str:
    """How to name the unknown axes: time first, then channels, then depth."""
    before = len(letters.rstrip("YXS"))
    if before > 3:
        return "Give an array of shape (frames, height, width) or (frames, height, width, 3)."
    return f'Say it with axes=, such as axes="{"TCZ"[:before]}{letters[before:]}" ({_MEANING}).'
