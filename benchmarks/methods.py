"""How much faster and smaller the methods are than a plain transcription of their papers.

    python benchmarks/methods.py gis|ipnet [--only time|memory]

Prints ratios of processor seconds (one thread, transcription and package by turns) and of peak
memory, on made-up weights, which cost the same as the published ones. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "methods" / "golden")]

import numpy as np  # noqa: E402
import torch  # noqa: E402

from napari_ivos.methods import get_method  # noqa: E402
from napari_ivos.methods.weights import table  # noqa: E402
from napari_ivos.scribbles import make_stroke  # noqa: E402
from napari_ivos.session import Session  # noqa: E402

SEED = 0


def one_file(method: str) -> Callable[[Path], Path]:
    """Random weights that keep activations and masks in a useful range, in one file."""

    def write(folder: Path) -> Path:
        made = importlib.import_module(f"{method}_synthetic_weights")
        shapes = next(iter(table(get_method(method)).values()))
        values = made.synthetic_state(shapes, SEED)
        path = folder / f"{method}.pth"
        torch.save({key: torch.from_numpy(value) for key, value in values.items()}, path)
        return path

    return write


def ipnet_weights(folder: Path) -> Path:
    from atnet_synthetic_weights import tagged_state

    from napari_ivos.methods.ipnet.networks import shapes

    for name, wanted in shapes().items():
        values = tagged_state(wanted, SEED, name[0])
        torch.save({k: torch.from_numpy(v) for k, v in values.items()}, folder / name)
    return folder


# What writes made-up weights into a folder and names what the method takes. The plain one is
# transcriptions/METHOD.py.
WEIGHTS = {
    "atnet": one_file("atnet"),
    "gis": one_file("gis"),
    "ipnet": ipnet_weights,
}


def states(checkpoint: Path):
    """The state dictionary of a file, or those of a folder's files."""
    if checkpoint.is_dir():
        return [states(file) for file in sorted(checkpoint.iterdir())]
    return torch.load(checkpoint, weights_only=True)


def clip(frames: int, size: tuple[int, int]) -> np.ndarray:
    """Coloured blobs that drift over a structured ground."""
    rng = np.random.default_rng(SEED)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    ground = 90 + 50 * np.sin(x / 17)[..., None] * np.cos(y / 23)[..., None] * (1, 0.6, 0.3)
    colours = rng.uniform(0, 255, (3, 3))
    video = np.empty((frames, *size, 3), np.uint8)
    for t in range(frames):
        frame = ground + rng.normal(0, 4, ground.shape)
        for blob, colour in enumerate(colours):
            cy = size[0] * (0.3 + 0.2 * blob) + 3 * np.sin(t / 5 + blob)
            cx = (size[1] * (0.2 + 0.25 * blob) + 2 * t) % size[1]
            frame[np.hypot(y - cy, x - cx) < size[0] / 9] = colour
        video[t] = np.clip(frame, 0, 255)
    return video


def strokes(frame: int, objects: int, size: tuple[int, int]) -> list:
    made = []
    for one in range(1, objects + 1):
        y, x = size[0] * (0.1 + 0.2 * one), size[1] * (0.25 * one - 0.05)
        made.append(make_stroke(frame, one, [[y, x - 12], [y + 6, x + 12]]))
    return made


class Transcription:
    """The plain one."""

    def __init__(self, method, checkpoint, frames, objects):
        flow = importlib.import_module(f"transcriptions.{method}").Flow
        self.flow = flow(states(checkpoint), frames, objects)

    def interact(self, index, drawn):
        with torch.inference_mode():
            self.flow.interact(index, drawn)

    def propagate(self, index, reach=None):
        with torch.inference_mode():
            self.flow.propagate(reach)

    def masks(self):
        return self.flow.masks.copy()

    def close(self):
        pass


class Package:
    """What the package does."""

    def __init__(self, method, checkpoint, frames, objects, precision="fp32"):

        create = importlib.import_module(f"napari_ivos.methods.{method}.engine").create
        engine = create("cpu", checkpoint, precision=precision)
        self.session = Session(frames, method=method, device="cpu", engine=engine)
        for _ in range(objects):
            self.session.add_object()

    def interact(self, index, drawn):
        self.session.add_strokes(drawn)
        self.session.interact(index)

    def propagate(self, index, reach=None):
        first = None if reach is None else max(index - reach, 0)
        last = None if reach is None else min(index + reach + 1, len(self.session.video))
        for _ in self.session.propagate(index, start=first, stop=last):
            pass

    def masks(self):
        return np.asarray(self.session.masks)

    def close(self):
        self.session.close()


