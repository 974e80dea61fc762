"""Made videos with exact masks: layers of photographs and textures, and micrographs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_ivos.sample_data._texture import clouds
from napari_ivos.training.assembled import cast_shadow, draw_thing
from napari_ivos.training.microscopy import draw_cells, outlines
from napari_ivos.training.motion import Motion, moved, random_motion
from napari_ivos.training.sources import Picture, Sources
from napari_ivos.types import LabelMap, Mask

Colour = NDArray[np.float32]
"""(H, W, 3) float32, 0–255."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A short video and its truth."""

    kind: str
    frames: NDArray[np.uint8]
    """(T, H, W, 3)."""
    labels: NDArray[np.uint16]
    """(T, H, W)."""


def make_scene(rng: np.random.Generator, sources: Sources, length: int) -> Scene:
    """Draw one at random: half natural, half microscopy.

    Parameters
    ----------
    rng : numpy Generator
    sources : Sources
    length : int
        Frames.
    """
    if rng.random() < 0.5:
        if sources.has_videos and rng.random() < 0.5:
            return _real(rng, sources, length)
        return _layers(rng, sources, length)
    return _micrograph(rng, sources, length)


def _real(rng: np.random.Generator, sources: Sources, length: int) -> Scene:
    pairs = sources.video(rng, length)
    flip = rng.random() < 0.5
    frames = np.stack([image[:, ::-1] if flip else image for image, _ in pairs])
    labels = np.stack([mask[:, ::-1] if flip else mask for _, mask in pairs])
    return Scene("video", np.ascontiguousarray(frames), (labels > 0).astype(np.uint16))


def _layers(rng: np.random.Generator, sources: Sources, length: int) -> Scene:
    """Figures and pieces of photographs before a background, each with a motion of its own."""
    shape = 240, int(rng.choice([240, 320, 426]))
    pace = float(np.exp(rng.uniform(np.log(0.3), np.log(9.0))))
    if rng.random() < 0.3:
        # Too fast for optical flow: what remains is to find the object by its looks.
        pace *= rng.uniform(2, 6)
    backdrop, ground = _backdrop(rng, sources, shape)
    way = _way(rng, shape, length, (shape[1] / 2, shape[0] / 2), pace * rng.choice([0.0, 0.5, 1.0]))
    items = [_figure(rng, sources, shape) for _ in range(rng.integers(0, 4))]
    ways = [_way(rng, shape, length, centre, pace * rng.uniform(0.2, 1.5)) for *_, centre in items]
    frames = np.empty((length, *shape, 3), dtype=np.uint8)
    labels = np.zeros((length, *shape), dtype=np.uint16)
    camera = _Camera(rng, grey=rng.random() < 0.1)
    for time in range(length):
        source = way.source(time)
        image = moved(backdrop, source)
        labels[time] = cv2.remap(ground, source, None, cv2.INTER_NEAREST)
        for number, (item, own) in enumerate(zip(items, ways, strict=True), start=2):
            colour, alpha, shade, _ = item
            source = own.source(time)
            cover = moved(alpha, source, cv2.BORDER_CONSTANT)
            if shade is not None:
                image = image * (1 - moved(shade, source, cv2.BORDER_CONSTANT)[..., None])
            image = image + (moved(colour, source) - image) * cover[..., None]
            labels[time][cover > 0.5] = number
        frames[time] = camera.expose(image, time)
    return Scene("layers", frames, labels)


def _way(
    rng: np.random.Generator,
    shape: tuple[int, int],
    length: int,
    centre: tuple[float, float],
    speed: float,
) -> Motion:
    return random_motion(
        rng,
        shape,
        length,
        centre=np.array(centre),
        speed=speed,
        turn=rng.choice([0.0, 0.01, 0.06]),
        growth=rng.choice([0.0, 0.01, 0.03]),
        bend=rng.choice([0.0, 0.4, 1.2]),
        grain=rng.uniform(25, 80),
    )


