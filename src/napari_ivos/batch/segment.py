"""One video without a window: from strokes or masks made before to masks in a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_ivos.defaults import DEFAULT_METHOD
from napari_ivos.errors import IvosError, StrokeError

if TYPE_CHECKING:
    from napari_ivos.scribbles import Stroke
    from napari_ivos.scribbles.davis import DavisScribbles
    from napari_ivos.session import Direction, Session, Update
    from napari_ivos.video import LabelStack, Video

Watch: TypeAlias = Callable[
    [Iterable["Update"], int, str], AbstractContextManager[Iterable["Update"]]
]
"""Given the updates of a round, how many there will be and what the round is called; gives them
back one by one, and may show progress."""


@dataclass(frozen=True, slots=True)
class SegmentJob:
    """A video, what is known of it, and where its masks go."""

    video: Path
    """Movie, stack, or folder of pictures."""
    strokes: Path | None
    """Scribble file of the DAVIS interactive format; None: there are masks alone."""
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
    masks: Path | None = None
    """Label maps, a file or a folder: the truth about the frames that they have labels on."""
    masks_frame: int = 0
    """The frame that a single label map is of."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a job is about."""

    video: Video
    davis: DavisScribbles | None
    strokes: list[Stroke]
    labels: LabelStack | None
    labelled: dict[int, set[int]]
    """Frames that label maps are given for, and the objects on them."""

    @property
    def frames(self) -> list[int]:
        """Those with strokes, in order; each is a round."""
        return sorted({stroke.frame for stroke in self.strokes})


@contextmanager
def opened(job: SegmentJob) -> Iterator[Opened]:
    """Open a video and what is known of it, having looked at all that can be wrong with a job.

    Raises
    ------
    IvosError
        Something cannot be read, does not fit, or cannot be written to.
    """
    from napari_ivos.checkpoints import find, missing_message
    from napari_ivos.export import check_export, check_inputs
    from napari_ivos.methods import check_choice
    from napari_ivos.scribbles import read_davis, strokes_from_davis
    from napari_ivos.video import open_labels, open_video

    if job.strokes is None and job.masks is None:
        raise StrokeError("There is nothing to start from.", "Give --strokes, --masks, or both.")
    check_export(job.out, format=job.format)
    check_inputs(job.out, (job.video, job.strokes, job.masks, job.project))
    spec = check_choice(job.method, job.device, job.checkpoint, there=True)
    if spec.checkpoint == "required" and job.checkpoint is None and find(job.method) is None:
        raise missing_message(job.method)
    davis = None if job.strokes is None else read_davis(job.strokes)
    with ExitStack() as stack:
        video = open_video(job.video, axes=job.axes, channels=job.channels)
        stack.callback(video.close)
        strokes = [] if davis is None else strokes_from_davis(davis, video.shape[1:3], len(video))
        labels = None if job.masks is None else open_labels(job.masks)
        if labels is not None:
            stack.callback(labels.close)
        labelled = {} if labels is None else _labelled(job, labels, video)
        ids = set() if job.strokes is None else _objects(strokes, job.strokes, bool(labelled))
        check_export(job.out, ids.union(*labelled.values()), format=job.format)
        yield Opened(video, davis, strokes, labels, labelled)


def _labelled(job: SegmentJob, labels: LabelStack, video: Video) -> dict[int, set[int]]:
    """Frames that have labels, and the objects on them; the maps are read one by one."""
    from napari_ivos.session import checked_labels, frames_for

    if job.masks_frame and len(labels) > 1:
        raise StrokeError(
            f"The labels '{labels.name}' have {len(labels)} frames, and so are not of one frame.",
            "Leave out --masks-frame.",
        )
    frames = frames_for(labels, video.shape[:3], job.masks_frame or None, None)
    found = {}
    for index, human in checked_labels(labels, frames, video.shape[1:3]):
        if human.any():
            found[index] = set(np.unique(human).tolist()) - {0}
    if not found:
        raise StrokeError(
            f"The masks '{job.masks}' hold no objects.", "Give label maps: 0 is background."
        )
    return found


def segment(job: SegmentJob, watch: Watch = lambda updates, *_: nullcontext(updates)) -> str:
    """Segment a video.

    Masks are taken first, as the truth about their frames. The frames that are known are then
    worked through in order, each one a round: its strokes are added, if it has any, and its masks
    are carried through the video. What a project holds already stays as it is.

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
        _take_masks(session, it, job)
        given = [frame for frame in it.labelled if _leads_on(session, frame, job.direction)]
        frames = [*given, *it.frames]
        for number, frame in enumerate(frames, start=1):
            label = f"Round {number} of {len(frames)}, from frame {frame}"
            if number > len(given) and it.davis is not None:
                one = [s if i == frame else [] for i, s in enumerate(it.davis["scribbles"])]
                added = session.add_scribbles({**it.davis, "scribbles": one})
            else:
                added = 0
            if added or frame in (*session.pending_frames, *session.interrupted_frames):
                _run_round(session, frame, job.direction, label, watch)
        session.export(job.out, format=job.format)
        return _summary(job.out, it.video, session)


def _take_masks(session: Session, it: Opened, job: SegmentJob) -> None:
    """Make the label maps references, unless the session has them already."""
    from napari_ivos.session import checked_labels

    if it.labels is None:
        return
    known, size = set(session.annotated_frames), it.video.shape[1:3]
    if known.issuperset(it.labelled) and all(
        np.array_equal(session.masks[index], human)
        for index, human in checked_labels(it.labels, _span(it.labelled), size)
        if index in it.labelled
    ):
        return
    plan = session.plan_masks(it.labels, job.masks_frame or None)
    for given in plan.run():
        plan.commit(given)


def _span(frames: Iterable[int]) -> range:
    known = sorted(frames)
    return range(known[0], known[-1] + 1)


def _leads_on(session: Session, frame: int, direction: Direction) -> bool:
    """Whether there is anything beside a frame that its masks could be carried to."""
    trusted, last = set(session.trusted_frames), len(session.video) - 1
    before = direction != "forward" and frame > 0 and frame - 1 not in trusted
    after = direction != "backward" and frame < last and frame + 1 not in trusted
    return before or after


def _objects(drawn: Iterable[Stroke], file: Path, masks: bool) -> set[int]:
    found = {stroke.object_id for stroke in drawn}
    if not found:
        raise StrokeError(f"The scribble file '{file}' holds no strokes.", "Draw some first.")
    if found == {0} and not masks:
        raise StrokeError(
            f"The scribble file '{file}' marks only background.", "Mark an object as well."
        )
    return found - {0}


def _run_round(
    session: Session, frame: int, direction: Direction, label: str, watch: Watch
) -> None:
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
