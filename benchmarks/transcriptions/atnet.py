"""ATNet written down step by step, to measure the package against.

In the order of the paper, with no thought of speed: all objects are a batch, so an image is encoded
once an object; nothing is kept but what the next round needs; similarities are whole matrices, over
all annotated frames anew for each visited one; displacements are compared one after the other;
frames and probabilities of the whole video are in memory.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812
from transcriptions.gis import Flow as Rounds
from transcriptions.gis import Network as Layers
from transcriptions.gis import resize

STAGES = ((1, (1,) * 3), (2, (1,) * 4), (2, (1,) * 6), (1, (2, 4, 8)))
THRESHOLD = 0.8


class Network(Layers):
    def encode(self, image, channels):
        stem = f"conv0_{channels}ch"
        r2, r3, _, r5 = self.encoder(image, f"encoder_{channels}ch", stem, STAGES)
        return r5, r3, r2

    def decode(self, x, r3, r2, name, local=None):
        a = resize(self.aspp(x, f"{name}.aspp_decoder", (1, 6, 12, 18)), 4)
        m = self.refine(r3, self.coarse(x, name), f"{name}.RF3")
        if local is not None:
            m = m + 0.5 * resize(local, 0.5)
        m = self.refine(r2, m, f"{name}.RF2")
        if local is not None:
            m = m + 0.5 * local
        merged = torch.cat((m, a), 1)
        y = F.relu(self.norm(self.conv(merged, f"{name}.lastconv.0"), f"{name}.lastconv.1"))
        y = F.relu(self.norm(self.conv(y, f"{name}.lastconv.4"), f"{name}.lastconv.5"))
        return resize(self.conv(y, f"{name}.lastconv.8"), 4), merged

    def interaction(self, image):
        r5, r3, r2 = self.encode(image, 6)
        logits, merged = self.decode(r5, r3, r2, "decoder_iact")
        look = self.block(merged, "indicator_encoder.block1", 2)
        look = self.block(look, "indicator_encoder.block2", 2)
        return logits, self.conv(torch.cat((look, r5), 1), "indicator_encoder.conv1x1")

    def global_transfer(self, keys, query, values):
        key = torch.cat([k.flatten(2) for k in keys], 2)
        value = torch.cat([v.flatten(2) for v in values], 2)
        share = torch.softmax(key.transpose(1, 2) @ query.flatten(2), 2) / len(keys)
        return (value @ share).view_as(query)

    def local_transfer(self, neighbour, target, probability):
        p, t = (self.conv(r2, "prev_conv1x1") for r2 in (neighbour, target))
        mask = resize(probability, size=t.shape[2:])
        likeness = torch.stack([(t * shifted).mean(1) for shifted in displaced(p)], 1)
        weights = torch.softmax(likeness, 2)
        moved = [
            w * shifted[:, 0] for w, shifted in zip(weights.unbind(1), displaced(mask), strict=True)
        ]
        return torch.stack(moved).sum(0)[:, None]

    def propagation(self, keys, image, values, neighbour, probability):
        query, r3, r2 = self.encode(image, 3)
        moved = self.global_transfer(keys, query, values)
        local = self.local_transfer(neighbour, r2, probability)
        x = self.conv(torch.cat((query, moved), 1), "conv1x1")
        return self.decode(x, r3, r2, "decoder_prop", local)[0], r2


def displaced(x):
    """A map as seen from 9 × 9 places, two pixels apart; zero outside."""
    height, width = x.shape[2:]
    around = F.pad(x, (8, 8, 8, 8))
    for down in range(0, 17, 2):
        for along in range(0, 17, 2):
            yield around[:, :, down : down + height, along : along + width]


class Flow(Rounds):
    """The rounds of one video, as the authors' evaluation runs them."""

    network = Network
    planes = 0

    def _labels(self, probs):
        best, labels = probs.max(0)
        return torch.where(best > THRESHOLD, labels + 1, 0)

    def _annotate(self, index, guide):
        image = self._image(index)
        logits, value = self.network.interaction(torch.cat((image, guide), 1))
        key, _, self.start = self.network.encode(image, 3)
        self.probs[index] = torch.sigmoid(logits)[:, 0]
        return key, value

    def _visit(self, index, neighbour, probability, share):
        keys = [key for _, key, _ in self.rounds]
        values = [value for _, _, value in self.rounds]
        logits, neighbour = self.network.propagation(
            keys, self._image(index), values, neighbour, probability
        )
        probability = torch.sigmoid(logits)
        self.probs[index] = share * probability[:, 0] + (1 - share) * self.probs[index]
        return neighbour, probability
