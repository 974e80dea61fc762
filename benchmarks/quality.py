"""How good the masks are: a simulated user plays rounds on sequences with known masks.

The user looks at the worst frame (of those not corrected yet) and draws a stroke along the middle
of the largest error of each object: what is missing, and what is too much. The preview follows, and
the user strikes what is still wrong there, `--looks` times in all (1: blindly, without seeing a
preview); then runs the propagation. Everything goes through the public `Session`.

Prints the mean Jaccard index J over the scored frames after each round, per sequence, per set and
over all, the share of rounds after which it fell, and seconds per frame.

    python benchmarks/quality.py --data FOLDER --method flow --json flow.json
    python benchmarks/quality.py --data FOLDER --looks 1

FOLDER holds data sets of the DAVIS layout, or is one itself. Frames without masks are segmented
but not scored, and an object is scored from its first to its last appearance.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from napari_ivos.scribbles.simulate import correction_strokes
from napari_ivos.session import Session
from napari_ivos.video import open_video

LAYOUT = "480p"


@dataclass
class Clip:
    """One sequence, cut and scaled, with the objects that the user cares about."""

    name: str
    frames: np.ndarray
    """(T, H, W[, 3]), of the type of the files."""
    truth: dict[int, np.ndarray]
    """(H, W) uint16 by frame; only annotated frames, only the chosen objects, ids from 1 on."""
    objects: tuple[int, ...]
    alive: dict[int, tuple[int, int]]
    """First and last frame on which each object appears."""


@dataclass
class Result:
    set: str
    sequence: str
    rounds: list[float] = field(default_factory=list)
    """Mean J after each round."""
    frames: list[int] = field(default_factory=list)
    """Which frame each round was drawn on."""
    strokes: int = 0
    """Drawn in all rounds together."""
    seconds_per_frame: float = 0.0
    """With the previews' time in it."""


def find_sequences(root: Path, wanted: set[str]) -> list[tuple[str, str, Path]]:
    """(set, sequence, folder of its set) for every sequence under `root`."""
    homes = [root] if (root / "JPEGImages").is_dir() else sorted(root.iterdir())
    out = []
    for home in homes:
        pictures = home / "JPEGImages" / LAYOUT
        if pictures.is_dir():
            names = sorted(path.name for path in pictures.iterdir() if path.is_dir())
            out += [(home.name, name, home) for name in names if not wanted or name in wanted]
    return out


def read_clip(home: Path, name: str, options: argparse.Namespace) -> Clip:
    paths = sorted((home / "JPEGImages" / LAYOUT / name).iterdir())
    paths = paths[:: options.stride][: options.max_frames]
    size = _size(paths[0], options.short_side)
    frames = np.stack([_picture(path, size) for path in paths])
    masks = {}
    for index, path in enumerate(paths):
        mask = home / "Annotations" / LAYOUT / name / f"{path.stem}.png"
        if mask.is_file():
            labels = np.array(Image.open(mask)).astype(np.uint16)
            masks[index] = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    return _choose(name, frames, masks, options)


def _choose(name: str, frames: np.ndarray, masks: dict, options: argparse.Namespace) -> Clip:
    """Keep the largest objects of the frame to start from, and number them from 1 on."""
    start = start_frame(masks, options.start)
    ids, areas = np.unique(masks[start][masks[start] > 0], return_counts=True)
    ids = ids[np.argsort(-areas, kind="stable")][: options.max_objects]
    truth = {}
    for index, labels in masks.items():
        truth[index] = np.zeros_like(labels)
        for number, object_id in enumerate(ids, start=1):
            truth[index][labels == object_id] = number
    objects = tuple(range(1, len(ids) + 1))
    alive = {}
    for number in objects:
        seen = [index for index, labels in truth.items() if (labels == number).any()]
        alive[number] = (min(seen), max(seen))
    return Clip(name, frames, truth, objects, alive)


def start_frame(masks: dict, share: float) -> int:
    """The annotated frame nearest to a share of the way through (0: the first)."""
    wanted = share * max(masks)
    return min(masks, key=lambda index: (abs(index - wanted), index))


def _size(path: Path, short_side: int) -> tuple[int, int]:
    height, width = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[:2]
    scale = min(1.0, short_side / min(height, width)) if short_side else 1.0
    return round(width * scale), round(height * scale)


def _picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture.ndim == 3:
        picture = picture[..., 2::-1]
    return cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    union = np.count_nonzero(one | other)
    return 1.0 if union == 0 else np.count_nonzero(one & other) / union


def score(clip: Clip, masks) -> tuple[float, dict[int, float]]:
    """Mean J over objects of their means over frames, and the mean J of each frame."""
    by_object = {number: [] for number in clip.objects}
    by_frame = {}
    for index, labels in clip.truth.items():
        shown, values = masks[index], []
        for number in clip.objects:
            if clip.alive[number][0] <= index <= clip.alive[number][1]:
                values.append(jaccard(shown == number, labels == number))
                by_object[number].append(values[-1])
        if values:
            by_frame[index] = float(np.mean(values))
    return float(np.mean([np.mean(values) for values in by_object.values()])), by_frame


