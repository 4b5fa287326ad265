# SPDX-License-Identifier: Apache-2.0
"""Networks that only judge: a patch discriminator and a classifier of styles."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Discriminator(nn.Module):
    """Scores patches of 46 pixels, knowing the style (Miyato and Koyama 2018's projection)."""

    def __init__(self, styles: int, width: int = 48) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width]
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in itertools.pairwise(widths))
        self.last = spectral_norm(nn.Conv2d(4 * width, 4 * width, 3, 1, 1))
        self.score = nn.Conv2d(4 * width, 1, 1)
        self.embed = nn.Embedding(styles, 4 * width)
        nn.init.normal_(self.embed.weight, std=0.05)

    def forward(self, picture: Tensor, styles: Tensor) -> Tensor:
        x = picture * 2 - 1
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
        x = functional.leaky_relu(self.last(x), 0.2)
        return self.score(x) + (x * self.embed(styles)[:, :, None, None]).sum(1, keepdim=True)


class Classifier(nn.Module):
    """Pictures [B, 3, H, W] -> styles' logits. `features` are of a half, a quarter and an eighth of the resolution."""

    def __init__(self, styles: int, width: int = 32) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 4 * width]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.GroupNorm(8, b), nn.LeakyReLU(0.1), nn.Conv2d(b, b, 3, 1, 1))
            for a, b in itertools.pairwise(widths)
        )
        self.head = nn.Linear(4 * width, styles)

    def features(self, picture: Tensor) -> list[Tensor]:
        x = picture * 2 - 1
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
            x = functional.leaky_relu(x, 0.1)
        return found

    def forward(self, picture: Tensor) -> Tensor:
        return self.head(functional.leaky_relu(self.features(picture)[-1], 0.1).mean((2, 3)))


def feature_distance(critic: Classifier, made: Tensor, wanted: Tensor) -> Tensor:
    """The mean difference of the three finer features, each channel by its own scale in `wanted`."""
    with torch.no_grad():
        targets = critic.features(wanted)[:3]
    total = torch.zeros((), device=made.device)
    for ours, theirs in zip(critic.features(made)[:3], targets, strict=True):
        scale = theirs.float().abs().mean((0, 2, 3), keepdim=True) + 1e-3
        total = total + ((ours.float() - theirs.float()).abs() / scale).mean()
    return total / 3
