"""Small data sets of the DAVIS layout, made on the spot."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from napari_ivos.masks import davis_palette

HEIGHT, WIDTH = 60, 80


def labels_of(objects, length, height=HEIGHT, width=WIDTH):
    """(T, H, W) uint8: an ellipse that drifts right and, as object 2, a box that drifts left."""
    y, x = np.mgrid[:height, :width]
    out = np.zeros((length, height, width), np.uint8)
    for t in range(length):
        inside = ((x - 22 - 3 * t) / 14) ** 2 + ((y - 34) / (10 + t)) ** 2 < 1
        out[t][inside] = 1
        if objects > 1:
            out[t][(abs(x - 64 + t) < 10) & (abs(y - 14 - t) < 9)] = 2
    return out


def frames_of(labels):
    """(T, H, W, 3) uint8: each object in a colour of its own, on a textured ground."""
    rng = np.random.default_rng(0)
    colours = np.array([[70, 70, 70], [220, 60, 40], [40, 90, 220]])
    noise = rng.integers(0, 25, (*labels.shape, 3))
    return (colours[np.minimum(labels, 2)] + noise).astype(np.uint8)


def write_sequence(root, name, labels, *, scribbles=0, resolution="480p", keep=None):
    """Write frames, label maps (of the frames `keep`, or of all) and scribbles."""
    frames = root / "JPEGImages" / resolution / name
    maps = root / "Annotations" / resolution / name
    for folder in (frames, maps):
        folder.mkdir(parents=True)
    for t, picture in enumerate(frames_of(labels)):
        Image.fromarray(picture).save(frames / f"{t:05d}.png")
        if keep is None or t in keep:
            indexed = Image.fromarray(labels[t], "P")
            indexed.putpalette(davis_palette().tobytes())
            indexed.save(maps / f"{t:05d}.png")
    for number in range(1, scribbles + 1):
        folder = root / "Scribbles" / name
        folder.mkdir(parents=True, exist_ok=True)
        content = first_scribbles(name, labels, 2 * number % len(labels))
        (folder / f"{number:03d}.json").write_text(json.dumps(content))
    return root


def first_scribbles(name, labels, frame):
    """A horizontal stroke through the middle of each object."""
    length, height, width = labels.shape
    scribbles = [[] for _ in range(length)]
    for number in np.unique(labels[frame])[1:].tolist():
        y, x = (values.mean() for values in np.nonzero(labels[frame] == number))
        path = [[float((x + d) / width), float(y / height)] for d in range(-6, 7)]
        scribbles[frame].append({"path": path, "object_id": number, "start_time": 0, "end_time": 1})
    return {"sequence": name, "scribbles": scribbles}


def small_davis(root, lengths=(5, 6)):
    """Two sequences: ``blob`` of one object with two scribbles, ``pair`` of two with one."""
    write_sequence(root, "blob", labels_of(1, lengths[0]), scribbles=2)
    write_sequence(root, "pair", labels_of(2, lengths[1]), scribbles=1)
    return root
