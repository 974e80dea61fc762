"""From an annotated frame outwards, one way: all objects, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from napari_ivos.methods._ahead import made_ahead
from napari_ivos.methods._protocol import FrameResult, Frames, PropagateRequest
from napari_ivos.methods.flow.memory import looks_of
from napari_ivos.methods.flow.path import Path, Step
from napari_ivos.methods.flow.refiner import Refiner
from napari_ivos.methods.flow.settle import Keeper, settle
from napari_ivos.methods.flow.track import Track, advance
from napari_ivos.methods.flow.transport import Flow, dense_flow, grey
from napari_ivos.types import Frame

# Flow is computed on pictures of about this many pixels; where an object's side would be less than
# one of those below, on larger ones, of up to so many: small things lose more by coarse flow.
_FLOW_PIXELS = 260_000
_FINER = ((60.0, 420_000), (20.0, 1_700_000))


def flow_scale(video: Frames, areas: Sequence[int]) -> float:
    """Size at which flow is computed, as a share of the frames'.

    Parameters
    ----------
    video : Frames
    areas : sequence of int
        Pixels of each object.
    """
    pixels = video.shape[1] * video.shape[2]
    side = max(min((area for area in areas if area), default=pixels), 1) ** 0.5
    finer = (min(least / side, (most / pixels) ** 0.5) for least, most in _FINER)
    return float(min(1.0, max((_FLOW_PIXELS / pixels) ** 0.5, *finer)))


def motion(video: Frames, index: int) -> list[Flow]:
    """Flow from a frame to each of its neighbours."""
    scale = flow_scale(video, ())
    here = grey(video[index], scale)
    others = [other for other in (index - 1, index + 1) if 0 <= other < len(video)]
    return [dense_flow(here, grey(video[other], scale)) for other in others]


def walk(
    request: PropagateRequest, way: tuple[int, ...], refiner: Refiner | None = None
) -> Iterator[FrameResult]:
    """Visit the frames of one way and yield each when it is done."""
    if not way:
        return
    video, memory = request.video, request.memory or ()
    objects = request.objects
    entry = next((one for one in memory if one.frame == request.frame), None)
    keeper = Keeper(entry, objects)
    planes = list(request.start.probs[1:])
    scale = flow_scale(video, [int(np.count_nonzero(plane > 0.5)) for plane in planes])
    tracks = [
        Track(plane, video[request.frame], looks_of(memory, object_id), refiner)
        for plane, object_id in zip(planes, objects, strict=True)
    ]
    # Where things move to does not depend on what they are: a step is found out beforehand.
    for index, frame, step in made_ahead(_steps(video, request.frame, way, scale)):
        absent = request.absent(index)
        present = []
        for track, object_id in zip(tracks, objects, strict=True):
            if object_id in absent:
                track.miss()
            else:
                present.append(track)
        advance(present, refiner, frame, step)
        yield settle(request, index, tracks, keeper, absent)


def _steps(
    video: Frames, start: int, way: tuple[int, ...], scale: float
) -> Iterator[tuple[int, Frame, Step]]:
    path = Path(grey(video[start], scale))
    for index in way:
        frame = video[index]
        yield index, frame, path.extend(grey(frame, scale))
