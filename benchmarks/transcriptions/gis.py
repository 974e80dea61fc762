"""GIS-RAmap written down step by step, to measure the package against.

Functions over the state dictionary, in the order of the paper, with no thought of speed: all
objects are a batch, so an image is encoded once an object; nothing is kept but what the next round
needs; similarities are whole matrices; frames and probabilities of the whole video are in memory.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from napari_ivos.methods._frames import margins
from napari_ivos.methods._guide import stroke_image

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
DEVIATION = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


class Network:
    def __init__(self, state):
        self.state = state

    def conv(self, x, name, stride=1, dilation=1):
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        padding = dilation * (weight.shape[-1] // 2)
        return F.conv2d(x, weight, bias, stride, padding, dilation)

    def norm(self, x, name):
        values = (self.state[f"{name}.{v}"] for v in ("running_mean", "running_var"))
        return F.batch_norm(x, *values, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def block(self, x, name, stride=1, dilation=1):
        out = F.relu(self.norm(self.conv(x, f"{name}.conv1"), f"{name}.bn1"))
        out = F.relu(self.norm(self.conv(out, f"{name}.conv2", stride, dilation), f"{name}.bn2"))
        out = self.norm(self.conv(out, f"{name}.conv3"), f"{name}.bn3")
        gate = F.relu(self.conv(out.mean((2, 3), keepdim=True), f"{name}.conv_down"))
        gate = torch.sigmoid(self.conv(gate, f"{name}.conv_up"))
        if f"{name}.downsample.0.weight" in self.state:
            x = self.norm(self.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        elif f"{name}.downsample.weight" in self.state:
            x = self.conv(x, f"{name}.downsample", stride)
        return F.relu(gate * out + x)

    def encoder(self, x, name, stem, stages):
        x = F.relu(self.norm(self.conv(x, f"{name}.{stem}", 2), f"{name}.bn1"))
        x = F.max_pool2d(x, 3, 2, 1)
        maps = []
        for number, (stride, dilations) in enumerate(stages, start=2):
            for block, dilation in enumerate(dilations):
                step = stride if block == 0 else 1
                x = self.block(x, f"{name}.res{number}.{block}", step, dilation)
            maps.append(x)
        return maps

    def encode_image(self, image):
        stages = ((1, (1,) * 3), (2, (1,) * 4), (1, (2,) * 6))
        r2, _, r4 = self.encoder(image, "encoder_3ch", "conv0_3ch", stages)
        return r4, r2

    def encode_guide(self, image):
        stages = ((1, (1,) * 3), (2, (1,) * 4), (2, (1,) * 6), (1, (2, 4, 8)))
        r2, r3, _, r5 = self.encoder(image, "encoder_6ch", "conv0_6ch", stages)
        return r5, r3, r2

    def aspp(self, x, name, dilations):
        parts = []
        for number, dilation in enumerate(dilations, start=1):
            branch = f"{name}.aspp{number}"
            y = self.conv(x, f"{branch}.atrous_conv", 1, dilation)
            parts.append(F.relu(self.norm(y, f"{branch}.bn")))
        pooled = self.conv(F.adaptive_avg_pool2d(x, 1), f"{name}.global_avg_pool.1")
        pooled = F.relu(self.norm(pooled, f"{name}.global_avg_pool.2"))
        parts.append(resize(pooled, size=x.shape[2:]))
        return F.relu(self.norm(self.conv(torch.cat(parts, 1), f"{name}.conv1"), f"{name}.bn1"))

    def refine(self, f, coarse, name):
        s = self.conv(f, f"{name}.convFS1")
        s = s + self.conv(F.relu(self.conv(F.relu(s), f"{name}.convFS2")), f"{name}.convFS3")
        m = s + resize(coarse, 2)
        return m + self.conv(F.relu(self.conv(F.relu(m), f"{name}.convMM1")), f"{name}.convMM2")

    def coarse(self, x, name):
        for number in range(3):
            x = self.conv(F.relu(x), f"{name}.convG{number}")
        return x

    def interaction(self, image):
        r5, r3, r2 = self.encode_guide(image)
        name = "decoder_iact"
        a = resize(self.aspp(r5, f"{name}.aspp_decoder", (1, 6, 12, 18)), 4)
        m = self.refine(r3, self.coarse(r5, name), f"{name}.RF3")
        merged = torch.cat((self.refine(r2, m, f"{name}.RF2"), a), 1)
        x = F.relu(self.norm(self.conv(merged, f"{name}.lastconv.0"), f"{name}.lastconv.1"))
        x = F.relu(self.norm(self.conv(x, f"{name}.lastconv.4"), f"{name}.lastconv.5"))
        logits = resize(self.conv(x, f"{name}.lastconv.8"), 4)
        parts = (
            resize(self.conv(r5, "converter.conv16_8"), 2),
            self.conv(r3, "converter.conv8_8"),
            self.block(merged, "converter.block1", 2),
        )
        return logits, self.conv(torch.cat(parts, 1), "converter.conv_cat")

    def transfer(self, annotated, query, indicators):
        similar = [self.conv(r4, "transfer_module.f_conv_sim").flatten(2) for r4 in annotated]
        q = self.conv(query, "transfer_module.f_conv_sim").flatten(2)
        weight = self.state["transfer_module.f_conv_att.weight"]
        bias = self.state["transfer_module.f_conv_att.bias"]
        share = torch.softmax(q[0].T @ q[0], -1)
        t_q = F.conv1d(q, weight, bias)[0] @ share
        reliability, moved = [], []
        for a, indicator in zip(similar, indicators, strict=True):
            share = torch.softmax(a[0].T @ q[0], -1)
            t_k = F.conv1d(a, weight, bias)[0] @ share
            reliability.append(1 / ((t_k - t_q).square().amax(0) + 0.1))
            moved.append(indicator.flatten(2) @ share)
        r = torch.stack(reliability)
        attention = torch.softmax(r, 0)
        out = sum(a * m for a, m in zip(attention, moved, strict=True))
        return out.view(indicators[0].shape), torch.exp(r.amax(0) / 2 - 5)

    def difference(self, neighbour, query, probability):
        name = "diff_module"
        change = self.conv(neighbour, f"{name}.f_conv_inter")
        change = change - self.conv(query, f"{name}.f_conv_inter")
        common = self.conv(torch.exp(-change.square()), f"{name}.conv1_inter")
        mask = F.interpolate(probability, scale_factor=1 / 8, mode="bilinear", align_corners=True)
        carried = torch.cat((self.conv(neighbour, f"{name}.f_conv_diffu"), mask), 1)
        both = torch.cat((self.conv(carried, f"{name}.conv1_diffu"), common), 1)
        return self.conv(self.conv(both, f"{name}.conv2_diffu"), f"{name}.conv3_diffu")

    def propagation(self, annotated, image, indicators, neighbour, probability):
        r4, r2 = self.encode_image(image)
        moved, score = self.transfer(annotated, r4, indicators)
        change = self.difference(neighbour, r4, probability)
        name = "feature_compounder"
        parts = (moved, change, self.conv(r4, f"{name}.que_conv"))
        z = self.conv(torch.cat(parts, 1), f"{name}.cat_conv")
        a = resize(self.aspp(z, f"{name}.aspp_decoder", (1, 12, 24, 36)), 2)
        x = torch.cat((self.refine(r2, self.coarse(z, name), f"{name}.RF2"), a), 1)
        for number in range(1, 5):
            x = self.conv(x, f"segmentation_head.conv{number}")
            x = F.relu(self.norm(x, f"segmentation_head.bn{number}"))
        logits = resize(self.conv(x, "segmentation_head.conv5"), 4)
        return logits, r4, reliability(logits, score)


def resize(x, factor=None, size=None):
    return F.interpolate(x, size, factor, mode="bilinear", align_corners=True)


def reliability(logits, score):
    share = torch.softmax(logits[:, :, ::8, ::8], 0)[:, 1]
    front = (share > 0.4).any(0).flatten().float()
    return float((score.mean() + (front * score).sum() / (front.sum() + 0.1)) / 2)


def aggregate(logits):
    p = torch.softmax(logits, 1)[:, 1]
    everything = torch.cat((torch.prod(1 - p, 0, keepdim=True), p)).clamp(1e-7, 1 - 1e-7)
    return torch.softmax(torch.log(everything / (1 - everything)), 0)


class Flow:
    """The rounds of one video, as the authors' demonstration runs them."""

    network = Network
    planes = 1  # of the probabilities that are not an object's

    def __init__(self, state, frames, objects):
        self.network = self.network(state)
        self.size = frames.shape[1:3]
        (self.top, bottom), (self.left, right) = margins(self.size)
        self.pad = (self.left, right, self.top, bottom)
        images = [torch.from_numpy(f).permute(2, 0, 1).float() / 255 for f in frames]
        self.images = [self._padded((image - MEAN) / DEVIATION) for image in images]
        self.objects = objects
        shape = (len(frames), objects + self.planes, *self.images[0].shape[1:])
        self.probs = torch.zeros(shape)
        self.scores = np.zeros(len(frames))
        self.masks = np.zeros(frames.shape[:3], np.uint8)
        self.rounds = []

    def _padded(self, image):
        return F.pad(image[None], self.pad, mode="reflect")[0]

    def _mask(self, index):
        top, left, (height, width) = self.top, self.left, self.size
        inside = self.probs[index, :, top : top + height, left : left + width]
        self.masks[index] = self._labels(inside).numpy()

    def _labels(self, probs):
        return probs.argmax(0)

    def _image(self, index):
        return self.images[index].expand(self.objects, -1, -1, -1)

    def interact(self, index, strokes):
        guides = []
        for one in range(1, self.objects + 1):
            mask = self.masks[index] == one
            prior = mask.astype(np.float32) if self.rounds else np.full(self.size, 0.5, np.float32)
            positive = stroke_image([s for s in strokes if s.object_id == one], self.size)
            negative = stroke_image([s for s in strokes if s.object_id != one], self.size)
            guides.append(np.stack((prior, positive, np.where(mask, negative, 0))))
        guide = torch.stack([self._padded(torch.from_numpy(g)) for g in guides])
        self.rounds.append((index, *self._annotate(index, guide)))
        self._mask(index)

    def _annotate(self, index, guide):
        image = self._image(index)
        logits, indicator = self.network.interaction(torch.cat((image, guide), 1))
        r4, _ = self.network.encode_image(image)
        logits, self.start, self.scores[index] = self.network.propagation(
            [r4], image, [indicator], r4, torch.sigmoid(logits)
        )
        self.probs[index] = aggregate(logits)
        return self.start, indicator

    def propagate(self, reach=None):
        start = self.rounds[-1][0]
        others = [index for index, _, _ in self.rounds if index != start]
        before = max((o for o in others if o < start), default=None)
        after = min((o for o in others if o > start), default=None)
        first = 0 if before is None else start - int((start - before - 1) * 0.99 + 0.5)
        last = len(self.images) - 1
        if after is not None:
            last = start + int((after - start - 1) * 0.99 + 0.5)
        for way, other in (
            (range(start - 1, first - 1, -1), before),
            (range(start + 1, last + 1), after),
        ):
            neighbour, probability = self.start, self.probs[start][self.planes :, None]
            for index in way[:reach]:
                share = 1 if other is None else 0.5 + 0.5 * abs(index - other) / abs(start - other)
                neighbour, probability = self._visit(index, neighbour, probability, share)
        for index in range(len(self.images)):
            self._mask(index)

    def _visit(self, index, neighbour, probability, share):
        used = self._used(index)
        logits, neighbour, self.scores[index] = self.network.propagation(
            [a for _, a, _ in used],
            self._image(index),
            [i for _, _, i in used],
            neighbour,
            probability,
        )
        self.probs[index] = share * aggregate(logits) + (1 - share) * self.probs[index]
        return neighbour, self.probs[index][1:, None]

    def _used(self, index):
        if len(self.rounds) < 4:
            return self.rounds
        distance = [abs(frame - index) for frame, _, _ in self.rounds[1:]]
        nearest = np.argsort(distance, kind="stable")[:2]
        return [self.rounds[0], *(self.rounds[1 + k] for k in nearest)]
