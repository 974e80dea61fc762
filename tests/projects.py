"""Work on a small video, for tests of what becomes of it."""

import numpy as np

from fakes import FakeEngine
from napari_ivos.session import Session

FRAMES = np.random.default_rng(0).integers(0, 255, (20, 30, 40, 3), np.uint8)


def begin(path, video=FRAMES, **options):
    return Session(video, engine=FakeEngine(), project=path, **options)


def reopen(path, video=FRAMES):
    return Session.open(path, video, engine=FakeEngine())


def draw(session, frame, y=10, object_id=1):
    session.add_stroke(frame, object_id, [[y, 10.25], [y, 19.1]], 1.5)


def everything(session):
    """All that a user can see, in a form that can be compared."""
    return (
        np.asarray(session.masks).tobytes(),
        session.reliability.tobytes(),
        session.objects,
        session.strokes(),
        session.annotated_frames,
        session.pending_frames,
        session.undo_text,
        session.redo_text,
        session.method,
    )


SQUARE = np.zeros((30, 40), int)
SQUARE[3:9, 3:9] = 700

STEPS = (
    lambda session: session.add_object("nucleus"),
    lambda session: draw(session, 5),
    lambda session: list(session.propagate()),
    lambda session: session.add_object(),
    lambda session: draw(session, 12, y=20, object_id=2),
    lambda session: draw(session, 5, y=14),
    lambda session: list(session.propagate(direction="forward")),
    lambda session: session.add_mask(15, SQUARE),
    lambda session: session.paint(15, SQUARE, SQUARE == 0),
    lambda session: session.lock_object(700),
    lambda session: session.rename_object(1, "kern \ud800 ·"),
    lambda session: list(session.propagate(15, start=14, stop=18)),
    lambda session: session.accept(3),
    lambda session: session.accept(17, 19),
    lambda session: session.mark_absent(np.int64(1), 17, 20),
    lambda session: session.remove_object(2),
    lambda session: draw(session, 9, y=2, object_id=700),
    lambda session: session.lock_object(700, False),
    lambda session: session.add_object(),
    lambda session: draw(session, 7, y=6, object_id=701),
    lambda session: list(session.propagate()),
    lambda session: session.merge_objects(1, [701], 3, 6),
    lambda session: session.delete_objects([700], 15, 17),
    lambda session: session.merge_objects(700, [701]),
    lambda session: list(session.propagate(9)),
    lambda session: session.divide(1, 10),
    lambda session: session.show_objects([1], False),
    lambda session: session.remove_object(700),
    lambda session: session.add_mask(14, SQUARE + (SQUARE > 0)),
)
"""A bit of everything, each one step of undo."""


def work(session):
    for step in STEPS:
        step(session)
