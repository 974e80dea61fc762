"""Evaluation on the DAVIS interactive protocol: data sets, metrics, a robot that draws, reports."""

from napari_ivos.evaluation.dataset import EvaluationSequence, open_dataset
from napari_ivos.evaluation.evaluate import evaluate
from napari_ivos.evaluation.metrics import f_measure, jaccard
from napari_ivos.evaluation.play import play
from napari_ivos.evaluation.protocol import Protocol
from napari_ivos.evaluation.robot import Robot
from napari_ivos.evaluation.summary import summarise

__all__ = [
    "EvaluationSequence",
    "Protocol",
    "Robot",
    "evaluate",
    "f_measure",
    "jaccard",
    "open_dataset",
    "play",
    "summarise",
]
