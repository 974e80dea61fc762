"""The training loop: both decoders on recorded samples; goes on where it was interrupted."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods.lite.decide import decide
from napari_ivos.methods.lite.network import Decision, Lite
from napari_ivos.training.batches import Batch, read_batch
from napari_ivos.training.pretrained import encoder_state, published_file
from napari_ivos.training.store import Reader


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the weights depend on, besides the samples."""

    steps: int = 5000
    moved: int = 8
    """Samples of a batch that were recorded on the way."""
    annotated: int = 4
    rate: float = 1.5e-3
    decay: float = 1e-4
    warm_up: int = 100
    average: float = 0.998
    """Of the running mean of the weights, which is what is kept in the end."""
    tune_encoder: bool = False
    pretrained: bool = True
    """Whether the encoder starts from `training.pretrained`."""
    seed: int = 0


def train(
    samples: Path,
    out: Path,
    recipe: Recipe,
    *,
    device: str = "cpu",
    every: int = 250,
    start: Path | None = None,
) -> None:
    """Train, or go on training.

    Parameters
    ----------
    samples : Path
        Folder that `training.store` wrote: parts whose name begins with "train" and with "val".
    out : Path
        Folder for `state.pt` (to go on from), `average.pt` (the weights) and `log.csv`.
    recipe : Recipe
    device : str
    every : int
        Steps between looks at the samples put aside.
    start : Path, optional
        `average.pt` of an earlier training, to begin with instead of the published encoder.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    run = _Run(recipe, torch.device(device), start)
    run.load(out / "state.pt")
    rng = np.random.default_rng([recipe.seed, run.step])
    started = time.perf_counter()
    sums: list[float] = []
    for batches in _stream(samples, recipe, rng, recipe.steps - run.step):
        sums.append(run.learn(*batches))
        if run.step % every == 0 or run.step == recipe.steps:
            row: dict[str, float] = {
                "step": run.step,
                "seconds": round(time.perf_counter() - started),
            }
            row |= {"loss": round(float(np.mean(sums)), 4)} | run.look(samples)
            _log(out / "log.csv", row)
            run.save(out)
            sums.clear()


class _Run:
    def __init__(self, recipe: Recipe, device: torch.device, start: Path | None) -> None:
        self.recipe, self.device, self.step = recipe, device, 0
        network = Lite()
        if start is not None:
            network.load_state_dict(torch.load(start, weights_only=True))
        elif recipe.pretrained:
            network.encoder.load_state_dict(encoder_state(published_file()))
        network.encoder.requires_grad_(recipe.tune_encoder)
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        weights = [p for p in self.network.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=recipe.decay)

    def learn(self, moved: Batch, annotated: Batch) -> float:
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.optimiser.zero_grad()
        total = 0.0
        for batch in (_to(moved, self.device), _to(annotated, self.device)):
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                decision = decide(self.network, batch)
            loss = _loss(decision, batch.truth)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        # A mean over few steps is better than one over the random start.
        self.average.update_parameters(self.network)
        return total

    def _rate(self) -> float:
        done = self.step / self.recipe.steps
        warm = min(1.0, (self.step + 1) / self.recipe.warm_up)
        return self.recipe.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    @torch.no_grad()
    def look(self, samples: Path, most: int = 120) -> dict[str, float]:
        """Mean J of `flow` and of the network on samples put aside."""
        network = cast(Lite, self.average.module).eval()
        out: dict[str, float] = {}
        for kind in ("moved", "annotated"):
            reader = Reader(samples, "val*", moved=kind == "moved")
            chosen = np.linspace(0, len(reader) - 1, min(most, len(reader))).astype(int)
            flow, mine, expected = [], [], []
            for start in range(0, len(chosen), 12):
                batch = _to(read_batch(reader, list(chosen[start : start + 12]), None), self.device)
                with torch.autocast(self.device.type, dtype=torch.bfloat16):
                    decision = decide(network, batch)
                region = batch.planes[:, 1 if kind == "moved" else 5 :][:, :1]
                flow += _overlap(region, batch.truth).tolist()
                mine += _overlap(torch.sigmoid(decision.odds.float()), batch.truth).tolist()
                expected += decision.expected.float().tolist()
            out |= {
                f"{kind}_flow": round(float(np.mean(flow)), 4),
                f"{kind}_lite": round(float(np.mean(mine)), 4),
                f"{kind}_rank": round(_rank(expected, mine), 3),
            }
        return out

    def save(self, folder: Path) -> None:
        """Write what is needed to go on, and the weights; neither is ever half there."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "recipe": asdict(self.recipe),
        }
        for name, content in (
            ("state.pt", state),
            ("average.pt", self.average.module.state_dict()),
        ):
            torch.save(content, folder / f"{name}.part")
            os.replace(folder / f"{name}.part", folder / name)

    def load(self, path: Path) -> None:
        """Go on from a file that `save` wrote, if it is there."""
        if not path.is_file():
            return
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])


def _stream(
    samples: Path, recipe: Recipe, rng: np.random.Generator, steps: int
) -> Iterator[tuple[Batch, Batch]]:
    """Batches, the next one read while one is learnt from; new samples are seen as they come."""

    def draw(seed: int) -> tuple[Batch, Batch]:
        own = np.random.default_rng([recipe.seed, seed])
        both = []
        for kind, count in (("moved", recipe.moved), ("annotated", recipe.annotated)):
            reader = Reader(samples, "train*", moved=kind == "moved")
            both.append(read_batch(reader, list(own.integers(len(reader), size=count)), own))
        return both[0], both[1]

    with ThreadPoolExecutor(1) as pool:
        seeds = [int(seed) for seed in rng.integers(2**31, size=max(steps, 0))]
        ahead = [pool.submit(draw, seed) for seed in seeds[:2]]
        for seed in [*seeds[2:], None, None][: len(seeds)]:
            yield ahead.pop(0).result()
            if seed is not None:
                ahead.append(pool.submit(draw, seed))


def _loss(decision: Decision, truth: Tensor) -> Tensor:
    """Cross-entropy, soft Jaccard, and how wrong the expected J is."""
    odds = decision.odds.float()
    inside = torch.sigmoid(odds)
    overlap = torch.minimum(inside, truth).sum(dim=(1, 2, 3)) + 1
    union = torch.maximum(inside, truth).sum(dim=(1, 2, 3)) + 1
    cross = functional.binary_cross_entropy_with_logits(odds, truth)
    reached = _overlap(inside, truth)
    judged = functional.binary_cross_entropy_with_logits(decision.expected.float(), reached)
    return cross + (1 - overlap / union).mean() + 0.2 * judged


def _overlap(inside: Tensor, truth: Tensor) -> Tensor:
    """J of each sample, (B,)."""
    one, other = inside.detach() > 0.5, truth > 0.5
    union = (one | other).sum(dim=(1, 2, 3))
    return torch.where(union > 0, (one & other).sum(dim=(1, 2, 3)) / union.clamp_min(1), 1.0)


def _rank(one: list[float], other: list[float]) -> float:
    """Rank correlation (Spearman)."""
    from scipy.stats import spearmanr

    return float(spearmanr(one, other).statistic)


def _to(batch: Batch, device: torch.device) -> Batch:
    def move(value: Tensor) -> Tensor:
        return value.to(device, memory_format=torch.channels_last)

    references = None if batch.references is None else move(batch.references)
    return Batch(move(batch.images), move(batch.planes), move(batch.truth), references)


def _log(path: Path, row: dict[str, float]) -> None:
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
