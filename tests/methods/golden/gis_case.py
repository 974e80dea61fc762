"""The GIS network with made-up weights, and how its goldens are compared."""

import json
from pathlib import Path

import numpy as np
import torch

from methods.golden.gis_synthetic_weights import synthetic_state
from napari_ivos.methods.gis.network import GisNetwork
from napari_ivos.session import Session

HERE = Path(__file__).parent
BESIDE = HERE.parents[3] / "shared" / "methods" / "gis"
"""More goldens, on real clips that are not part of the project."""

SEED = 0
PROBABILITY = 1e-4
SCORE = 2e-5


def state():
    with torch.device("meta"):
        wanted = GisNetwork().state_dict()
    made = synthetic_state({key: tuple(value.shape) for key, value in wanted.items()}, SEED)
    return {key: torch.from_numpy(value).to(wanted[key].dtype) for key, value in made.items()}


def replay(file, checkpoint, check):
    """Replay a golden's events through the public API; `check(session, golden, prefix, event)`."""
    with np.load(file) as golden:
        frames, objects = golden["frames"], int(golden["n_objects"])
        events = json.loads(str(golden["events_json"]))
        # Each round's file holds its own strokes alone, as in the authors' demonstration.
        options = {"device": "cpu", "checkpoint": checkpoint, "accumulate": False}
        with Session(frames, method="gis", **options) as session:
            for _ in range(objects):
                session.add_object()
            for number, event in enumerate(events):
                if event["op"] == "interaction":
                    session.add_scribbles(event["scribbles"])
                    session.interact(event["scribbles"]["annotated_frame"])
                else:
                    for _ in session.propagate(event["annotated_now"]):
                        pass
                check(session, golden, f"e{number:02d}_", event)


def check_event(session, golden, prefix, event):
    if event["op"] == "interaction":
        frame = event["scribbles"]["annotated_frame"]
        frames, wanted = [frame], golden[f"{prefix}mask"][None]
        assert abs(session.reliability[frame] - golden[f"{prefix}score"]) < SCORE
    else:
        frames, wanted = range(len(session.video)), golden[f"{prefix}masks"]
        scores = golden[f"{prefix}scores_nf"]
        np.testing.assert_allclose(session.reliability, scores, rtol=0, atol=SCORE)
        assert session.recommend(1) == [int(golden[f"{prefix}next_frame_rs1"])]
    for index, mask in zip(frames, wanted, strict=True):
        assert_same_mask(session, index, mask)
    key = "prob" if f"{prefix}prob" in golden else "prob_q"
    wanted = golden[prefix + key].reshape(len(frames), -1, *golden[prefix + key].shape[-2:])
    step = 1 if key == "prob" else 4
    for index, planes in zip(frames, wanted, strict=True):
        assert_same_probs(session, index, planes, golden["padding"], step)


def probabilities(session, index):
    return session._store.get(session._history.frame(index).probs)


def assert_same_mask(session, index, wanted):
    different = session.masks[index] != wanted
    # Where the two most probable classes are as good as equal, rounding decides.
    top = np.sort(probabilities(session, index), axis=0)
    clear = top[-1] - top[-2] >= PROBABILITY
    assert not (different & clear).any(), f"frame {index}: {int((different & clear).sum())} pixels"


def assert_same_probs(session, index, planes, padding, step):
    """`planes` are every `step`-th pixel of the padded objects."""
    probs = probabilities(session, index)[1:]
    top, _, left, _ = padding
    rows = [y for y in range(0, planes.shape[1] * step, step) if 0 <= y - top < probs.shape[1]]
    columns = [x for x in range(0, planes.shape[2] * step, step) if 0 <= x - left < probs.shape[2]]
    rows, columns = np.array(rows), np.array(columns)
    wanted = planes[:, (rows // step)[:, None], columns // step]
    got = probs[:, (rows - top)[:, None], columns - left]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=PROBABILITY)
