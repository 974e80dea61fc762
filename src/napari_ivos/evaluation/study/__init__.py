"""The evaluation by people: sequences with their truth, clocks, results; no window here."""

from napari_ivos.evaluation.study.study import Study, StudySettings
from napari_ivos.evaluation.study.trial import Phase, StudyGuidance, StudyRound, Trial

__all__ = ["Phase", "Study", "StudyGuidance", "StudyRound", "StudySettings", "Trial"]
