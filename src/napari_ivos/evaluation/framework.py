"""Drives the real DavisInteractiveSession, for numbers that are the framework's own.

davisinteractive is under the GPL and is no part of napari-ivos: it is imported here alone, when a
user asks for it, and works on copies of the label maps. Version 1.0.4 uses names that numpy,
networkx and pandas have given up since; they are put back for this process, which is why this
belongs into a process of its own (the command is one).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.dataset import EvaluationSequence
from napari_ivos.evaluation.metrics import combine
from napari_ivos.evaluation.play import Game, open_game
from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.rows import Row
from napari_ivos.evaluation.sample import Sample
from napari_ivos.evaluation.truth import Truth
from napari_ivos.masks import davis_palette

_MAX_ROUNDS, _MAX_SECONDS, _MAX_OBJECTS = 16, 600, 254
_INSTALL = (
    'Run: pip install "napari-ivos[davis]" cython setuptools wheel, then: '
    "pip install --no-deps --no-build-isolation davisinteractive==1.0.4"
)


def check_framework(protocol: Protocol) -> None:
    """Raise `IvosError` when the framework is not installed or cannot do what is asked for."""
    if protocol.rounds > _MAX_ROUNDS or (protocol.time_limit or 0) > _MAX_SECONDS:
        raise IvosError(
            f"The framework takes at most {_MAX_ROUNDS} rounds and {_MAX_SECONDS} seconds."
        )
    _load(protocol)


def play_framework(
    sequence: EvaluationSequence,
    number: int,
    protocol: Protocol,
    progress: Callable[[int], None] = lambda _: None,
) -> Sample:
    """Run one sample within a real DavisInteractiveSession; see `play`.

    Its clock, robot, metrics and choice of frames are the framework's.

    Parameters
    ----------
    sequence : EvaluationSequence
    number : int
    protocol : Protocol
    progress : callable

    Returns
    -------
    Sample

    Raises
    ------
    IvosError
        The framework is missing, the data cannot be had in its form, or the method failed.
    """
    session_class, davis = _load(protocol)
    with open_game(sequence, number, protocol) as game, tempfile.TemporaryDirectory() as place:
        root = Path(place)
        _stage(game, root)
        _announce(davis, game)
        with session_class(
            host="localhost",
            user_key="napari-ivos",
            davis_root=str(root),
            subset="val",
            max_time=protocol.time_limit,
            max_nb_interactions=protocol.rounds,
            metric_to_optimize=protocol.metric,
            report_save_dir=str(root / "report"),
        ) as session:
            out = _drive(session, game, progress)
            _take_rows(out, session.get_report())
        _rate(out, game, protocol)
    return out


def _drive(session: Any, game: Game, progress: Callable[[int], None]) -> Sample:
    out = Sample(game.sequence.name, game.number)
    before = [0] * game.truth.length
    while session.next():
        _, scribbles, _ = session.get_scribbles(only_last=False)
        # The method is asked within the framework's clock.
        game.answer(scribbles)
        masks = game.masks()
        counts = [len(on_frame) for on_frame in scribbles["scribbles"]]
        frames = [frame for frame, count in enumerate(counts) if count > before[frame]]
        # The robot may have nothing to draw.
        out.frames.append(frames[0] if frames else out.frames[-1])
        out.strokes.append(sum(counts) - sum(before))
        before = counts
        session.submit_masks(masks.astype(int), game.candidates(out.frames))
        progress(len(out.frames))
    return out


def _take_rows(out: Sample, report: Any) -> None:
    for item in report.to_dict("records"):
        out.rows.append(
            Row(
                out.sequence,
                out.number,
                int(item["interaction"]),
                int(item["object_id"]),
                int(item["frame"]),
                float(item["jaccard"]),
                float(item["contour"]),
                float(item["j_and_f"]),
                float(item["timing"]),
            )
        )


def _rate(out: Sample, game: Game, protocol: Protocol) -> None:
    rounds: dict[int, dict[int, list[tuple[float, float]]]] = {}
    for row in out.rows:
        frames = rounds.setdefault(row.interaction, {})
        frames.setdefault(row.frame, []).append((row.jaccard, row.contour))
    for number in sorted(rounds):
        by_frame = {f: combine(pairs, protocol.metric) for f, pairs in rounds[number].items()}
        out.quality.append(float(np.mean(list(by_frame.values()))))
        out.worst = game.worst(by_frame) if number == max(rounds) else None
    del out.frames[len(rounds) :], out.strokes[len(rounds) :]


def _stage(game: Game, root: Path) -> None:
    """The data in the framework's layout: label maps numbered from 0, and the scribbles."""
    from PIL import Image

    name, truth = game.sequence.name, game.truth
    _check_truth(name, truth)
    labels, scribbles = root / "Annotations" / "480p" / name, root / "Scribbles" / name
    for folder in (labels, scribbles, root / "report"):
        folder.mkdir(parents=True)
    for frame in truth.frames:
        picture = Image.fromarray(truth[frame].astype(np.uint8), "P")
        picture.putpalette(davis_palette().tobytes())
        picture.save(labels / f"{frame:05d}.png")
    first, _ = game.first()
    (scribbles / "001.json").write_text(json.dumps({**first, "sequence": name}), encoding="utf-8")


