"""Small training sets of the layout that the sources read, made here."""

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="package")
def data(tmp_path_factory):
    """A folder with two photographs and two micrographs, and one real video that is not free."""
    root = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for name, count in (("oxford_pets600", 1), ("dsb2018", 5)):
        for number in range(2):
            image, labels = picture(rng, count)
            if name == "oxford_pets600":
                rim = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
                labels[rim > 0] = 255
            write(root / name, f"{number}", image, labels)
    for time in range(3):
        image, labels = picture(rng, 1)
        write(root / "davis2016_train" / "walk", f"{time:05d}", image, labels)
    return root


def picture(rng, count, size=(90, 110)):
    """A noisy ground with brighter discs that do not touch."""
    image = rng.integers(20, 90, (*size, 3)).astype(np.uint8)
    labels = np.zeros(size, np.uint8)
    for number in range(1, count + 1):
        y, x = 20 + 25 * (number // 3), 20 + 30 * (number % 3)
        cv2.circle(labels, (x, y), 11, number, -1)
    image[labels > 0] += 120
    return image, labels


def write(folder, name, image, labels):
    for part, suffix, content in (("images", "png", image), ("masks", "png", labels)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / part / f"{name}.{suffix}"), content)
