"""Reading frames while others are worked on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor

from napari_ivos.methods._protocol import Frames
from napari_ivos.types import Frame


def ahead(video: Frames, indices: Sequence[int]) -> Generator[tuple[int, Frame]]:
    """Frames in the order given, the next one read while the last is worked on."""
    with ThreadPoolExecutor(1, "napari-ivos-frames") as reader:
        waiting = [reader.submit(video.__getitem__, index) for index in indices[:1]]
        for place, index in enumerate(indices):
            pixels = waiting.pop().result()
            if place + 1 < len(indices):
                waiting.append(reader.submit(video.__getitem__, indices[place + 1]))
            yield index, pixels
