"""How much faster and smaller the methods are than a plain transcription of their papers.

    python benchmarks/methods.py gis [--quick]

Prints ratios of processor seconds (one thread, transcription and package by turns) and of peak
memory, on made-up weights, which cost the same as the published ones. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from napari_ivos.scribbles import make_stroke  # noqa: E402

SEED = 0


def made_up_weights(folder: Path) -> Path:
    """Random weights that keep activations and masks in a useful range."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "methods" / "golden"))
    from gis_synthetic_weights import synthetic_state

    from napari_ivos.methods.gis.network import GisNetwork

    with torch.device("meta"):
        wanted = GisNetwork().state_dict()
    values = synthetic_state({key: tuple(value.shape) for key, value in wanted.items()}, SEED)
    path = folder / "gis.pth"
    torch.save({k: torch.from_numpy(v).to(wanted[k].dtype) for k, v in values.items()}, path)
    return path


def clip(frames: int, size: tuple[int, int]) -> np.ndarray:
    """Coloured blobs that drift over a structured ground."""
    rng = np.random.default_rng(SEED)
    y, x = np.mgrid[: size[0], : size[1]]
    ground = 90 + 50 * np.sin(x / 17)[..., None] * np.cos(y / 23)[..., None] * (1, 0.6, 0.3)
    video = np.repeat(ground[None], frames, 0)
    for blob in range(3):
        colour = rng.uniform(0, 255, 3)
        for t in range(frames):
            cy = size[0] * (0.3 + 0.2 * blob) + 3 * np.sin(t / 5 + blob)
            cx = size[1] * (0.2 + 0.25 * blob) + 2 * t
            video[t][np.hypot(y - cy, x - cx % size[1]) < size[0] / 9] = colour
    video += rng.normal(0, 4, video.shape)
    return np.clip(video, 0, 255).astype(np.uint8)


def strokes(frame: int, objects: int, size: tuple[int, int]) -> list:
    made = []
    for one in range(1, objects + 1):
        y, x = size[0] * (0.1 + 0.2 * one), size[1] * (0.25 * one - 0.05)
        made.append(make_stroke(frame, one, [[y, x - 12], [y + 6, x + 12]]))
    return made


class Transcription:
    def __init__(self, checkpoint, frames, objects):
        from transcriptions.gis import Flow

        state = torch.load(checkpoint, weights_only=True)
        self.flow = Flow(state, frames, objects)

    def round(self, index, drawn):
        with torch.inference_mode():
            self.flow.interact(index, drawn)
            self.flow.propagate()

    def masks(self):
        return self.flow.masks

    def close(self):
        pass


class Package:
    def __init__(self, checkpoint, frames, objects, precision="fp32"):
        from napari_ivos.session import Session

        os.environ["NAPARI_IVOS_PRECISION"] = precision
        self.session = Session(frames, method="gis", checkpoint=checkpoint, device="cpu")
        for _ in range(objects):
            self.session.add_object()

    def round(self, index, drawn):
        self.session.add_strokes(drawn)
        self.session.interact(index)
        for _ in self.session.propagate(index):
            pass

    def masks(self):
        return np.asarray(self.session.masks)

    def close(self):
        self.session.close()


def timed(maker, frames, rounds, objects):
    """Processor seconds of each round, and the masks."""
    run = maker(frames, objects)
    size = frames.shape[1:3]
    seconds = []
    for index in rounds:
        start = time.process_time()
        run.round(index, strokes(index, objects, size))
        seconds.append(time.process_time() - start)
    masks = run.masks().copy()
    run.close()
    return seconds, masks
