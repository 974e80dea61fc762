"""Names for the arrays that cross module borders."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Frame: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""

LabelMap: TypeAlias = NDArray[np.uint16]
"""(H, W) uint16: the object's id at each pixel, 0 is background."""

ProbMap: TypeAlias = NDArray[np.float32]
"""(K+1, H, W) float32 in [0, 1]: background first, then the K objects; sums to 1 over axis 0."""

Mask: TypeAlias = NDArray[np.bool_]
"""(H, W) bool."""

ObjectId: TypeAlias = int
"""1, 2, 3, …; 0 stands for the background. Never reused within a session."""

AnyArray: TypeAlias = NDArray[Any]
"""An array whose dtype does not matter here."""
