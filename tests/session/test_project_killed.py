"""A program that is killed at any moment: what it had done is there again, every frame of it."""

import os
import random
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeEngine
from napari_ivos.session import Session, replay
from projects import FRAMES

pytestmark = pytest.mark.skipif(os.name == "nt", reason="fork, and kill -9")

# A program that starts others, since starting one takes longer than what is tested. Each works at
# random on a project, and tells after each thing it did what there is, and how long the journal.
PROGRAM = """
import os, random, sys
import numpy as np
from fakes import FakeEngine
from napari_ivos.session import Session
from projects import FRAMES, draw
from test_project_killed import seen

def say(line):
    # In one piece: a line of which only half was written when the program was killed, or one that
    # is mixed with another, would never be understood. print() writes in pieces when unbuffered.
    os.write(1, (line + "\\n").encode())

def tell(session):
    say(f"{seen(session)} {session._project._journal.position[1]}")

def work(folder, seed):
    dice = random.Random(seed)
    session = Session(FRAMES, engine=FakeEngine(), project=folder)
    tell(session)
    if not session.objects:
        session.add_object()
    while True:
        frame, what = dice.randrange(20), dice.randrange(9)
        if what < 3:
            draw(session, frame, dice.randrange(28), session.objects[-1].id)
        elif what == 3 and session._history.done[-1].number > 1:
            session.undo()
        elif what == 4:
            session.redo()
        elif what == 5:
            square = np.zeros((30, 40), int)
            square[dice.randrange(20):, :9] = 2
            session.add_mask(frame, square, lock=False)
        elif what == 6:
            session.accept(frame)
        elif session.annotated_frames:
            for _ in session.propagate():
                tell(session)
        tell(session)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        say(str(os.getpid()))
        work(*line.split())
    os.waitpid(pid, 0)
    say("killed")
"""


def seen(session):
    """A number for all that there is to see."""
    text = repr((session.strokes(), session.objects, session.undo_text, session.redo_text))
    return zlib.crc32(np.asarray(session.masks).tobytes(), zlib.crc32(text.encode()))


class Programs:
    """Lets programs work on a project, one after the other, and kills them."""

    def __init__(self, folder):
        here = Path(__file__).parent
        paths = os.pathsep.join([*sys.path, str(here), str(here.parent)])
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,
        )

    def run(self, seed, steps, seconds):
        """Kill a program that has told of so many steps, after some more seconds.

        Gives all that it told: pairs of what there was and how long the journal was.
        """
        print(self.folder, seed, file=self._process.stdin, flush=True)
        pid = int(self._line())
        told = [self._line() for _ in range(steps)]
        time.sleep(seconds)
        os.kill(pid, 9)
        while (line := self._line()) != "killed":
            told.append(line)
        return [tuple(map(int, line.split())) for line in told]

    def _line(self):
        line = self._process.stdout.readline()
        assert line, "the programs ended by themselves"
        return line.rstrip("\n")

    def close(self):
        # With those it started, one of which may be at work without end.
        os.killpg(self._process.pid, 9)
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def there_is_what_was_told(folder, told):
    """Whether the journal goes at least as far as the program said, and says the same."""
    expected, end = told[-1]
    journal = (folder / "journal.jsonl").read_bytes()
    assert len(journal) >= end, "something that was done is lost"
    assert journal[end:].count(b'"begin"') <= 1, "more than the one step that was not told any more"
    # As of what was told, whatever came after it.
    copy = folder.with_name("copy.ivos")
    shutil.copytree(folder, copy)
    (copy / "journal.jsonl").write_bytes(journal[:end])
    with Session.open(copy, FRAMES, engine=FakeEngine()) as session:
        assert seen(session) == expected
    shutil.rmtree(copy)
    # And it opens as it is, with every mask readable, and can be worked in.
    with Session.open(folder, FRAMES, engine=FakeEngine()) as session:
        np.asarray(session.masks)
        session._store.settle()
        assert {int(f.name[:8]) for f in (folder / "frames").iterdir()} == (
            session._history.all_keys()
        )


def killed_in_a_loop(folder, kills):
    dice, programs = random.Random(folder.name), Programs(folder)
    try:
        for number in range(kills):
            # A step takes some milliseconds, so that any moment of it may be the last.
            told = programs.run(number, dice.randint(1, 25), dice.random() / 50)
            there_is_what_was_told(folder, told)
    finally:
        programs.close()
    found = replay(folder, FRAMES, engine=FakeEngine())
    found.session.close()
    assert found.different == ()


def test_killed_a_few_times(tmp_path):
    killed_in_a_loop(tmp_path / "p.ivos", 5)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_killed_two_hundred_times(tmp_path, part):
    killed_in_a_loop(tmp_path / f"p{part}.ivos", 20)