def timed(run, frames, objects):
    """Processor seconds of both rounds' parts, and the masks after each."""
    seconds, masks = [], []
    rounds = (0, len(frames) - 1)
    for number, index in enumerate(rounds):
        drawn = strokes(index, objects, frames.shape[1:3])
        start = time.process_time()
        run.interact(index, drawn)
        middle = time.process_time()
        run.propagate(index)
        end = time.process_time()
        visited = len(frames) - 1 - number
        seconds += [middle - start, (end - middle) / visited]
        masks.append(run.masks())
    run.close()
    return np.array(seconds), masks


PARTS = ("round 1, strokes", "round 1, a frame", "round 2, strokes", "round 2, a frame")


def times(method, checkpoint, count, turns):
    frames = clip(count, (240, 432))
    for objects in (1, 3):
        kinds = {
            "transcription": lambda o=objects: Transcription(method, checkpoint, frames, o),
            "fp32": lambda o=objects: Package(method, checkpoint, frames, o),
            "bf16": lambda o=objects: Package(method, checkpoint, frames, o, "bf16"),
        }
        found = {name: [] for name in kinds}
        for _ in range(turns):
            for name, make in kinds.items():
                found[name].append(timed(make(), frames, objects))
        least = {name: np.min([s for s, _ in runs], axis=0) for name, runs in found.items()}
        print(f"\n{objects} object(s), 240 × 432, processor seconds of one thread")
        print(f"{'':18}{'transcription':>14}{'fp32':>8}{'ratio':>7}{'bf16':>8}{'ratio':>7}")
        for part, plain, fp32, bf16 in zip(PARTS, *least.values(), strict=True):
            ratios = f"{fp32:8.3f}{plain / fp32:7.2f}{bf16:8.3f}{plain / bf16:7.2f}"
            print(f"{part:18}{plain:14.3f}{ratios}")
        for name in ("fp32", "bf16"):
            shares = [
                f"{(one != other).mean():.4%}"
                for one, other in zip(found[name][0][1], found["transcription"][0][1], strict=True)
            ]
            print(
                f"mask pixels that differ, {name}: {shares[0]} after round 1, {shares[1]} after 2"
            )


def peak(method, kind, checkpoint, count, reach):
    """MiB that two rounds add to a process; frames further than `reach` are not visited."""
    frames = clip(count, (480, 854))
    before = resident("VmRSS")
    run = {"transcription": Transcription, "package": Package}[kind](method, checkpoint, frames, 3)
    for index in (count // 4, count // 2):
        run.interact(index, strokes(index, 3, frames.shape[1:3]))
        run.propagate(index, reach)
    run.close()
    after = resident("VmHWM")
    print(json.dumps({"added": after - before, "whole": after}))


def resident(field):
    """MiB of this process, now (VmRSS) or at most so far (VmHWM); Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def memory(method, checkpoint, count, reach):
    found = {}
    for kind in ("transcription", "package"):
        command = [sys.executable, __file__, method, "--peak", kind, "--checkpoint", checkpoint]
        command += ["--frames", str(count), "--reach", str(reach)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[kind] = json.loads(text.splitlines()[-1])
    print(f"\npeak memory, 3 objects, {count} frames of 480 × 854, MiB")
    for what in ("added", "whole"):
        plain, ours = (found[kind][what] for kind in found)
        label = {"added": "above frames and libraries", "whole": "whole process"}[what]
        print(f"{label:28}{plain:8.0f}{ours:8.0f}   {ours / plain:.2f} of it")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=list(WEIGHTS))
    parser.add_argument("--only", choices=["time", "memory"])
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--frames", type=int, default=60, help="of the memory measurement")
    parser.add_argument("--reach", type=int, default=3, help="frames visited on each side there")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--checkpoint", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.peak:
        peak(given.method, given.peak, Path(given.checkpoint), given.frames, given.reach)
        return
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = WEIGHTS[given.method](Path(folder))
        if given.only != "memory":
            times(given.method, checkpoint, 5, given.turns)
        if given.only != "time":
            memory(given.method, str(checkpoint), given.frames, given.reach)


if __name__ == "__main__":
    main()
