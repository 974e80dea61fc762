"""The network of `lite`: decides again, in a window round one object, what `flow` decided.

The parts are those of the memory networks for video (Oh et al., ICCV 2019; Heo et al., CVPR 2021,
sections 3.2–3.4): features of the window are compared with those of annotated frames, what belonged
to the object there is read out, and a decoder puts it together with what `flow` says here.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_ivos.methods.lite.encoder import CHANNELS, Encoder
from napari_ivos.methods.lite.inputs import ANNOTATED_PLANES, MOVED_PLANES

_KEY = 64
# Of the comparison that nothing is learnt of: sharpness, and how many planes it gives.
_PLAIN_SHARPNESS = 20.0
_PLAIN = 3
# Below what any sum of powers comes to.
_LEAST = 1e-30
_VALUE = 32
_WIDE = 72
_MIDDLE = 40
_FINE = 16


class Features(NamedTuple):
    """Of one batch of windows."""

    scales: tuple[Tensor, ...]
    """Strides 2, 4, 8 and 16."""
    joined: Tensor
    """(B, 152, s, s) strides 8 and 16 together, at stride 8."""


class Reference(NamedTuple):
    """What is known of places at stride 8, to be compared with."""

    features: Tensor
    """(B, 152, P) features of P places."""
    shares: Tensor
    """(B, 2, P) how much of each place is the object, and how much certainly is not."""


class Decision(NamedTuple):
    """What the network makes of some windows."""

    odds: Tensor
    """(B, 1, S, S) log-odds."""
    expected: Tensor
    """(B,) expected J, as log-odds."""
    alike: Tensor
    """(B,) how like the reference's object the one found is, -1 to 1."""


