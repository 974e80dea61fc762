"""The errors that a user may see: one clear sentence, and what to do about it."""


class IvosError(Exception):
    """Base of every error that is the user's to know about.

    Parameters
    ----------
    message : str
        What is wrong, as one sentence.
    hint : str, optional
        What to do about it, as one sentence.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message} {hint}")
        self.message = message
        self.hint = hint


class VideoError(IvosError):
    """A video, stack or folder cannot be read, or is not what it claims to be."""


class StrokeError(IvosError):
    """A stroke, a scribble file or a painted mask does not fit the video or the objects."""


class EngineError(IvosError):
    """A method failed while it was running: no such device, out of memory, and so on."""


class CheckpointError(IvosError):
    """A checkpoint is missing, damaged, or made for another network."""


class ProjectError(IvosError):
    """A project folder cannot be read or written."""


class ProjectVideoError(ProjectError):
    """The video of a project is not where it was, or is another one; to be given once more."""


class ExportError(IvosError):
    """Masks cannot be written as asked."""