def begin(clip: Clip, options: argparse.Namespace) -> Session:
    """A session on a clip, with its objects."""
    axes = "TYXS" if clip.frames.ndim == 4 else "TYX"
    session = Session(
        open_video(clip.frames, axes=axes),
        method=options.method,
        device=options.device,
        checkpoint=options.checkpoint,
    )
    for _ in clip.objects:
        session.add_object()
    return session


def play(home: Path, set_name: str, name: str, options: argparse.Namespace) -> Result:
    clip = read_clip(home, name, options)
    session = begin(clip, options)
    result = Result(set_name, name)
    frame, seconds, visited, shown = start_frame(clip.truth, options.start), 0.0, 0, None
    for _ in range(options.rounds):
        result.frames.append(frame)
        started = time.perf_counter()
        drawn = annotate(session, clip, frame, shown, options)
        result.strokes += drawn
        if drawn:
            visited += sum(1 for _ in session.propagate(frame))
        seconds += time.perf_counter() - started
        mean, by_frame = score(clip, session.masks)
        result.rounds.append(mean)
        left = [index for index in by_frame if index not in result.frames] or list(by_frame)
        frame = min(left, key=lambda index: by_frame[index])
        shown = session.masks[frame]
    session.close()
    result.seconds_per_frame = seconds / max(visited, 1)
    return result


def annotate(
    session: Session, clip: Clip, frame: int, shown: np.ndarray | None, options: argparse.Namespace
) -> int:
    """Draw on one frame, looking at the preview in between; returns the number of strokes."""
    count = 0
    for _ in range(options.looks):
        strokes = correction_strokes(
            clip.truth[frame],
            shown,
            frame,
            clip.objects,
            radius=options.radius,
            background=not options.no_background,
            smallest=1 if shown is None else options.smallest,
        )
        if not strokes:
            break
        session.add_strokes(strokes)
        count += len(strokes)
        shown = session.interact(frame)
    return count


def summary(results: list[Result]) -> dict:
    table = np.array([result.rounds for result in results])
    sets = sorted({result.set for result in results})
    by_set = {
        name: table[[result.set == name for result in results]].mean(axis=0).tolist()
        for name in sets
    }
    return {
        "sequences": [asdict(result) for result in results],
        "sets": by_set,
        "mean_over_sequences": table.mean(axis=0).tolist(),
        "mean_over_sets": np.mean(list(by_set.values()), axis=0).tolist(),
        "share_of_rounds_that_fell": float((np.diff(table, axis=1) < 0).mean())
        if table.shape[1] > 1
        else 0.0,
        "seconds_per_frame": float(np.mean([result.seconds_per_frame for result in results])),
    }


def line(title: str, values: list[float], rest: str = "") -> str:
    return f"{title:38s} " + " ".join(f"{value:.3f}" for value in values) + f"  {rest}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(__file__).parents[2] / "shared" / "data" / "eval"
    parser.add_argument("--data", type=Path, default=shared, help="folder of data sets")
    parser.add_argument("--method", default="lite")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--looks", type=int, default=3, help="strokes and previews a round")
    parser.add_argument("--smallest", type=int, default=10, help="error worth a stroke, in pixels")
    parser.add_argument("--max-frames", type=int, default=30)
    parser.add_argument("--stride", type=int, default=1, help="take every n-th frame")
    parser.add_argument("--max-objects", type=int, default=3)
    parser.add_argument("--short-side", type=int, default=240, help="pixels; 0 keeps the size")
    parser.add_argument("--sequences", default="", help="names, separated by commas")
    parser.add_argument("--start", type=float, default=0.0, help="share of the clip to start at")
    parser.add_argument("--radius", type=float, help="half the brush's width in pixels")
    parser.add_argument("--no-background", action="store_true", help="the user marks objects only")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    return parser.parse_args()


def main() -> None:
    options = parse()
    wanted = {name for name in options.sequences.split(",") if name}
    results = []
    for set_name, name, home in find_sequences(options.data, wanted):
        result = play(home, set_name, name, options)
        results.append(result)
        rest = f"{result.seconds_per_frame:.3f} s a frame, {result.strokes} strokes on "
        rest += f"{result.frames}"
        print(line(f"{set_name} {name}", result.rounds, rest), flush=True)
    if not results:
        raise SystemExit(f"There are no sequences under {options.data}.")
    numbers = summary(results)
    for set_name, values in numbers["sets"].items():
        print(line(f"set {set_name}", values))
    print(line("mean over sets", numbers["mean_over_sets"]))
    rest = f"{numbers['seconds_per_frame']:.3f} s a frame"
    print(line("mean over sequences", numbers["mean_over_sequences"], rest))
    print(f"share of rounds after which J fell: {numbers['share_of_rounds_that_fell']:.2f}")
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
