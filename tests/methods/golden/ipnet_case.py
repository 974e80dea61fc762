"""The networks of IPNet with made-up weights, and how their goldens are compared."""

import json
from pathlib import Path

import numpy as np
import torch

from methods.golden.atnet_synthetic_weights import tagged_state
from napari_ivos.methods import InteractRequest, PropagateRequest
from napari_ivos.methods.ipnet.networks import shapes
from napari_ivos.scribbles import strokes_from_davis
from napari_ivos.session import Session

HERE = Path(__file__).parent
BESIDE = HERE.parents[3] / "shared" / "methods" / "ipnet"
"""More goldens, on clips that are not part of the project."""

SEED = 0
PROBABILITY = 1e-4
FEATURE = 1e-3


def states():
    """State dictionaries by file name; some names stand in both, with different values."""
    return {
        file: {key: torch.from_numpy(v) for key, v in tagged_state(wanted, SEED, file[0]).items()}
        for file, wanted in shapes().items()
    }


def save(folder):
    """Both files of made-up weights in a folder."""
    for file, state in states().items():
        torch.save(state, folder / file)
    return folder


def scribbles(frame, strokes, length):
    """A DAVIS dictionary with strokes on one frame."""
    return {"sequence": "", "scribbles": [strokes if t == frame else [] for t in range(length)]}


def replay(file, checkpoint, prefix="", **options):
    """Replay a golden's rounds through the public API, stroke by stroke, and compare."""
    with np.load(file) as golden:
        frames, rounds = golden["frames"], json.loads(str(golden["scribbles"]))
        options = {"device": "cpu", "checkpoint": checkpoint} | options
        with Session(frames, method="ipnet", accumulate=False, **options) as session:
            session.add_object()
            for number, part in enumerate(rounds, start=1):
                frame, name = part["frame"], f"{prefix}r{number}_"
                for count in range(1, len(part["strokes"]) + 1):
                    some = part["strokes"][:count]
                    session.add_scribbles(scribbles(frame, some, len(frames)))
                    session.interact(frame)
                    assert_same(session, frame, golden[f"{name}stroke{count}_E"])
                for _ in session.propagate(frame):
                    pass
                for index in range(len(frames)):
                    assert_same(session, index, golden[f"{name}E"][index])
                    assert_same_mask(session, index, golden[f"{name}mask"][index])
                close_feature(memory(session)[1], golden[f"{name}aref_slice"])


def memory(session):
    return session._history.state.memory


def probabilities(session, index):
    return session._store.get(session._history.frame(index).probs)


def assert_same(session, index, wanted):
    probs = probabilities(session, index)
    close(probs[1], wanted, PROBABILITY)
    close(probs[0], 1 - probs[1], 1e-6)


def assert_same_mask(session, index, wanted):
    different = session.masks[index] != wanted
    # As good as 0.5 is for rounding to decide.
    clear = np.abs(probabilities(session, index)[1] - 0.5) >= PROBABILITY
    assert not (different & clear).any(), f"frame {index}: {int((different & clear).sum())} pixels"


def close_feature(got, wanted):
    """`wanted` are every sixteenth channel of (2048, 8, 8)."""
    close(got[::16], wanted[0], FEATURE * np.abs(wanted).max())


class Demonstration:
    """The authors' demonstration, which overwrites annotated frames, as requests to an engine.

    Parameters
    ----------
    engine : Engine
    frames : (T, H, W, 3) uint8
    """

    def __init__(self, engine, frames):
        self.engine = engine
        self.frames = frames
        self.estimates = {}
        self.annotated = []
        self.memory = None

    def run(self, frame, strokes):
        """One round; gives the probabilities of the annotated frame after each stroke."""
        shape = self.frames.shape[1:3]
        drawn = strokes_from_davis(scribbles(frame, strokes, frame + 1), shape, frame + 1)
        seen = []
        for count in range(1, len(drawn) + 1):
            request = InteractRequest(
                self.frames,
                frame,
                (1,),
                tuple(drawn[:count]),
                self.estimates.get(frame),
                None,
                self.memory,
                seen[-1].probs if seen else None,
            )
            result, memory = self.engine.interact(request)
            seen.append(result)
        self.memory, self.estimates[frame] = memory, seen[-1].probs
        before = max((o for o in self.annotated if o < frame), default=0)
        after = min((o for o in self.annotated if o > frame), default=len(self.frames) - 1)
        request = PropagateRequest(
            self.frames,
            frame,
            (1,),
            seen[-1],
            memory,
            tuple(range(frame - 1, before - 1, -1)),
            tuple(range(frame + 1, after + 1)),
            tuple(self.annotated),
            dict(self.estimates).get,
        )
        self.estimates |= {one.index: one.probs for one in self.engine.propagate(request)}
        self.annotated.append(frame)
        return [result.probs[1] for result in seen]


def replay_released(file, engine):
    """Replay a golden's rounds as the authors' program runs them, and compare."""
    with np.load(file) as golden:
        frames = golden["frames"]
        demonstration = Demonstration(engine, frames)
        for number, part in enumerate(json.loads(str(golden["scribbles"])), start=1):
            name = f"r{number}_"
            seen = demonstration.run(part["frame"], part["strokes"])
            for count, plane in enumerate(seen, start=1):
                close(plane, golden[f"{name}stroke{count}_E"], PROBABILITY)
            got = np.stack([demonstration.estimates[t][1] for t in range(len(frames))])
            close(got, golden[f"{name}E"], PROBABILITY)
            different = (got > 0.5) != golden[f"{name}mask"].astype(bool)
            assert not (different & (np.abs(got - 0.5) >= PROBABILITY)).any()
            close_feature(demonstration.memory[1], golden[f"{name}aref_slice"])


def close(got, wanted, atol):
    np.testing.assert_allclose(np.asarray(got), wanted, rtol=0, atol=atol)
