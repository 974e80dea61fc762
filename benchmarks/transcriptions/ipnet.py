"""IPNet written down step by step, to measure the package against.

Functions over the two state dictionaries, in the order of the paper and of the authors'
demonstration, with no thought of speed: an object after the other, each stem on its own, the
references aggregated anew in each frame, both classes brought back to the frame; frames and
estimates of the whole video are in memory.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from napari_ivos.masks import soft_aggregate
from napari_ivos.methods.ipnet.strokes import hints, stroke_map

SIDE = 256


class Network:
    def __init__(self, state):
        self.state = state

    def conv(self, x, name, stride=1):
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        return F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2)

    def norm(self, x, name):
        values = (self.state[f"{name}.{v}"] for v in ("running_mean", "running_var"))
        return F.batch_norm(x, *values, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def bottleneck(self, x, name, stride):
        out = F.relu(self.norm(self.conv(x, f"{name}.conv1"), f"{name}.bn1"))
        out = F.relu(self.norm(self.conv(out, f"{name}.conv2", stride), f"{name}.bn2"))
        out = self.norm(self.conv(out, f"{name}.conv3"), f"{name}.bn3")
        if f"{name}.downsample.0.weight" in self.state:
            x = self.norm(self.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return F.relu(out + x)

    def encode(self, image, **maps):
        image = (image - self.state["Encoder.mean"]) / self.state["Encoder.std"]
        x = self.conv(image, "Encoder.conv1", 2)
        for name, plane in maps.items():
            x = x + self.conv(plane, f"Encoder.conv1_{name}", 2)
        x = F.max_pool2d(F.relu(self.norm(x, "Encoder.bn1")), 3, 2, 1)
        found = []
        for number, count in zip(range(2, 6), (3, 4, 6, 3), strict=True):
            for block in range(count):
                stride = 2 if block == 0 and number > 2 else 1
                x = self.bottleneck(x, f"Encoder.res{number}.{block}", stride)
            found.append(x)
        return found

    def block(self, x, name):
        out = self.conv(F.relu(self.conv(F.relu(x), f"{name}.conv1")), f"{name}.conv2")
        if f"{name}.downsample.weight" in self.state:
            x = self.conv(x, f"{name}.downsample")
        return x + out

    def decode(self, maps, coarse):
        for level, feature in zip((4, 3, 2), maps[2::-1], strict=True):
            skip = self.block(feature, f"Decoder.RF{level}.ResFS")
            coarse = self.block(skip + resize(coarse, 2), f"Decoder.RF{level}.ResMM")
        return torch.softmax(resize(self.conv(F.relu(coarse), "Decoder.pred2"), 4), 1)


class Interaction(Network):
    def __call__(self, image, mask, positive, negative):
        maps = self.encode(image, m=mask, p=positive, n=negative)
        return self.decode(maps, self.block(maps[3], "Decoder.ResFM")), maps[3]


class Propagation(Network):
    def linear(self, x, name):
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def aggregate(self, reference, before):
        means = torch.cat((reference, before), 1).mean((2, 3))
        pairs = self.linear(F.relu(self.linear(means, "SEFA.fc1")), "SEFA.fc2")
        shares = torch.softmax(pairs.view(-1, 2), 1)[None, :, :, None, None]
        return shares[:, :, 0] * reference + shares[:, :, 1] * before

    def __call__(self, image, mask, near, reference, before):
        maps = self.encode(image, m=mask, x=near)
        merged = reference if before is None else self.aggregate(reference, before)
        both = torch.cat((merged, maps[3]), 1)
        coarse = self.block(self.block(both, "Decoder.ResFM1"), "Decoder.ResFM2")
        return self.decode(maps, coarse), merged


def resize(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)


def extent(marked):
    places, length = np.flatnonzero(marked), len(marked)
    first, last = (int(places[0]), int(places[-1])) if len(places) else (0, length)
    if last - first < 128:
        more = int((128 - (last - first)) / 2)
        first, last = first - more, last + more
    reach = (last - first + 1) / 4
    return max(-5, first - reach), min(length + 5, last + reach)


def transforms(maps):
    """From the window to the frame, and back, for planes (1, 1, H, W)."""
    marked = (torch.cat(maps, 1)[0] >= 0.49).any(0).numpy()
    there, back = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    for row, axis in ((0, 1), (1, 0)):
        length = marked.shape[axis]
        first, last = extent(marked.any(1 - axis))
        centre, size = (first + last) / 2, last - first + 1
        scale = size / (length - 1)
        offset = (2 * centre - (length - 1)) / (length - 1)
        there[0, row, row], there[0, row, 2] = scale, offset
        back[0, row, row], back[0, row, 2] = length / size, -offset / scale
    return there, back


def warp(planes, transform, size):
    grid = F.affine_grid(transform, (1, 1, *size), align_corners=True)
    return F.grid_sample(planes, grid, align_corners=True)


class Flow:
    """The rounds of one video, as the authors' demonstration runs them, with blending."""

    def __init__(self, states, frames, objects):
        self.interaction, self.propagation = Interaction(states[0]), Propagation(states[1])
        self.size = frames.shape[1:3]
        self.images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        self.objects = objects
        self.estimates = torch.zeros(objects, len(frames), 1, *self.size)
        self.masks = np.zeros(frames.shape[:3], np.uint8)
        self.references = [None] * objects
        self.aggregates = [None] * objects
        self.annotated = []

    def _window(self, index, maps):
        there, back = transforms(maps)
        size = (SIDE, SIDE)
        return [warp(p, there, size) for p in (self.images[index : index + 1], *maps)], back

    def _merge(self, planes):
        """Of several objects; one stays what it is."""
        if self.objects == 1:
            return planes
        return torch.from_numpy(soft_aggregate(planes[:, 0].numpy())[1:, None])

    def _mask(self, index):
        planes = self.estimates[:, index, 0]
        background = 1 - planes.sum(0, keepdim=True)
        self.masks[index] = torch.cat((background, planes)).argmax(0).numpy()

    def interact(self, index, strokes):
        planes = torch.zeros(self.objects, 1, *self.size)
        for one in range(self.objects):
            drawn = hints(stroke_map(strokes, self.size), one + 1)
            drawn = [torch.from_numpy(plane).float()[None, None] for plane in drawn]
            maps = (self.estimates[one, index][None], *drawn)
            window, back = self._window(index, maps)
            probs, self.references[one] = self.interaction(*window)
            planes[one] = warp(probs, back, self.size)[0, 1:]
        self.estimates[:, index] = self._merge(planes)
        self._mask(index)
        self.start = index

    def propagate(self, reach=None):
        start, others = self.start, [index for index in self.annotated if index != self.start]
        left = max((o for o in others if o < start), default=None)
        right = min((o for o in others if o > start), default=None)
        last = len(self.images) if right is None else right
        new = self.estimates.clone()
        merged = list(self.aggregates)
        for way in (range(start + 1, last), range(start - 1, -1 if left is None else left, -1)):
            near = self.masks[start]
            for index in way[:reach]:
                planes = torch.zeros(self.objects, 1, *self.size)
                for one in range(self.objects):
                    x = torch.from_numpy(near == one + 1).float()[None, None]
                    window, back = self._window(index, (self.estimates[one, index][None], x))
                    probs, merged[one] = self.propagation(
                        *window, self.references[one], self.aggregates[one]
                    )
                    planes[one] = warp(probs, back, self.size)[0, 1:]
                new[:, index] = self._merge(planes)
                near = self._labels(new[:, index])
        for index in range(len(self.images)):
            end = left if index < start else right
            share = 1 if end is None else max(0.0, 1 - abs(index - start) / abs(end - start))
            self.estimates[:, index] = (
                share * new[:, index] + (1 - share) * self.estimates[:, index]
            )
            self._mask(index)
        self.aggregates = merged
        self.annotated.append(start)

    def _labels(self, planes):
        background = 1 - planes.sum(0, keepdim=True)
        return torch.cat((background, planes)).argmax(0)[0].numpy()
