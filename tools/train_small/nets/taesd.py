# SPDX-License-Identifier: Apache-2.0
"""TAESD's autoencoder (github.com/madebyollin/taesd) under its own names, with a width for each resolution.

Pictures are [B, 3, H, W] in 0..1, latents [B, 4, H/8, W/8] of about unit scale, as SD 1.x's sampler sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from train_small.nets.layers import conv


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            conv(channels, channels), nn.ReLU(), conv(channels, channels), nn.ReLU(), conv(channels, channels)
        )
        nn.init.zeros_(self.conv[4].weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x) + x)


class Clamp(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


class Encoder(nn.Sequential):
    """widths: channels at full, half, quarter and eighth resolution; blocks: how many at each."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        parts: list[nn.Module] = [conv(3, widths[0])]
        for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            if level > 0:
                parts.append(conv(widths[level - 1], width, stride=2, bias=False))
            parts += [Block(width) for _ in range(count)]
        super().__init__(*parts, conv(widths[-1], 4))
        with torch.no_grad():  # about unit scale to begin with
            parts[0].weight.mul_(4)
            self[-1].weight.mul_(10)


class Decoder(nn.Sequential):
    """widths and blocks: from full to eighth resolution, as the encoder's."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        parts: list[nn.Module] = [Clamp(), conv(4, widths[-1]), nn.ReLU()]
        for level in reversed(range(len(widths))):
            parts += [Block(widths[level]) for _ in range(blocks[level])]
            if level > 0:
                parts += [nn.Upsample(scale_factor=2), conv(widths[level], widths[level - 1], bias=False)]
        super().__init__(*parts, conv(widths[0], 3))
