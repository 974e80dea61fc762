"""Deterministic made-up network weights (our own code).

synthetic_state(shapes, seed) -> {key: ndarray}; float32, except BatchNorm's
num_batches_tracked (int64 scalar 0).  Every tensor has its own frozen
numpy.random.RandomState stream seeded with [seed, crc32(key)], so the values do
not depend on the order or the presence of other keys.

  conv / linear weight : N(0, gain^2 / fan_in), each filter shifted to zero sum
                         (not where there is a single input channel)
  other bias           : N(0, 0.05^2)
  BatchNorm weight     : 1 + 0.1 N(0,1)      bias : 0.1 N(0,1)
  BatchNorm mean       : 0.1 N(0,1)          var  : U(0.5, 1.5)
  buffers mean / std   : the ImageNet constants
gain is 1.0 except for keys that match an entry of GAINS (first match wins).
"""

import re
import zlib

import numpy as np

GAINS = [  # conv/linear gain; first match wins, default 1.0
    (r"decoder_iact\.lastconv\.8\.weight$", 13.0),  # ATNet A-Net logit
    (r"decoder_prop\.lastconv\.8\.weight$", 12.0),  # ATNet T-Net logit
    (r"indicator_encoder\.conv1x1\.weight$", 2.0),  # ATNet memory values
    (r"Encoder\.conv1_[pn]\.weight$", 3.0),  # IPNet scribble inputs
    (r"Encoder\.conv1_[mx]\.weight$", 1.5),  # IPNet mask inputs
    (r"Decoder\.pred2\.weight$", 2.0),  # IPNet logits
    (r"SEFA\.fc2\.weight$", 6.0),  # IPNet round aggregation
]
BIAS = [  # constant added to a plain bias
    (r"decoder_prop\.lastconv\.8\.bias$", 1.0),
    (r"decoder_iact\.lastconv\.8\.bias$", 0.4),
]
CHANNEL_GAIN = [  # extra factor per input channel
    (r"encoder_6ch\.conv0_6ch\.weight$", (1, 1, 1, 2, 10, 10)),  # R G B mask pos neg
]
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _lookup(table, key, default):
    for pat, val in table:
        if re.search(pat, key):
            return val
    return default


def tagged_state(shapes, seed, tag):
    """For several nets that share key names (IPNet: tag 'I' and 'P'): the random stream
    of key k is that of tag + '.' + k, the returned keys are the plain ones."""
    full = synthetic_state({tag + "." + k: s for k, s in shapes.items()}, seed)
    return {k[len(tag) + 1 :]: v for k, v in full.items()}


def synthetic_state(shapes, seed, gains=None, biases=None):
    gains = GAINS if gains is None else gains
    biases = BIAS if biases is None else biases
    out = {}
    for key, wanted in shapes.items():
        shape = tuple(int(s) for s in wanted)
        leaf = key.rsplit(".", 1)[-1]
        rs = np.random.RandomState([int(seed) & 0xFFFFFFFF, zlib.crc32(key.encode())])
        if leaf == "num_batches_tracked":
            out[key] = np.zeros(shape, np.int64)
            continue
        if leaf in _IMAGENET and len(shape) == 4:
            out[key] = np.asarray(_IMAGENET[leaf], np.float32).reshape(shape)
            continue
        if leaf == "running_var":
            v = rs.uniform(0.5, 1.5, shape)
        elif leaf == "running_mean":
            v = 0.1 * rs.standard_normal(shape)
        elif leaf == "weight" and len(shape) == 1:
            v = 1.0 + 0.1 * rs.standard_normal(shape)
        elif leaf == "weight":
            fan_in = int(np.prod(shape[1:]))
            v = rs.standard_normal(shape)
            if shape[1] > 1:
                v -= v.mean(axis=tuple(range(1, len(shape))), keepdims=True)
            v *= _lookup(gains, key, 1.0) / np.sqrt(fan_in)
            ch = _lookup(CHANNEL_GAIN, key, None)
            if ch is not None:
                v *= np.asarray(ch, np.float64).reshape((1, -1) + (1,) * (len(shape) - 2))
        elif leaf == "bias" and (key[:-4] + "running_mean") in shapes:
            v = 0.1 * rs.standard_normal(shape)
        else:
            v = 0.05 * rs.standard_normal(shape) + _lookup(biases, key, 0.0)
        out[key] = np.asarray(v, np.float32)
    return out
