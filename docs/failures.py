"""Make the picture of where `lite` fails, on the built-in clip of cells.

python docs/failures.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from napari_ivos.sample_data import load
from napari_ivos.scribbles.raster import rasterise
from napari_ivos.scribbles.simulate import correction_strokes
from napari_ivos.session import Session

FILE = Path(__file__).parent / "pictures" / "lite-failures.png"
FRAMES = 40
SHOWN = ((9, 0), (2, 36), (1, 39))
"""Object of the clip, and frame."""
SIDE, ENLARGED = 72, 4
TRUTH, FOUND, STROKE = (255, 255, 255), (255, 140, 0), (60, 200, 255)


def main() -> None:
    """Segment the cells from one stroke each, and show three that went wrong."""
    clip = load("cells")
    frames, truth = np.asarray(clip.frames[:FRAMES]), np.asarray(clip.labels[:FRAMES])
    ids = [int(number) for number in np.unique(truth[0]) if number]
    session = Session(frames, method="lite")
    numbers = {number: session.add_object() for number in ids}
    first = np.zeros_like(truth[0])
    for number, own in numbers.items():
        first[truth[0] == number] = own
    strokes = correction_strokes(first, None, 0, list(numbers.values()), radius=None, smallest=1)
    session.add_strokes(strokes)
    list(session.propagate(0))
    panels = []
    for number, frame in SHOWN:
        right = truth[frame] == number
        found = np.asarray(session.masks[frame]) == numbers[number]
        drawn = [s for s in strokes if s.object_id == numbers[number]] if frame == 0 else []
        panels.append(panel(frames[frame], right, found, drawn))
        j = (right & found).sum() / (right | found).sum()
        text = f"frame {frame}: J {j:.2f}"
        cv2.putText(panels[-1], text, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, TRUTH, 1, cv2.LINE_AA)
    session.close()
    Image.fromarray(np.concatenate(panels, axis=1)).quantize(128).save(FILE, optimize=True)


def panel(image: np.ndarray, right: np.ndarray, found: np.ndarray, strokes: list) -> np.ndarray:
    """The surroundings of an object, enlarged, with outlines and strokes."""
    y, x = (int(np.mean(where)) for where in np.nonzero(right | found))
    top = min(max(y - SIDE // 2, 0), image.shape[0] - SIDE)
    left = min(max(x - SIDE // 2, 0), image.shape[1] - SIDE)
    part = slice(top, top + SIDE), slice(left, left + SIDE)
    size = (SIDE * ENLARGED, SIDE * ENLARGED)
    out = cv2.resize(np.ascontiguousarray(image[part]), size, interpolation=cv2.INTER_CUBIC)
    for stroke in strokes:
        line = rasterise(stroke, right.shape)[part].astype(np.uint8)
        out[cv2.resize(line, size, interpolation=cv2.INTER_NEAREST) > 0] = STROKE
    for mask, colour in ((right, TRUTH), (found, FOUND)):
        large = cv2.resize(mask[part].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(out, contours, -1, colour, 2)
    out[:, -4:] = 255
    return out


if __name__ == "__main__":
    main()
