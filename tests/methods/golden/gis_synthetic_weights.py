"""Deterministic made-up weights for the GIS-RAmap network (our own code).

    state = synthetic_state({key: shape, ...}, seed)     # -> {key: float32 ndarray}

Each tensor depends only on (seed, its key, its shape): numpy RandomState(MT19937), seeded
with [seed, crc32(key)], so the result does not depend on the order of the keys, on torch, or
on the platform. Rules (the *last* name component and the neighbours of the key decide):

    *.num_batches_tracked            0
    *.running_mean                   0.1 * N(0,1)
    *.running_var                    U(0.5, 1.5)
    norm .weight  (1-d, has running_mean next to it)     1 + 0.1 * N(0,1)
    norm .bias                                           0.1 * N(0,1)
    conv .weight  (2-d or more)      gain(key) / sqrt(fan_in) * (N(0,1) - mean over the filter),
                                     then INPUT_GAINS on some input channels
    conv .bias                       0.05 * N(0,1) * bias_gain(key)

gain(key) is sqrt(2) by default; the table GAINS holds the exceptions, tuned so that
activations stay finite, masks hold both foreground and background, and the reliability score
differs from frame to frame (see facts.md, "synthetic weights").
"""

import re
import zlib

import numpy as np

# first match wins
GAINS = [
    (r"\.res\d\.\d+\.conv3\.weight$", 0.7),  # keeps the residual stream level
    (r"\.res\d\.\d+\.downsample\.0\.weight$", 0.8),
    (r"transfer_module\.f_conv_sim\.weight$", 1.2),
    (r"transfer_module\.f_conv_att\.weight$", 3.0),
    (r"diff_module\.f_conv_inter\.weight$", 0.5),
    (r"segmentation_head\.conv5\.weight$", 2.0),  # logits of a useful size
    (r"decoder_iact\.lastconv\.8\.weight$", 2.0),
    (r"diff_module\.f_conv_diffu\.weight$", 0.5),
]
BIAS_GAINS = []
# (key, first input channel, one past the last, factor): makes the parts that carry the
# user's input and the earlier masks weigh more than the image alone
INPUT_GAINS = [
    ("encoder_6ch.conv0_6ch.weight", 3, 4, 3.0),
    ("encoder_6ch.conv0_6ch.weight", 4, 6, 10.0),
    ("diff_module.conv1_diffu.weight", 128, 129, 10.0),
    ("feature_compounder.cat_conv.weight", 0, 256, 2.0),
    ("feature_compounder.cat_conv.weight", 256, 384, 1.5),
    ("feature_compounder.cat_conv.weight", 384, 640, 0.6),
]
DEFAULT_GAIN = 2.0**0.5


def _lookup(table, key, default):
    for pattern, value in table:
        if re.search(pattern, key):
            return value
    return default


def synthetic_state(shapes, seed):
    out = {}
    for key, wanted in shapes.items():
        shape = tuple(int(s) for s in wanted)
        prefix, _, leaf = key.rpartition(".")
        rs = np.random.RandomState([int(seed) & 0xFFFFFFFF, zlib.crc32(key.encode("utf-8"))])
        norm = (prefix + ".running_mean") in shapes
        if leaf == "num_batches_tracked":
            value = np.zeros(shape)
        elif leaf == "running_mean":
            value = 0.1 * rs.standard_normal(shape)
        elif leaf == "running_var":
            value = rs.uniform(0.5, 1.5, shape)
        elif leaf == "weight" and norm:
            value = 1.0 + 0.1 * rs.standard_normal(shape)
        elif leaf == "bias" and norm:
            value = 0.1 * rs.standard_normal(shape)
        elif leaf == "weight":
            fan_in = int(np.prod(shape[1:]))
            value = rs.standard_normal(shape)
            value -= value.mean(axis=tuple(range(1, value.ndim)), keepdims=True)
            value *= _lookup(GAINS, key, DEFAULT_GAIN) / np.sqrt(fan_in)
            for name, first, last, factor in INPUT_GAINS:
                if name == key:
                    value[:, first:last] *= factor
        elif leaf == "bias":
            value = 0.05 * rs.standard_normal(shape) * _lookup(BIAS_GAINS, key, 1.0)
        else:
            raise KeyError("no rule for " + key)
        out[key] = np.asarray(value, dtype=np.float32)
    return out
