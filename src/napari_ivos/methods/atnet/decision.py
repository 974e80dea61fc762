"""Between ATNet's probabilities, one for each object by itself, and a distribution over all.

ATNet decides: the most probable object where its probability exceeds 0.8, else background. The
distribution ``(0.8, p_1, …, p_K) / sum`` says the same by its largest entry, and each object's own
probability can be had back from its ratio to the background's, also after a person's pixels were
restored in it.
"""

from __future__ import annotations

import numpy as np

from napari_ivos.methods._working import Planes
from napari_ivos.types import ProbMap

_THRESHOLD = np.float32(0.8)
_LEAST = np.float32(1e-30)


def distribution(planes: Planes) -> ProbMap:
    """Each object's own probabilities as one distribution.

    Parameters
    ----------
    planes : (K, H, W) float32 in [0, 1]

    Returns
    -------
    (K+1, H, W) float32
        Background first; sums to 1. Its largest entry is ATNet's decision; ties go to the
        background, then to the lower object, as in the authors' program.
    """
    everything = np.concatenate([np.full_like(planes[:1], _THRESHOLD), planes])
    everything /= everything.sum(axis=0)
    return everything


def own_probabilities(probs: ProbMap) -> Planes:
    """Each object's own probabilities from a distribution.

    Parameters
    ----------
    probs : (K+1, H, W) float32
        From `distribution`, or any other: a label map's certainties become 0 and 1.

    Returns
    -------
    (K, H, W) float32 in [0, 1]
    """
    planes = probs[1:] * (_THRESHOLD / np.maximum(probs[0], _LEAST))
    return np.asarray(np.minimum(planes, np.float32(1)))


def blend_known(new: Planes, old: Planes, share: float) -> Planes:
    """``share·new + (1 − share)·old``, for objects of which `old` says anything.

    Parameters
    ----------
    new, old : (K, H, W) float32
        An object that is nowhere in `old` was not known then, or absent: `new` holds.
    share : float in [0.5, 1]
    """
    mixed = np.float32(share) * new + np.float32(1 - share) * old
    unknown = ~old.any(axis=(1, 2))
    mixed[unknown] = new[unknown]
    return mixed
