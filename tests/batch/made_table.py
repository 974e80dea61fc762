"""Tables of jobs in the making."""

from __future__ import annotations

import csv

import numpy as np
import tifffile

from napari_ivos.scribbles import make_stroke, to_davis, write_davis

LENGTH, HEIGHT, WIDTH = 4, 40, 48


class Table:
    """A table of jobs in the making; all of its files are in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "jobs.csv"
        self.rows = []

    def add(self, name, length=LENGTH, **more):
        """A job whose bright square moves to the right; gives its masks' place."""
        frames = np.full((length, HEIGHT, WIDTH, 3), 40, np.uint8)
        for index, frame in enumerate(frames):
            left = 8 + 2 * (index % LENGTH)
            frame[12:28, left : left + 16] = 200
        tifffile.imwrite(self.folder / f"{name}.tif", frames, photometric="rgb")
        marks = [make_stroke(0, 1, [[20, 12], [20, 20]], 1.5)]
        marks.append(make_stroke(0, 0, [[36, 12], [36, 20]], 1.5))
        write_davis(self.folder / f"{name}.json", to_davis(marks, (HEIGHT, WIDTH), length, name))
        cells = {"video": f"{name}.tif", "strokes": f"{name}.json", "out": f"{name}-masks.tif"}
        self.rows.append(cells | more)
        self.write()
        return self.folder / self.rows[-1]["out"]

    def write(self):
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with self.path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