def _backdrop(
    rng: np.random.Generator, sources: Sources, shape: tuple[int, int]
) -> tuple[Colour, NDArray[np.uint8]]:
    """What is behind all, and where its own figure is (1), if it has one."""
    if rng.random() < 0.2:
        return _texture(rng, shape), np.zeros(shape, dtype=np.uint8)
    image, labels = sources.photo(rng)
    return _cut_out(rng, image, labels, shape, rng.uniform(1.0, 1.5))


def _figure(
    rng: np.random.Generator, sources: Sources, shape: tuple[int, int]
) -> tuple[Colour, NDArray[np.float32], NDArray[np.float32] | None, tuple[float, float]]:
    """Colours, cover, shadow and centre (x, y) of one thing, in its place on the first frame."""
    y, x = rng.uniform(0.2, 0.8) * shape[0], rng.uniform(0.2, 0.8) * shape[1]
    size = float(np.exp(rng.uniform(np.log(0.12), np.log(0.75)))) * shape[0]
    kind = rng.random()
    if kind < 0.4:
        image, labels = sources.photo(rng)
        colour, mask = _placed(rng, image, labels > 0, shape, (x, y), size)
    elif kind < 0.75:
        photo = _cut_out(rng, *sources.photo(rng), shape, rng.uniform(1, 2.5))[0]
        colour, mask = draw_thing(rng, photo, (x, y), size)
    else:
        mask = outlines(rng, shape, [(x, y)], size / 2)[0]
        if kind < 0.9:
            colour = _cut_out(rng, *sources.photo(rng), shape, rng.uniform(1, 2.5))[0]
        else:
            colour = _texture(rng, shape)
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.5, 1.2))
    shade = cast_shadow(rng, alpha) if rng.random() < 0.35 else None
    return colour, alpha, shade, (x, y)


def _placed(
    rng: np.random.Generator,
    image: Picture,
    mask: Mask,
    shape: tuple[int, int],
    centre: tuple[float, float],
    size: float,
) -> tuple[Colour, Mask]:
    """A photograph laid so that its figure has a size and a place."""
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        rows, columns = np.array([0, mask.shape[0] - 1]), np.array([0, mask.shape[1] - 1])
    scale = size / max(int(np.ptp(rows)), int(np.ptp(columns)), 1)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    middle = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    matrix = np.array(
        [
            [flip * scale, 0, centre[0] - flip * scale * middle[0]],
            [0, scale, centre[1] - scale * middle[1]],
        ]
    )
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    colour = cv2.warpAffine(
        image, matrix, shape[::-1], flags=how, borderMode=cv2.BORDER_REFLECT_101
    )
    inside = cv2.warpAffine(mask.astype(np.float32), matrix, shape[::-1]) > 0.5
    return colour.astype(np.float32), np.asarray(inside)


