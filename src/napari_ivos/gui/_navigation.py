"""Going from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_ivos.gui._controller import Controller


class Navigation:
    """Where the viewer goes; does nothing without a session."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    @property
    def frame(self) -> int | None:
        """The displayed frame; None where there is none, also beside the video."""
        view = self._controller.view
        return view.frame if view is not None and view.shows_frame else None

    def frame_to_act_on(self) -> int | None:
        """The displayed frame; where a session shows none, the user is told so."""
        view = self._controller.view
        if view is not None and view.shows_volume:
            text = "No single frame is on screen. Go back to the 2-D view, axes in their own order."
            self._controller.say(text, bad=True)
            return None
        if view is not None and not view.shows_frame:
            self._controller.say(f"{view.beside}. Go back to one of its frames first.", bad=True)
        return self.frame

    def go_to(self, frame: int) -> None:
        """Display a frame."""
        if self._controller.view is not None:
            self._controller.view.frame = frame

    def go_to_doubtful(self) -> None:
        """Display the frame that most needs a look."""
        session = self._controller.session
        if session is None:
            return
        frames = [frame for frame in session.recommend(k=2) if frame != self.frame]
        if frames:
            self.go_to(frames[0])
        else:
            self._controller.say("No frame to recommend yet. Propagate first.")

    def go_to_annotated(self, step: int) -> None:
        """Display the annotated frame before (−1) or after (+1) this one."""
        session, view = self._controller.session, self._controller.view
        if session is not None and view is not None:
            here = view.place
            frames = [f for f in session.annotated_frames if (f - here) * step > 0]
            if frames:
                self.go_to(min(frames, key=lambda f: abs(f - here)))

    def go_to_unreviewed(self) -> None:
        """Display the next frame that nobody has drawn on or accepted."""
        overview, view = self._controller.overview, self._controller.view
        if overview is None or view is None:
            return
        frame = overview.next_unreviewed(view.frame)
        if frame is None:
            self._controller.say("There is no frame left that only a method has spoken of.")
        else:
            self.go_to(frame)

    def toggle_masks(self) -> None:
        """Show the masks, or hide them."""
        view = self._controller.view
        if view is not None:
            view.masks.visible = not view.masks.visible
