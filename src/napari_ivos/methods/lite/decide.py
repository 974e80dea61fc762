"""Where the network starts from, in training and in use; and a whole batch, as training asks it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from napari_ivos.methods.lite.network import Decision, Lite, reference


class Question(Protocol):
    """Windows of one kind; each tensor (B, C, S, S) float32."""

    @property
    def images(self) -> Tensor:
        """RGB, 0–255."""

    @property
    def planes(self) -> Tensor:
        """From `inputs`."""

    @property
    def references(self) -> Tensor | None:
        """Pictures of annotated frames, masks as fourth channel, 0–255; None on such a frame."""


def decide(network: Lite, question: Question) -> Decision:
    """What the network makes of some windows."""
    planes, references = question.planes, question.references
    features = network.features(question.images)
    if references is None:
        known = reference(features, planes[:, 0:1], planes[:, 1:2])
        return network.annotated.forward(features, known, planes, annotated_start(planes))
    inside = references[:, 3:] / 255
    known = reference(network.features(references[:, :3]), inside, 1 - inside)
    return network.moved.forward(features, known, planes, moved_start(planes))


def annotated_start(planes: Tensor) -> Tensor:
    """Log-odds (B, 1, S, S) that `flow` stands for on an annotated frame."""
    return 2 * (2 * planes[:, 5:6] - 1) + 2 * planes[:, 4:5]


def moved_start(planes: Tensor) -> Tensor:
    """Log-odds (B, 1, S, S) that `flow` stands for on the way."""
    return 2.5 * (2 * planes[:, 1:2] - 1) + 2 * planes[:, 0:1]
