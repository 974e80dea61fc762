"""How good the guidance is: does reliability know where the masks are wrong?

The simulated user of `quality.py` plays rounds, and the next frame is chosen in four ways: by
`Session.recommend`, evenly (ends first, then halves), at random, and by the oracle, which knows the
masks and takes the worst frame. Chance is played with three seeds and meant over them, as a single
game of it says little. Prints the mean J after each round for each of them, and
Spearman's rank correlation between the reliability of a frame and its true J, over the frames that
were not annotated, meant over sequences and rounds.

    python benchmarks/guidance.py --method lite --data FOLDER

Sequences with fewer than five scored frames besides the annotated ones count for no correlation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import quality
from scipy.stats import spearmanr

WAYS = ("recommend", "uniform", "random", "oracle")
_FEWEST = 5
_SEEDS = {"random": 3}


def play(clip: quality.Clip, way: str, options: argparse.Namespace) -> tuple[list, list]:
    """Mean J after each round, and the rank correlation after each (nan where there is none)."""
    games = [play_once(clip, way, options, seed) for seed in range(_SEEDS.get(way, 1))]
    curve = np.mean([curve for curve, _ in games], axis=0).tolist()
    return curve, games[0][1]


def play_once(clip: quality.Clip, way: str, options: argparse.Namespace, seed: int):
    """The same of one game."""
    session = quality.begin(clip, options)
    rng = np.random.default_rng(seed)
    frame, used, shown = quality.start_frame(clip.truth, options.start), [], None
    curve, ranks = [], []
    for _ in range(options.rounds):
        used.append(frame)
        if quality.annotate(session, clip, frame, shown, options):
            for _ in session.propagate(frame):
                pass
        mean, by_frame = quality.score(clip, session.masks)
        curve.append(mean)
        ranks.append(_correlation(session.reliability, by_frame, used))
        left = [index for index in by_frame if index not in used] or list(by_frame)
        frame = _next(way, session, by_frame, left, used, rng)
        shown = session.masks[frame]
    session.close()
    return curve, ranks


def _next(way, session, by_frame, left, used, rng) -> int:
    if way == "oracle":
        return min(left, key=lambda index: by_frame[index])
    if way == "random":
        return int(rng.choice(left))
    if way == "recommend":
        wanted = session.recommend(1)[0]
        return min(left, key=lambda index: abs(index - wanted))
    # The frame in the middle of the longest stretch without annotation, ends first.
    return max(left, key=lambda index: min(abs(index - other) for other in used))


def _correlation(reliability: np.ndarray, by_frame: dict[int, float], used: list[int]) -> float:
    frames = [i for i in by_frame if i not in used and np.isfinite(reliability[i])]
    if len(frames) < _FEWEST:
        return np.nan
    found = [reliability[i] for i in frames]
    true = [by_frame[i] for i in frames]
    if np.ptp(found) == 0 or np.ptp(true) == 0:
        return np.nan
    return float(spearmanr(found, true).statistic)


def main() -> None:
    options = quality.parse()
    wanted = {name for name in options.sequences.split(",") if name}
    curves: dict[str, list] = {way: [] for way in WAYS}
    ranks: dict[str, list] = {}
    for set_name, name, home in quality.find_sequences(options.data, wanted):
        clip = quality.read_clip(home, name, options)
        for way in WAYS:
            curve, rank = play(clip, way, options)
            curves[way].append(curve)
            if way == "recommend":
                ranks[f"{set_name} {name}"] = rank
            print(quality.line(f"{set_name} {name} {way}", curve), flush=True)
        own = " ".join(f"{value:.2f}" for value in ranks[f"{set_name} {name}"])
        print(f"{set_name} {name} rank correlation {own}", flush=True)
    for way in WAYS:
        print(quality.line(f"mean over sequences, {way}", np.mean(curves[way], axis=0).tolist()))
    everything = np.array(list(ranks.values()))
    count = int(np.isfinite(everything).sum())
    print(f"mean rank correlation {np.nanmean(everything):.3f} over {count} rounds")
    if options.json:
        text = json.dumps({"curves": curves, "ranks": ranks}, indent=1)
        Path(options.json).write_text(text)


if __name__ == "__main__":
    main()