def _cut_out(
    rng: np.random.Generator,
    image: Picture,
    labels: LabelMap,
    shape: tuple[int, int],
    zoom: float,
) -> tuple[Colour, NDArray[np.uint8]]:
    """A part of a photograph that fills the frame, and where its figure is."""
    scale = zoom * max(shape[0] / image.shape[0], shape[1] / image.shape[1])
    room = np.array(image.shape[1::-1]) * scale - np.array(shape[::-1])
    corner = rng.uniform(0, 1, 2) * room
    matrix = np.array([[scale, 0, -corner[0]], [0, scale, -corner[1]]])
    colour = cv2.warpAffine(image, matrix, shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
    figure = cv2.warpAffine((labels > 0).astype(np.uint8), matrix, shape[::-1])
    return colour.astype(np.float32), figure


def _texture(rng: np.random.Generator, shape: tuple[int, int]) -> Colour:
    first, second = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    weight = 0.5 + rng.uniform(0.1, 0.5) * clouds(
        rng, shape, rng.uniform(6, 60), stretch=rng.uniform(0.4, 2.5)
    )
    share = np.clip(weight, 0, 1)[..., None]
    return np.asarray(first + (second - first) * share, dtype=np.float32)


def _micrograph(rng: np.random.Generator, sources: Sources, length: int) -> Scene:
    """A field of cells whose parts drift against each other."""
    shape = 240, int(rng.choice([240, 280, 320]))
    kind = rng.random()
    if kind < 0.45:
        image, labels = _field(rng, sources, shape)
    else:
        given = _field(rng, sources, shape)[1] if kind < 0.65 else None
        image, labels = draw_cells(rng, shape, given)
    pace = float(np.exp(rng.uniform(np.log(0.1), np.log(4.0))))
    size = np.sqrt(max(np.count_nonzero(labels) / max(int(labels.max()), 1), 16))
    way = random_motion(
        rng,
        shape,
        length,
        centre=np.array([shape[1] / 2, shape[0] / 2]),
        speed=pace * rng.choice([0.0, 0.3, 1.0]),
        turn=rng.choice([0.0, 0.005]),
        growth=0.0,
        bend=pace * rng.uniform(0.3, 1.2),
        grain=float(np.clip(size * rng.uniform(1.0, 3.0), 12, 120)),
    )
    frames = np.empty((length, *shape, 3), dtype=np.uint8)
    truth = np.empty((length, *shape), dtype=np.uint16)
    camera = _Camera(rng, grey=rng.random() < 0.9, fading=rng.uniform(0, 0.05))
    for time in range(length):
        source = way.source(time)
        frames[time] = camera.expose(moved(image, source), time)
        truth[time] = cv2.remap(labels, source, None, cv2.INTER_NEAREST)
    return Scene("cells", frames, truth)


def _field(
    rng: np.random.Generator, sources: Sources, shape: tuple[int, int]
) -> tuple[Colour, LabelMap]:
    """A part of a real micrograph, turned over at random."""
    image, labels = sources.cells(rng)
    if rng.random() < 0.5:
        image, labels = image.transpose(1, 0, 2), labels.T
    fill = max(shape[0] / image.shape[0], shape[1] / image.shape[1])
    # A third is shown smaller than it is, mirrored at its borders: small cells in a large field.
    scale = fill * rng.uniform(1, 2) if rng.random() < 0.65 else fill * rng.uniform(0.3, 1)
    room = np.maximum(np.array(image.shape[1::-1]) * scale - np.array(shape[::-1]), 0)
    corner = rng.uniform(0, 1, 2) * room
    matrix = np.array([[scale, 0, -corner[0]], [0, scale, -corner[1]]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    colour = cv2.warpAffine(
        np.ascontiguousarray(image), matrix, shape[::-1], flags=how, borderMode=cv2.BORDER_REFLECT
    )
    ids = cv2.warpAffine(
        np.ascontiguousarray(labels),
        matrix,
        shape[::-1],
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REFLECT,
    )
    if scale < fill:
        # What is mirrored is another object.
        ids = label(ids, connectivity=1).astype(np.uint16)
    if rng.random() < 0.3:
        colour = 255 - colour
    return colour.astype(np.float32), ids


class _Camera:
    """Exposure that wavers, blur and noise."""

    def __init__(self, rng: np.random.Generator, *, grey: bool, fading: float = 0.0) -> None:
        self._rng, self._grey, self._fading = rng, grey, fading
        self._gain, self._offset = rng.uniform(0.6, 1.15), rng.uniform(0, 25)
        self._blur = rng.choice([0.0, 0.0, 0.6, 1.2])
        self._noise = rng.choice([0.0, 2.0, 5.0, 12.0])

    def expose(self, image: Colour, time: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 of a scene (H, W, 3) float32."""
        rng = self._rng
        out = np.asarray(image, dtype=np.float32)
        if self._grey:
            out = np.repeat(out.mean(axis=2, keepdims=True), 3, axis=2)
        if self._blur:
            out = cv2.GaussianBlur(out, (0, 0), float(self._blur))
        out = out * (self._gain * (1 - self._fading) ** time * rng.normal(1, 0.015)) + self._offset
        channels = 1 if self._grey else 3
        noise = rng.standard_normal((*out.shape[:2], channels), dtype=np.float32)
        return np.asarray(np.clip(out + self._noise * noise, 0, 255), dtype=np.uint8)
