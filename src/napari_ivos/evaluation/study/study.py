"""A study: which sequences a person works on, with what, and what is left to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from napari_ivos.errors import IvosError
from napari_ivos.evaluation.dataset import EvaluationSequence, open_dataset
from napari_ivos.evaluation.metrics import score_frame
from napari_ivos.evaluation.study.store import Finished, StudyStore
from napari_ivos.evaluation.study.trial import StudyGuidance, StudyRound
from napari_ivos.evaluation.truth import Truth
from napari_ivos.export import Masks, export_masks
from napari_ivos.methods import check_choice
from napari_ivos.types import LabelMap

# It becomes the name of a folder, on any system.
_PARTICIPANT = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")
_LARGEST_PALETTE_ID = 255


@dataclass(frozen=True, slots=True)
class StudySettings:
    """Settings of a study.

    Raises
    ------
    IvosError
        A setting is not possible.
    """

    dataset: Path
    """A folder of the DAVIS layout."""
    folder: Path
    """Where results go; made when it is not there."""
    participant: str
    """Name or number of the person."""
    guidance: StudyGuidance = "free"
    method: str = "flow"
    device: str = "auto"
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        if not _PARTICIPANT.fullmatch(self.participant):
            raise IvosError(
                f"'{self.participant}' cannot be the participant's name."
                if self.participant
                else "The participant has no name.",
                "Give a name or number of letters, digits, spaces, '-', '_' and '.'.",
            )
        if self.guidance not in get_args(StudyGuidance):
            raise IvosError(f"There is no guidance '{self.guidance}'.")
        spec = check_choice(self.method, self.device, self.checkpoint)
        if self.guidance != "free" and not spec.reliability:
            raise IvosError(
                f"The method {spec.name} does not estimate how reliable a frame is.",
                "Choose free search, or another method.",
            )

    @property
    def place(self) -> Path:
        """Folder of this person's results with this method and guidance."""
        return self.folder / self.participant / f"{self.method}-{self.guidance}"


class Study:
    """A study that one person takes part in; goes on where it was interrupted.

    Parameters
    ----------
    settings : StudySettings

    Raises
    ------
    IvosError
        The data set is none, the folder cannot be written to or was begun with other settings, or
        somebody else is writing to it.
    """

    def __init__(self, settings: StudySettings) -> None:
        self.settings = settings
        self.sequences: list[EvaluationSequence] = open_dataset(settings.dataset)
        self._store = StudyStore(settings.place, settings.participant)
        try:
            self._store.claim(self._described())
        except BaseException:
            self.close()
            raise

    @property
    def unfinished(self) -> list[EvaluationSequence]:
        """The sequences that are still to do, in their order."""
        return [item for item in self.sequences if not self._store.is_finished(item.name)]

    def keep(
        self, sequence: EvaluationSequence, truth: Truth, masks: Masks, rounds: Sequence[StudyRound]
    ) -> Iterator[int]:
        """Score a finished sequence and write its results, whole or not at all.

        Parameters
        ----------
        sequence : EvaluationSequence
        truth : Truth
        masks : (T, H, W) uint16
            Final masks; object k is the k-th of ``truth.objects``.
        rounds : sequence of StudyRound

        Yields
        ------
        int
            How many frames are scored.

        Raises
        ------
        ExportError
            They cannot be written.
        """
        shown = _WithIds(masks, truth)
        scores = []
        for count, frame in enumerate(truth.frames, start=1):
            scores.append(score_frame(truth[frame], shown[frame], truth.objects))
            yield count
        means = np.mean(scores, axis=0).tolist()
        folder = self._store.masks(sequence.name)
        export_masks(folder, shown, greyscale=max(truth.objects) > _LARGEST_PALETTE_ID)
        self._store.add(Finished(sequence.name, truth.objects, means, list(rounds)))

    def close(self) -> None:
        """Let somebody else go on with it."""
        self._store.close()

    def _described(self) -> dict[str, Any]:
        now = self.settings
        return {
            "participant": now.participant,
            "method": now.method,
            "device": now.device,
            "checkpoint": None if now.checkpoint is None else now.checkpoint.name,
            "guidance": now.guidance,
            "sequences": [item.name for item in self.sequences],
        }


class _WithIds:
    """Masks of objects that were numbered through, with the ids that the truth has."""

    dtype = np.dtype(np.uint16)

    def __init__(self, masks: Masks, truth: Truth) -> None:
        self.shape = masks.shape
        self._masks = masks
        self._ids = np.array([0, *truth.objects], dtype=np.uint16)

    def __getitem__(self, index: int) -> LabelMap:
        labels: LabelMap = self._ids[self._masks[index]]
        return labels
