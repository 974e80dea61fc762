"""Which seeded segmentation suits one thin stroke an object: the first frame of each sequence.

Each candidate gets the same strokes (one along the middle of each object, none on the background)
and, where it cannot do without, the picture's border as background. Prints the mean Jaccard index
over sequences and the seconds per object.

    python benchmarks/seeds.py --data FOLDER
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from quality import find_sequences, jaccard, read_clip
from skimage.color import rgb2lab
from skimage.filters import sobel
from skimage.segmentation import random_walker, watershed

from napari_ivos.methods.flow.annotate import segment
from napari_ivos.scribbles import rasterise_all
from napari_ivos.scribbles.simulate import correction_strokes
from napari_ivos.video import open_video


def border(shape: tuple[int, int], seeds: np.ndarray) -> np.ndarray:
    out = np.zeros(shape, bool)
    out[[0, -1]] = out[:, [0, -1]] = True
    return out & (cv2.distanceTransform((~seeds).astype(np.uint8), cv2.DIST_L2, 5) > 3)


def by_random_walker(frame: np.ndarray, seeds: np.ndarray, others: np.ndarray) -> np.ndarray:
    labels = np.where(seeds, 1, np.where(others | border(seeds.shape, seeds), 2, 0))
    lab = rgb2lab(frame).astype(np.float32)
    return random_walker(lab, labels, beta=300, mode="cg_j", channel_axis=-1, tol=1e-2) == 1


def by_grabcut(frame: np.ndarray, seeds: np.ndarray, others: np.ndarray) -> np.ndarray:
    reach = max(6, round(0.25 * np.sqrt(seeds.sum()) * 4))
    near = cv2.dilate(seeds.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    mask = np.where(near, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[others | border(seeds.shape, seeds)] = cv2.GC_BGD
    mask[seeds] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    empty = np.zeros((1, 65))
    cv2.grabCut(frame, mask, None, empty, empty.copy(), 5, cv2.GC_INIT_WITH_MASK)
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)


def by_watershed(frame: np.ndarray, seeds: np.ndarray, others: np.ndarray) -> np.ndarray:
    markers = np.where(seeds, 1, np.where(others | border(seeds.shape, seeds), 2, 0))
    edges = sobel(cv2.GaussianBlur(frame, (0, 0), 1).astype(np.float32).max(axis=2))
    return watershed(edges, markers) == 1


def by_flow(frame: np.ndarray, seeds: np.ndarray, others: np.ndarray) -> np.ndarray:
    return segment(frame, seeds, others, None, []) > 0.5


CANDIDATES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "random walker (scikit-image)": by_random_walker,
    "GrabCut (OpenCV)": by_grabcut,
    "watershed (scikit-image)": by_watershed,
    "flow: weighed cues, then GrabCut": by_flow,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(__file__).parents[2] / "shared" / "data" / "eval"
    parser.add_argument("--data", type=Path, default=shared)
    cut = {"stride": 1, "max_frames": 1, "max_objects": 3, "short_side": 240, "start": 0.0}
    options = argparse.Namespace(**cut, **vars(parser.parse_args()))
    scores: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    seconds = dict.fromkeys(CANDIDATES, 0.0)
    objects = 0
    for _, name, home in find_sequences(options.data, set()):
        clip = read_clip(home, name, options)
        truth = clip.truth[0]
        frame = open_video(clip.frames, axes="TYXS" if clip.frames.ndim == 4 else "TYX")[0]
        strokes = correction_strokes(truth, None, 0, clip.objects)
        marks = rasterise_all(strokes, truth.shape)
        objects += len(clip.objects)
        for candidate, function in CANDIDATES.items():
            values = []
            for number in clip.objects:
                started = time.perf_counter()
                found = function(frame, marks == number, (marks >= 0) & (marks != number))
                seconds[candidate] += time.perf_counter() - started
                values.append(jaccard(found, truth == number))
            scores[candidate].append(float(np.mean(values)))
    for candidate, values in scores.items():
        each = seconds[candidate] / objects
        print(f"{candidate:34s} J {np.mean(values):.3f}   {each:.2f} s an object")


if __name__ == "__main__":
    main()
