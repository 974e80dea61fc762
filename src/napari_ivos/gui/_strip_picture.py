"""What the timeline paints: states told apart by colour, and by form where there is room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtGui import QImage

from napari_ivos.session import Status, shrink

# Colours that people with any colour vision tell apart (Okabe and Ito).
COLOURS = {
    Status.UNSEEN: (72, 72, 76),
    Status.ABSENT: (36, 36, 40),
    Status.HUMAN: (240, 228, 66),
    Status.ACCEPTED: (0, 158, 115),
}
DOUBTFUL, SURE, UNKNOWN = (213, 94, 0), (86, 180, 233), (110, 150, 190)
_DARK, _GREY, _WHITE = (30, 30, 30), (150, 150, 150), (255, 255, 255)
_LEAST = 8
"""Pixels that a row needs for its forms to be seen."""
_LOWEST, _MIDDLE = 0.35, 0.7
"""Share of the height that a mask of no reliability, and of an unknown one, takes."""


def picture(
    status: NDArray[np.uint8], reliability: NDArray[np.float32], width: int, row: int = 1
) -> QImage:
    """A picture of what is known of each object on each frame.

    A method's masks are bars, the higher the more they are to be trusted; frames that a person drew
    on have a dark line through the middle, accepted ones a white one near the top, and those
    without the object a grey line. In low rows the colours must do.

    Parameters
    ----------
    status : (K, T) uint8
        `Status`.
    reliability : (K, T) float32
        0–1, nan where unknown.
    width : int
        Pixels; columns are as many, or one a frame where there are fewer.
    row : int
        Pixels of an object's row.

    Returns
    -------
    QImage
        K · `row` pixels high.
    """
    shown = shrink(status, width)
    objects, columns = shown.shape
    # Of frames that share a column the least reliable one is to be seen.
    starts = (np.arange(columns) * reliability.shape[1]) // columns
    score = np.fmin.reduceat(reliability, starts, axis=1)
    colours = _colours(shown, score)
    high = np.repeat(colours[:, None], row, axis=1)
    if row >= _LEAST:
        _draw_forms(high, shown, score)
    pixels = np.full((objects * row, columns, 4), 255, dtype=np.uint8)
    pixels[..., 2::-1] = high.reshape(-1, columns, 3)
    image = QImage(pixels.data, columns, objects * row, 4 * columns, QImage.Format.Format_RGB32)
    return image.copy()


def _colours(status: NDArray[np.uint8], score: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(K, W, 3)."""
    share = np.nan_to_num(score)[..., None]
    method = share * np.array(SURE, np.float32) + (1 - share) * np.array(DOUBTFUL, np.float32)
    method[np.isnan(score)] = UNKNOWN
    table = np.zeros((len(Status), 3), np.float32)
    for kind, colour in COLOURS.items():
        table[kind] = colour
    found = np.where((status == Status.MODEL)[..., None], method, table[status])
    return found.astype(np.uint8)


def _draw_forms(
    pixels: NDArray[np.uint8], status: NDArray[np.uint8], score: NDArray[np.float32]
) -> None:
    """Into (K, row, W, 3); the last line of a row is between it and the next."""
    inner = pixels.shape[1] - 1
    share = np.where(np.isnan(score), _MIDDLE, _LOWEST + (1 - _LOWEST) * np.nan_to_num(score))
    above = np.arange(inner)[:, None] < inner - np.round(share * inner)[:, None]
    bar = (status == Status.MODEL)[:, None] & above
    pixels[:, :inner][bar] = COLOURS[Status.UNSEEN]
    middle = inner // 2
    for kind, lines, colour in (
        (Status.HUMAN, slice(middle - 1, middle + 1), _DARK),
        (Status.ACCEPTED, slice(2, 4), _WHITE),
        (Status.ABSENT, slice(middle, middle + 1), _GREY),
    ):
        pixels[:, lines][np.repeat((status == kind)[:, None], lines.stop - lines.start, axis=1)] = (
            colour
        )