class Lite(nn.Module):
    """Encoder and the two decoders."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.annotated = Decoder(ANNOTATED_PLANES)
        self.moved = Decoder(MOVED_PLANES)

    def features(self, images: Tensor) -> Features:
        """Features of images (B, 3, S, S) RGB, 0–255."""
        scales = self.encoder(images)
        coarse = functional.interpolate(
            scales[3], size=scales[2].shape[-2:], mode="bilinear", align_corners=False
        )
        return Features(scales, torch.cat([scales[2], coarse], dim=1))


def reference(features: Features, inside: Tensor, outside: Tensor) -> Reference:
    """Places of some windows, with the shares (B, 1, S, S) of the object and of what is not it."""
    size = features.joined.shape[-2], features.joined.shape[-1]
    both = functional.adaptive_avg_pool2d(torch.cat([inside, outside], dim=1), size)
    return Reference(features.joined.flatten(2), both.flatten(2))


def plain_match(features: Features, known: Reference) -> Tensor:
    """How like an object each place is by the encoder's features alone, (B, 3, s, s).

    Nothing is learnt here, so it holds for things unlike those of the training: the readout of
    space-time memory networks (Oh et al., ICCV 2019) with the features themselves, less their mean
    over the reference, as keys. The first plane is what places like this one were, from -1 (not
    the object) to 1 (the object); then the greatest cosine with one of the object's and one of
    the others'.
    """
    batch, _, height, width = features.joined.shape
    middle = known.features.mean(dim=2, keepdim=True)
    keys = functional.normalize(known.features - middle, dim=1)
    query = functional.normalize(features.joined.flatten(2) - middle, dim=1)
    like = torch.bmm(keys.transpose(1, 2), query).float()
    inside, outside = known.shares.float().clamp(0, 1).unbind(1)
    weight = (inside + outside).clamp_min(1e-4)
    best = []
    for part in (inside, outside):
        most = part.amax(dim=1, keepdim=True)
        away = part < (most / 2).clamp_min(1e-3)
        best.append(like.masked_fill(away[..., None], -1).amax(dim=1))
    near = _power(like, _PLAIN_SHARPNESS)
    both = torch.stack([(inside - outside) * weight, weight], dim=1)
    read = torch.bmm(both, near)
    rows = [read[:, 0] / read[:, 1].clamp_min(_LEAST), *best]
    return torch.stack(rows, dim=1).reshape(batch, -1, height, width)


class Decoder(nn.Module):
    """Features, a reference and planes of a window to a decision.

    Parameters
    ----------
    planes : int
        The first is log-odds to start from (see `inputs`), which the decoder changes.
    """

    def __init__(self, planes: int) -> None:
        super().__init__()
        joined = CHANNELS[2] + CHANNELS[3]
        self.key = nn.Conv2d(joined, _KEY, 1)
        self.value = nn.Conv1d(joined + 2, _VALUE, 1)
        self.sharpness = nn.Parameter(torch.tensor(2.3))
        self.mix = _block(joined + _VALUE + 4 + _PLAIN + planes, _WIDE)
        self.wide = nn.Sequential(_Residual(_WIDE), _Residual(_WIDE, 2))
        self.middle_in = _block(_MIDDLE + CHANNELS[1] + planes, _MIDDLE)
        self.narrow = nn.Conv2d(_WIDE, _MIDDLE, 1)
        self.middle = _Residual(_MIDDLE)
        self.fine_in = nn.Conv2d(_MIDDLE, _FINE, 1)
        self.fine = _block(_FINE + CHANNELS[0] + 4, _FINE)
        self.out = nn.Conv2d(_FINE, 1, 3, padding=1)
        self.judge = nn.Sequential(nn.Linear(2 * _WIDE + 5, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(
        self, features: Features, known: Reference, planes: Tensor, first: Tensor
    ) -> Decision:
        """Decide.

        Parameters
        ----------
        features : Features
        known : Reference
        planes : (B, C, S, S)
        first : (B, 1, S, S)
            Log-odds to start from.
        """
        fine, middle, coarse, _ = features.scales
        matched = self._match(features, known)
        plain = plain_match(features, known)
        at8 = _shrunk(planes, coarse)
        x = self.wide(self.mix(torch.cat([features.joined, matched, plain, at8], dim=1)))
        y = torch.cat([_grown(self.narrow(x), middle), middle, _shrunk(planes, middle)], dim=1)
        y = self.middle(self.middle_in(y))
        few = _shrunk(torch.cat([planes[:, :3], torch.tanh(first)], dim=1), fine)
        z = self.fine(torch.cat([_grown(self.fine_in(y), fine), fine, few], dim=1))
        change = functional.interpolate(
            self.out(z), size=planes.shape[-2:], mode="bilinear", align_corners=False
        )
        odds = first + change
        return Decision(odds, *self._judged(x, odds, first, plain[:, :1]))

    def _match(self, features: Features, known: Reference) -> Tensor:
        """(B, 36, s, s): values read out, and how like the object and the rest each place is."""
        batch, _, height, width = features.joined.shape
        query = functional.normalize(self.key(features.joined).flatten(2), dim=1)
        keys = functional.normalize(self.key(known.features[..., None])[..., 0], dim=1)
        scale = self.sharpness.exp()
        # Softmax and its like, by one power for all: products with it are cheaper than itself.
        near = _power(torch.bmm(keys.transpose(1, 2), query).float(), scale)
        inside, outside = known.shares.float().clamp(0, 1).unbind(1)
        values = self.value(torch.cat([known.features, known.shares], dim=1)).float()
        weight = (inside + outside).clamp(1e-4, 1)
        parts = [(inside - outside) * weight, weight, inside.clamp_min(1e-4)]
        parts.append(outside.clamp_min(1e-4))
        asked = torch.cat([values * weight[:, None], torch.stack(parts, dim=1)], dim=1)
        read = torch.bmm(asked, near)
        own, total, *each = read[:, _VALUE:].unbind(1)
        total = total.clamp_min(_LEAST)
        best = [scale + part.clamp_min(_LEAST).log() for part in each]
        rows = [own / total, (best[0] - best[1]).tanh(), best[0] / scale, best[1] / scale]
        out = torch.cat([read[:, :_VALUE] / total[:, None], torch.stack(rows, dim=1)], dim=1)
        return out.reshape(batch, -1, height, width)

    def _judged(self, x: Tensor, odds: Tensor, first: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Expected J, as log-odds, and likeness, each (B,); they teach the rest nothing."""
        x, odds, first, own = x.detach(), odds.detach(), first.detach(), own.detach()
        inside = torch.sigmoid(odds)
        part = _shrunk(inside, x)
        mass = part.sum(dim=(2, 3)).clamp_min(1e-3)
        mean = (x * part).sum(dim=(2, 3)) / mass
        before = torch.sigmoid(first)
        doubt = (inside * (1 - inside)).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp_min(1)
        agree = torch.minimum(inside, before).sum(dim=(2, 3)) / torch.maximum(inside, before).sum(
            dim=(2, 3)
        ).clamp_min(1)
        size = inside.mean(dim=(2, 3))
        here = (own * part).sum(dim=(2, 3)) / mass
        there = (own * (1 - part)).sum(dim=(2, 3)) / (1 - part).sum(dim=(2, 3)).clamp_min(1e-3)
        asked = [x.mean(dim=(2, 3)), mean, doubt, agree, size, here, there]
        found: Tensor = self.judge(torch.cat(asked, dim=1))
        return found[:, 0], here[:, 0]


class _Residual(nn.Module):
    norm_pairs = (("second", "norm"),)

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _block(channels, channels, dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.norm(self.second(self.first(x))))


def _block(before: int, after: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def _power(cosines: Tensor, sharpness: Tensor | float) -> Tensor:
    """exp(sharpness · (cosine − 1)), in place of the cosines: to allocate takes as long."""
    if torch.is_grad_enabled():
        return torch.exp((cosines - 1) * sharpness)
    return cosines.sub_(1).mul_(sharpness).exp_()


def _shrunk(x: Tensor, like: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(x, (like.shape[-2], like.shape[-1]))


def _grown(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
