"""Two boxes that move in opposite directions, and strokes that mark them on the first frame."""

import numpy as np

SIZE = (48, 56)
FIRST = [[18, 10], [20, 22]]
SECOND = [[36, 38], [38, 50]]


def two_boxes(length):
    """(T, 48, 56, 3) uint8: a red box and a blue one on a dark, noisy ground."""
    frames = np.random.default_rng(0).integers(60, 90, (length, *SIZE, 3)).astype(np.uint8)
    for t, frame in enumerate(frames):
        frame[10:26, 8 + 3 * t : 24 + 3 * t] = (200, 60, 40)
        frame[30:44, 36 - 2 * t : 52 - 2 * t] = (40, 80, 210)
    return frames
