"""The networks of IPNet with made-up weights, and how their goldens are compared."""

import json
from pathlib import Path

import numpy as np
import torch

from methods.golden.ipnet_synthetic_weights import tagged_state
from napari_ivos.methods.ipnet.networks import shapes
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
    np.testing.assert_allclose(probs[1], wanted, rtol=0, atol=PROBABILITY)
    np.testing.assert_array_equal(probs[0], 1 - probs[1])


def assert_same_mask(session, index, wanted):
    different = session.masks[index] != wanted
    # As good as 0.5 is for rounding to decide.
    clear = np.abs(probabilities(session, index)[1] - 0.5) >= PROBABILITY
    assert not (different & clear).any(), f"frame {index}: {int((different & clear).sum())} pixels"


def close_feature(got, wanted):
    """`wanted` are every sixteenth channel of (2048, 8, 8)."""
    np.testing.assert_allclose(got[::16], wanted[0], rtol=0, atol=FEATURE * np.abs(wanted).max())
