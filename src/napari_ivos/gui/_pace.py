"""How long the frames that are left will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import median

_MEMORY = 25
_LEAST = 3


class Pace:
    """Estimates from how long the latest frames took.

    Their median, so that neither the loading of a method nor a preview in between changes what is
    told of the rest.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._took: deque[float] = deque(maxlen=_MEMORY)
        self._last: float | None = None

    def begin(self) -> None:
        """Forget the run before."""
        self._took.clear()
        self._last = None

    def frame_done(self) -> None:
        """Take note of a frame."""
        now = self._clock()
        if self._last is not None:
            self._took.append(now - self._last)
        self._last = now

    def left(self, frames: int) -> float | None:
        """Seconds that so many frames will take; None as long as too few are done to say so."""
        return median(self._took) * frames if len(self._took) >= _LEAST else None


def spell(seconds: float) -> str:
    """A time as people say it, so coarse that it does not change at every frame."""
    if seconds < 10:
        return f"{max(round(seconds), 1)} s"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    step = 10 if seconds < 595 else 60
    whole = step * round(seconds / step)
    return f"{whole // 60}:{whole % 60:02} min" if step == 10 else f"{whole // 60} min"
