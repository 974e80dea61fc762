"""The ATNet network with made-up weights, and how its goldens are compared."""

import json
from pathlib import Path

import numpy as np
import torch

from methods.golden.atnet_synthetic_weights import synthetic_state
from napari_ivos.methods.atnet.decision import own_probabilities
from napari_ivos.methods.atnet.network import shapes
from napari_ivos.session import Session

HERE = Path(__file__).parent
BESIDE = HERE.parents[3] / "shared" / "methods" / "atnet"
"""More goldens, on other clips that are not part of the project."""

SEED = 0
PROBABILITY = 1e-4
PIXELS = 3


def state(seed=SEED):
    (wanted,) = shapes().values()
    return {key: torch.from_numpy(value) for key, value in synthetic_state(wanted, seed).items()}


def replay(file, checkpoint, engine=None):
    """Replay a golden's rounds through the public API and compare all results."""
    with np.load(file) as golden:
        about = json.loads(str(golden["meta"]))
        rounds = json.loads(str(golden["scribbles"]))
        # In the demonstration program a round's strokes are those drawn since; each is answered.
        live = about["flavour"] == "gui"
        options = {"device": "cpu", "checkpoint": checkpoint, "accumulate": not live}
        if engine is not None:
            options["engine"] = engine
        with Session(golden["frames"], method="atnet", **options) as session:
            for _ in range(about["n_obj"]):
                session.add_object()
            for number, one in enumerate(rounds, start=1):
                frame, strokes = one["frame"], one["strokes"]
                for count in range(1, len(strokes) + 1) if live else [len(strokes)]:
                    session.add_scribbles(davis(golden["frames"], frame, strokes[:count]))
                    session.interact(frame)
                    if live:
                        check_frame(session, golden, f"r{number}_stroke{count}", frame, None)
                for _ in session.propagate(frame):
                    pass
                for index in range(len(session.video)):
                    check_frame(session, golden, f"r{number}", index, index)


def davis(frames, frame, strokes):
    scribbles = [[] for _ in frames]
    times = [{"start_time": 2 * k, "end_time": 2 * k + 1} for k in range(len(strokes))]
    scribbles[frame] = [{**one, **time} for one, time in zip(strokes, times, strict=True)]
    return {"sequence": "golden", "annotated_frame": frame, "scribbles": scribbles}


def check_frame(session, golden, prefix, index, row):
    planes, mask = golden[f"{prefix}_prob"], golden[f"{prefix}_mask"]
    if row is not None:
        planes, mask = planes[row], mask[row]
    got = probabilities(session, index)
    if planes.shape[1:] != got.shape[1:]:
        top, _, left, _ = golden["pad"]
        planes = planes[:, top : top + got.shape[1], left : left + got.shape[2]]
    np.testing.assert_allclose(got, planes, rtol=0, atol=PROBABILITY, err_msg=f"{prefix}, {index}")
    different = int((session.masks[index] != mask).sum())
    assert different <= PIXELS, f"{prefix}, frame {index}: {different} pixels"


def probabilities(session, index):
    """(K, H, W): the objects' own."""
    return own_probabilities(session._store.get(session._history.frame(index).probs))
