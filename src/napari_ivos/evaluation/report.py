"""The report of an evaluation: table, summary, plots, and a page to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_ivos.evaluation.metrics import Metric
from napari_ivos.evaluation.page import make_page
from napari_ivos.evaluation.pictures import Curve, plot
from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.rows import Row, write_rows
from napari_ivos.evaluation.store import Played, write_json
from napari_ivos.evaluation.summary import mean_rounds, summarise
from napari_ivos.export._place import placed

METRICS: tuple[Metric, ...] = ("J_AND_F", "J", "F")


def write_report(
    folder: Path, title: str, samples: Sequence[Played], protocol: Protocol
) -> dict[str, Any]:
    """Write ``report.csv``, ``summary.json``, two plots and ``index.html``.

    Parameters
    ----------
    folder : Path
    title : str
        What was evaluated.
    samples : sequence of Played
        In the order that the report has.
    protocol : Protocol

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    IvosError
        There is nothing to report, or it cannot be written.
    """
    rows = [row for sample in samples for row in sample.rows()]
    summary = summarise(rows, protocol.metric, protocol.rounds, protocol.time_limit)
    with placed(folder / "report.csv", folder=False) as part:
        write_rows(part, rows)
    write_json(folder / "summary.json", summary)
    _plots(folder, rows, summary, protocol)
    page = make_page(folder, title, samples, rows, summary, protocol)
    with placed(folder / "index.html", folder=False) as part:
        part.write_text(page, encoding="utf-8")
    return summary


def _plots(folder: Path, rows: Sequence[Row], summary: dict[str, Any], protocol: Protocol) -> None:
    metric, curve = protocol.metric, summary["curve"]
    over_time = [Curve(f"{metric}, AUC {summary['auc']:.3f}", curve["time"], curve[metric])]
    over_rounds = []
    for name in METRICS:
        quality = mean_rounds(rows, name, protocol.rounds).quality.tolist()
        over_rounds.append(Curve(name, range(len(quality) + 1), [0.0, *quality]))
    for file, picture in (
        ("curve_time.png", plot(over_time, "seconds", metric)),
        ("curve_rounds.png", plot(over_rounds, "rounds", "mean")),
    ):
        with placed(folder / file, folder=False) as part:
            picture.save(part)
