"""One page that shows an evaluation to a person: numbers, curves, and what went worst."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.rows import Row
from napari_ivos.evaluation.store import Played
from napari_ivos.evaluation.summary import mean_rounds

_WORST = 6
"""How many samples are shown as pictures."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em;
  color: #222; background: #fff }
table { border-collapse: collapse; margin: 1em 0 }
th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: right }
th:first-child, td:first-child { text-align: left }
img { max-width: 100%; height: auto } figure { margin: 1.5em 0 } figcaption { color: #555 }
.pair { display: flex; gap: 1em; flex-wrap: wrap } .pair img { max-width: 520px }
"""


def make_page(
    folder: Path,
    title: str,
    samples: Sequence[Played],
    rows: Sequence[Row],
    summary: dict[str, Any],
    protocol: Protocol,
) -> str:
    """Page of a report, which needs no further file but the two plots beside it.

    Parameters
    ----------
    folder : Path
        Of the report.
    title : str
    samples : sequence of Played
    rows : sequence of Row
        Of all samples.
    summary : dict
    protocol : Protocol

    Returns
    -------
    str
        HTML.
    """
    metric = protocol.metric
    at = summary["metric_at_threshold"]
    lead = (
        f"{len(samples)} samples of {len({sample.sequence for sample in samples})} sequences; "
        f"method {protocol.method}, next frame by {protocol.guidance}, {protocol.rounds} rounds. "
        f"AUC of {metric} {summary['auc']:.4f}; {metric} after {at['threshold']} s "
        f"{at[metric]:.4f}."
    )
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1><p>{escape(lead)}</p>",
        _rounds_table(rows, protocol),
        "<div class='pair'><img src='curve_rounds.png' alt='Quality after each round'>",
        f"<img src='curve_time.png' alt='{escape(metric)} over time'></div>",
        "<h2>Samples, worst first</h2>",
        _samples_table(samples, protocol),
        "<h2>Worst cases</h2><p>The frame that was worst in the end: truth left, result right.</p>",
        *(_figure(sample, protocol) for sample in _by_quality(samples)[:_WORST]),
        "</body></html>",
    ]
    return "\n".join(parts)


def _by_quality(samples: Iterable[Played]) -> list[Played]:
    played = [sample for sample in samples if sample.quality]
    return sorted(played, key=lambda sample: (sample.quality[-1], sample.sequence, sample.number))


def _rounds_table(rows: Sequence[Row], protocol: Protocol) -> str:
    means = {name: mean_rounds(rows, name, protocol.rounds) for name in ("J", "F", "J_AND_F")}
    lines = [
        (
            str(number + 1),
            *(f"{mean.quality[number]:.4f}" for mean in means.values()),
            f"{means['J'].seconds[number]:.2f}",
        )
        for number in range(protocol.rounds)
    ]
    return _table(("round", *means, "seconds"), lines)


def _samples_table(samples: Sequence[Played], protocol: Protocol) -> str:
    lines = [
        (
            sample.sequence,
            str(sample.number),
            f"{sample.quality[0]:.4f}",
            f"{sample.quality[-1]:.4f}",
            str(sum(sample.strokes)),
            " ".join(map(str, sample.frames)),
        )
        for sample in _by_quality(samples)
    ]
    head = ("sequence", "scribbles", "round 1", "last round", "strokes", "frames drawn on")
    return _table(head, lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _figure(sample: Played, protocol: Protocol) -> str:
    if sample.worst is None or not sample.picture.is_file():
        return ""
    frame, quality = sample.worst
    picture = base64.b64encode(sample.picture.read_bytes()).decode("ascii")
    text = f"{sample.sequence}, frame {frame}: {protocol.metric} {quality:.3f}"
    return (
        f"<figure><img src='data:image/jpeg;base64,{picture}' alt='{escape(text)}'>"
        f"<figcaption>{escape(text)}</figcaption></figure>"
    )
