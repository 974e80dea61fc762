"""`python -m napari_ivos.training`: make samples, train on them, write the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def samples(
    data: Annotated[Path, typer.Argument(help="folder of the training sets")],
    folder: Annotated[Path, typer.Argument(help="where the samples go")],
    name: Annotated[str, typer.Option(help="of this part")] = "train",
    scenes: Annotated[int, typer.Option(help="how many made videos")] = 1000,
    length: Annotated[int, typer.Option(help="frames of each; 2: only annotate")] = 6,
    objects: Annotated[int, typer.Option(help="of each, at most")] = 2,
    seed: Annotated[int, typer.Option(help="of the first of them")] = 0,
    free_only: Annotated[bool, typer.Option(help="only sets that permit any use")] = True,
    weights: Annotated[Path | None, typer.Option(help="follow this network at times")] = None,
) -> None:
    """Make videos, let `flow` work on them, and keep what it was asked."""
    import cv2
    import numpy as np

    from napari_ivos.training.samples import record
    from napari_ivos.training.scenes import make_scene
    from napari_ivos.training.sources import Sources
    from napari_ivos.training.store import Writer

    cv2.setNumThreads(1)
    sources = Sources(data, free_only=free_only)
    advice = None
    if weights is not None:
        import torch

        from napari_ivos.methods.lite.model import load_network
        from napari_ivos.methods.lite.refiner import NetworkRefiner

        advice = NetworkRefiner(load_network(weights), torch.device("cpu"))
    writer = Writer(folder, name)
    for number in range(seed, seed + scenes):
        rng = np.random.default_rng(number)
        for sample in record(rng, make_scene(rng, sources, length), advice, most=objects):
            writer.add(sample)
    writer.close()


@app.command()
def train(
    samples: Annotated[Path, typer.Argument(help="folder of samples")],
    out: Annotated[Path, typer.Argument(help="folder for the weights and the log")],
    steps: Annotated[int, typer.Option(help="how long")] = 5000,
    moved: Annotated[int, typer.Option(help="samples of a batch, on the way")] = 8,
    annotated: Annotated[int, typer.Option(help="samples of a batch, annotated")] = 4,
    rate: Annotated[float, typer.Option(help="learning rate")] = 1.5e-3,
    tune_encoder: Annotated[bool, typer.Option(help="train the encoder too")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    threads: Annotated[int, typer.Option(help="of the processor")] = 2,
    seed: Annotated[int, typer.Option(help="of the order of the samples")] = 0,
    start: Annotated[Path | None, typer.Option(help="weights of an earlier training")] = None,
) -> None:
    """Train on samples; goes on where it was interrupted."""
    import torch

    from napari_ivos.training.train import Recipe
    from napari_ivos.training.train import train as run

    torch.set_num_threads(threads)
    recipe = Recipe(
        steps=steps,
        moved=moved,
        annotated=annotated,
        rate=rate,
        tune_encoder=tune_encoder,
        seed=seed,
    )
    run(samples, out, recipe, device=device, start=start)


@app.command()
def curves(
    out: Annotated[Path, typer.Argument(help="folder that `train` wrote")],
    file: Annotated[Path, typer.Argument(help="picture to write, .png")],
) -> None:
    """Draw how J on the samples put aside went, for the network and for `flow`."""
    import csv

    from napari_ivos.evaluation.pictures import Curve, plot

    with (out / "log.csv").open() as log:
        rows = list(csv.DictReader(log))
    steps = [float(row["step"]) for row in rows]
    names = [name for name in rows[0] if name.endswith(("_flow", "_lite"))]
    lines = [
        Curve(name.replace("_", ", "), steps, [float(r[name]) for r in rows]) for name in names
    ]
    plot(lines, "steps", "mean J on samples put aside").save(file)


@app.command()
def weights(
    out: Annotated[Path, typer.Argument(help="folder that `train` wrote")],
    file: Annotated[Path, typer.Argument(help="file to write")],
    about: Annotated[str, typer.Option(help="what it was trained on")] = "",
) -> None:
    """Write the weights of a training as they ship."""
    import torch

    from napari_ivos.methods.lite.model import write_weights

    state = torch.load(out / "average.pt", map_location="cpu", weights_only=True)
    write_weights(state, file, {"about": about})


if __name__ == "__main__":
    app()
