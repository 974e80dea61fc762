"""From a data set to a report; goes on where an earlier call was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_ivos.evaluation.dataset import EvaluationSequence
from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.report import write_report
from napari_ivos.evaluation.run import Job, list_jobs, run_jobs
from napari_ivos.evaluation.store import Played, Store
from napari_ivos.workers import check_scheduler


def evaluate(
    sequences: Sequence[EvaluationSequence],
    protocol: Protocol,
    folder: Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    title: str = "Evaluation",
    progress: Callable[[Played, int, int], None] = lambda *_: None,
    told: Callable[[Job, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Evaluate a method and write the report.

    Parameters
    ----------
    sequences : sequence of EvaluationSequence
    protocol : Protocol
    folder : Path
        Of the report. Samples that are finished there already are taken from it, if the settings
        are the same.
    workers : int
        Processes to run at a time. Times are longer when there are several.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers are to play. They have to see the same files.
    title : str
        Of the page.
    progress : callable
        Told each finished sample, how many are finished, and of how many.
    told : callable
        Told each finished round, with one worker.

    Returns
    -------
    dict
        The summary.

    Raises
    ------
    IvosError
        The data cannot be read, the method failed, or the report cannot be written or continued;
        what was finished stays.
    """
    if protocol.via_davisinteractive:
        from napari_ivos.evaluation.framework import check_framework

        check_framework(protocol)
    check_scheduler(scheduler, workers)
    store = Store(folder)
    jobs = list_jobs(sequences, protocol)
    order = {(job.sequence.name, job.number): place for place, job in enumerate(jobs)}
    played: dict[int, Played] = {}
    with store.claimed(describe(sequences, protocol)):
        for sample in run_jobs(jobs, protocol, store, workers, told, scheduler):
            played[order[sample.sequence, sample.number]] = sample
            progress(sample, len(played), len(jobs))
        return write_report(folder, title, [played[key] for key in sorted(played)], protocol)


def describe(sequences: Sequence[EvaluationSequence], protocol: Protocol) -> dict[str, Any]:
    """What the numbers of a report depend on, as JSON; which sequences were chosen does not count.

    A report is continued only when all of it is the same.
    """
    from napari_ivos import __version__

    homes = sorted({str(sequence.frames.parent) for sequence in sequences})
    return {
        "version": __version__,
        "frames": homes,
        "labels": sorted({str(sequence.labels.parent) for sequence in sequences}),
        **protocol.describe(),
        "checkpoint_sha256": _hash(protocol.checkpoint),
    }


def _hash(path: Path | None) -> str | None:
    if path is None:
        return None
    import hashlib

    digest = hashlib.sha256()
    for file in sorted(path.rglob("*.pth")) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
