"""One video without a window: from strokes drawn before to masks in a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from napari_ivos.defaults import DEFAULT_METHOD
from napari_ivos.errors import IvosError, StrokeError

if TYPE_CHECKING:
    from napari_ivos.scribbles import Stroke
    from napari_ivos.scribbles.davis import DavisScribbles
    from napari_ivos.session import Direction, Session, Update
    from napari_ivos.video import Video

Watch: TypeAlias = Callable[
    [Iterable["Update"], int, str], AbstractContextManager[Iterable["Update"]]
]
"""Given the updates of a round, how many there will be and what the round is called; gives them
back one by one, and may show progress."""


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """A video, what was drawn on it, and where its masks go."""

    video: Path
    """Movie, stack, or folder of pictures."""
    strokes: Path
    """Scribble file of the DAVIS interactive format."""
    out: Path
    method: str = DEFAULT_METHOD
    device: str = "auto"
    checkpoint: Path | None = None
    axes: str | None = None
    channels: tuple[int, ...] | None = None
    direction: Direction = "both"
    format: str | None = None
    """As for `napari_ivos.export.export_masks`."""
    project: Path | None = None
    """Folder to keep all work in; if it is there, the work goes on."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a job is about."""

    video: Video
    davis: DavisScribbles
    strokes: list[Stroke]

    @property
    def frames(self) -> list[int]:
        """Those with strokes, in order; each is a round."""
        return sorted({stroke.frame for stroke in self.strokes})


@contextmanager
def opened(job: SegmentJob) -> Iterator[Opened]:
    """Open a video and its strokes, having looked at everything that can be wrong with a job.

    Raises
    ------
    IvosError
        Something cannot be read, does not fit, or cannot be written to.
    """
    from napari_ivos.export import check_export
    from napari_ivos.methods import check_choice
    from napari_ivos.scribbles import read_davis, strokes_from_davis
    from napari_ivos.video import open_video

    check_export(job.out, format=job.format)
    check_choice(job.method, job.device, job.checkpoint, there=True)
    davis = read_davis(job.strokes)
    video = open_video(job.video, axes=job.axes, channels=job.channels)
    try:
        strokes = strokes_from_davis(davis, video.shape[1:3], len(video))
        check_export(job.out, _objects(strokes, job.strokes), format=job.format)
        yield Opened(video, davis, strokes)
    finally:
        video.close()


def segment(job: SegmentJob, watch: Watch = lambda updates, *_: nullcontext(updates)) -> str:
    """Segment a video.

    Its annotated frames are worked through in order, each one a round: its strokes are added, then
    its masks are carried through the video. Rounds that a project holds already stay as they are.

    Parameters
    ----------
    job : SegmentJob
    watch : callable
        See `Watch`.

    Returns
    -------
    str
        What was done, in one line.

    Raises
    ------
    IvosError
        The job is not possible, or the method failed.
    """
    from napari_ivos.session import Session

    with (
        opened(job) as it,
        Session(it.video, job.method, job.device, job.checkpoint, project=job.project) as session,
    ):
        for number, frame in enumerate(it.frames, start=1):
            label = f"Round {number} of {len(it.frames)}, from frame {frame}"
            _run_round(session, it.davis, frame, job.direction, label, watch)
        session.export(job.out, format=job.format)
        return _summary(job.out, it.video, session)


def _objects(drawn: Iterable[Stroke], file: Path) -> set[int]:
    found = {stroke.object_id for stroke in drawn}
    if not found:
        raise StrokeError(f"The scribble file '{file}' holds no strokes.", "Draw some first.")
    if found == {0}:
        raise StrokeError(
            f"The scribble file '{file}' marks only background.", "Mark an object as well."
        )
    return found - {0}


def _run_round(
    session: Session,
    davis: DavisScribbles,
    frame: int,
    direction: Direction,
    label: str,
    watch: Watch,
) -> None:
    one = [s if index == frame else [] for index, s in enumerate(davis["scribbles"])]
    added = session.add_scribbles({**davis, "scribbles": one})
    if not added and frame not in (*session.pending_frames, *session.interrupted_frames):
        return
    plan = session.plan_propagate(frame, direction)
    try:
        with watch(plan.run(), len(plan.frames), label) as updates:
            for update in updates:
                session.commit(update)
    except IvosError:
        session.finish(plan)
        raise
    # Not after an interrupt: then the project is to know that the round was cut off.
    session.finish(plan)


def _summary(out: Path, video: Video, session: Session) -> str:
    length, height, width, _ = video.shape
    known = [value for value in session.reliability.tolist() if not math.isnan(value)]
    trust = f", mean reliability {fmean(known):.2f}" if known else ""
    count = len(session.objects)
    return (
        f"{out}: {length} frames of {height} × {width}, "
        f"{count} object{'s' if count > 1 else ''}, method {session.method.name}{trust}"
    )