def _check_truth(name: str, truth: Truth) -> None:
    if len(truth.frames) != truth.length:
        raise IvosError(
            f"The framework needs a label map for each frame, and {name} has "
            f"{len(truth.frames)} for {truth.length}.",
            "Leave --via-davisinteractive out.",
        )
    if (
        truth.objects != tuple(range(1, len(truth.objects) + 1))
        or len(truth.objects) > _MAX_OBJECTS
    ):
        raise IvosError(
            f"The framework needs objects numbered 1, 2, 3, …, and {name} has others.",
            "Leave --via-davisinteractive out.",
        )


def _announce(davis: Any, game: Game) -> None:
    """Make the sequence all there is for the framework."""
    name, truth = game.sequence.name, game.truth
    height, width = truth.size
    davis.sets = {"train": [], "val": [name], "trainval": [name]}
    davis.dataset = {
        name: {
            "name": name,
            "num_frames": truth.length,
            "num_objects": len(truth.objects),
            "num_scribbles": 1,
            "image_size": [width, height],
            "set": "val",
            "year": 2017,
            "eval_t": True,
            "attributes": [],
        }
    }


def _load(protocol: Protocol) -> tuple[Any, Any]:
    """The framework's session and data set classes, made to work with today's libraries."""
    _restore_names()
    try:
        from davisinteractive.dataset import Davis
        from davisinteractive.evaluation import service
        from davisinteractive.robot import InteractiveScribblesRobot, interactive_robot
        from davisinteractive.session import DavisInteractiveSession
        from davisinteractive.storage.local import LocalStorage
        from skimage.morphology import medial_axis
    except ImportError as error:
        raise IvosError(f"davisinteractive cannot be used: {error}.", _INSTALL) from error
    robot = protocol.robot
    # Ties of the skeleton are broken by an unseeded generator there.
    interactive_robot.medial_axis = partial(medial_axis, rng=robot.seed)
    service.InteractiveScribblesRobot = partial(InteractiveScribblesRobot, min_nb_nodes=robot.nodes)
    _restore_tables(LocalStorage, service.EvaluationService)
    return DavisInteractiveSession, Davis


def _restore_tables(storage: Any, evaluation: Any) -> None:
    """Mend the tables: pandas of today does not average columns of words or of objects."""
    if hasattr(storage, "_ivos_get_report"):
        return
    storage._ivos_get_report = storage.get_report
    evaluation._ivos_summarize_report = evaluation.summarize_report

    def get_report(self: Any, session_id: Any = None, **kwargs: Any) -> Any:
        return self._ivos_get_report(session_id=session_id, **kwargs).infer_objects()

    def summarize_report(self: Any, df: Any) -> Any:
        numbers = df.drop(columns=["session_id"], errors="ignore").infer_objects()
        return self._ivos_summarize_report(numbers)

    storage.get_report = get_report
    evaluation.summarize_report = summarize_report


def _restore_names() -> None:
    for name, kind in (("int", int), ("float", float), ("bool", bool), ("object", object)):
        if name not in vars(np):
            setattr(np, name, kind)
    if not hasattr(np, "trapz"):
        setattr(np, "trapz", np.trapezoid)  # noqa: B010
    try:
        import networkx
    except ImportError:
        # The import of the framework itself will say what is missing.
        return
    if not hasattr(networkx, "from_scipy_sparse_matrix"):
        networkx.from_scipy_sparse_matrix = networkx.from_scipy_sparse_array
