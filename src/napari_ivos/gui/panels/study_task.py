"""What a participant of a user study is to do next, in words."""

from __future__ import annotations

from napari_ivos.evaluation.study import Phase
from napari_ivos.gui._study_controller import StudyController
from napari_ivos.gui._study_run import StudyRun

_STAGES = {
    "none": "",
    "preparing": "The next video is being opened…",
    "keeping": "Your result is being saved…",
    "not kept": "<b>The result could not be saved.</b> Press S to try again.",
    "finished": "<b>That was the last video. Thank you!</b>",
}
_READY = (
    "look at the video; the other picture shows the masks to reach. Then draw on the objects in "
    "the first picture, on the frame that shows them best. The clock starts with the first stroke."
)


def next_task(controller: StudyController, run: StudyRun) -> str:
    """What the participant is to do now, in a sentence or two of HTML."""
    if run.stage == "finished" and run.study is not None:
        return f"{_STAGES['finished']}<br><br>The results are in {run.study.settings.place}."
    if run.stage in _STAGES:
        return _STAGES[run.stage]
    return f"<b>Next:</b> {_within_a_video(controller)}"


def _within_a_video(controller: StudyController) -> str:
    content = "press S if you are satisfied"
    if controller.phase is Phase.READY:
        return _READY
    if controller.phase is Phase.OPERATING:
        return "wait for the computer."
    if controller.phase is Phase.FINDING:
        how = (
            "choose the worst of the candidates (A to D)"
            if controller.offers_candidates
            else "look for a frame that is wrong and press Space"
        )
        return f"{how}; or {content}."
    if controller.drawn is not None:
        return "draw more on this frame (N: background), or run (R)."
    if controller.chosen is None:
        return "draw on the objects."
    return f"draw on frame {controller.chosen} what is wrong; or {content}."
