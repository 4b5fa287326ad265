# SPDX-License-Identifier: Apache-2.0
"""SD 1.x's UNet and ControlNet (Rombach et al. 2022, Zhang et al. 2023) under LDM's names, of any width.

Both run at one timestep only here, 999: the whole picture is made in one step from pure noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.layers import attend, conv

HEADS = 8
GROUPS = 32


@dataclass(frozen=True)
class Shape:
    width: int
    multiples: Sequence[int]
    res_blocks: int
    transformers: Sequence[int]  # per level; 0 where it has no attention
    middle: int
    context: int

    def channels(self, level: int) -> int:
        return self.width * self.multiples[level]


def timestep_embedding(timestep: float, width: int) -> Tensor:
    half = width // 2
    angles = timestep * torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / half)
    return torch.cat([torch.cos(angles), torch.sin(angles)])[None]


def norm(channels: int, eps: float = 1e-5) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, channels, eps)


class ResBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, time: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(norm(inputs), nn.SiLU(), conv(inputs, outputs))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, outputs))
        self.out_layers = nn.Sequential(norm(outputs), nn.SiLU(), nn.Identity(), conv(outputs, outputs))
        self.skip_connection = conv(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        with torch.no_grad():
            self.out_layers[3].weight.mul_(0.3)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.in_layers(x) + self.emb_layers(embedding)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class CrossAttention(nn.Module):
    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        return self.to_out(attend(self.to_q(x), self.to_k(context), self.to_v(context), HEADS))


class Gate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=2)
        return value * functional.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Gate(width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = CrossAttention(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = CrossAttention(width, context)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        own = self.norm1(x)
        x = x + self.attn1(own, own)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    def __init__(self, channels: int, depth: int, context: int) -> None:
        super().__init__()
        self.norm = norm(channels, 1e-6)
        self.proj_in = conv(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList(TransformerBlock(channels, context) for _ in range(depth))
        self.proj_out = conv(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        h = self.proj_in(self.norm(x))
        tokens = h.flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return x + self.proj_out(tokens.transpose(1, 2).unflatten(2, x.shape[2:]))


class Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = conv(channels, channels, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


def run(block: nn.Module, x: Tensor, embedding: Tensor, context: Tensor) -> Tensor:
    for part in block.children():
        if isinstance(part, ResBlock):
            x = part(x, embedding)
        elif isinstance(part, SpatialTransformer):
            x = part(x, context)
        else:
            x = part(x)
    return x


class Half(nn.Module):
    """What UNet and ControlNet share: the time embedding, the input blocks and the middle."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.time = 4 * shape.width
        self.time_embed = nn.Sequential(nn.Linear(shape.width, self.time), nn.SiLU(), nn.Linear(self.time, self.time))
        blocks: list[nn.Module] = [nn.Sequential(conv(4, shape.width))]
        channels = shape.width
        self.skips = [channels]
        for level in range(len(shape.multiples)):
            for _ in range(shape.res_blocks):
                blocks.append(self.block(level, channels))
                channels = shape.channels(level)
                self.skips.append(channels)
            if level + 1 < len(shape.multiples):
                blocks.append(nn.Sequential(Downsample(channels)))
                self.skips.append(channels)
        self.input_blocks = nn.ModuleList(blocks)
        middle: list[nn.Module] = [ResBlock(channels, channels, self.time)]
        if shape.middle > 0:
            middle.append(SpatialTransformer(channels, shape.middle, shape.context))
        self.middle_block = nn.Sequential(*middle, ResBlock(channels, channels, self.time))
        self.register_buffer("step", timestep_embedding(999.0, shape.width), persistent=False)

    def block(self, level: int, inputs: int) -> nn.Sequential:
        shape = self.shape
        parts: list[nn.Module] = [ResBlock(inputs, shape.channels(level), self.time)]
        if shape.transformers[level] > 0:
            parts.append(SpatialTransformer(shape.channels(level), shape.transformers[level], shape.context))
        return nn.Sequential(*parts)

    def embedding(self) -> Tensor:
        return self.time_embed(self.step)


class ControlNet(Half):
    """x [B, 4, h, w], hint [B, 3, 8h, 8w], context -> residuals of the skips and, last, of the middle."""

    def __init__(self, shape: Shape, hint: Sequence[int]) -> None:
        super().__init__(shape)
        widths = [3, *hint, shape.width]
        parts: list[nn.Module] = []
        for index in range(len(widths) - 1):
            if index > 0:
                parts.append(nn.SiLU())
            halves = 0 < index < len(widths) - 2 and index % 2 == 0
            parts.append(conv(widths[index], widths[index + 1], stride=2 if halves else 1))
        self.input_hint_block = nn.Sequential(*parts)
        self.zero_convs = nn.ModuleList(nn.Sequential(conv(c, c, 1)) for c in self.skips)
        self.middle_block_out = nn.Sequential(conv(self.skips[-1], self.skips[-1], 1))

    def forward(self, x: Tensor, hint: Tensor, context: Tensor) -> list[Tensor]:
        embedding = self.embedding()
        features = self.input_hint_block(hint)
        residuals = []
        for index, block in enumerate(self.input_blocks):
            x = run(block, x, embedding, context)
            if index == 0:
                x = x + features
            residuals.append(self.zero_convs[index](x))
        x = run(self.middle_block, x, embedding, context)
        return [*residuals, self.middle_block_out(x)]


class UNet(Half):
    """x, context and ControlNet's residuals -> eps [B, 4, h, w]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        skips = list(self.skips)
        channels = skips[-1]
        blocks: list[nn.Module] = []
        for level in reversed(range(len(shape.multiples))):
            for index in range(shape.res_blocks + 1):
                block = self.block(level, channels + skips.pop())
                channels = shape.channels(level)
                if level > 0 and index == shape.res_blocks:
                    block.append(Upsample(channels))
                blocks.append(block)
        self.output_blocks = nn.ModuleList(blocks)
        self.out = nn.Sequential(norm(channels), nn.SiLU(), conv(channels, 4))

    def trunk(self, x: Tensor, context: Tensor, control: list[Tensor] | None = None) -> Tensor:
        """All but `out`."""
        embedding = self.embedding()
        skips = []
        for block in self.input_blocks:
            x = run(block, x, embedding, context)
            skips.append(x)
        x = run(self.middle_block, x, embedding, context)
        if control is not None:
            x = x + control[-1]
            skips = [skip + residual for skip, residual in zip(skips, control[:-1], strict=True)]
        for block in self.output_blocks:
            x = run(block, torch.cat([x, skips.pop()], dim=1), embedding, context)
        return x

    def forward(self, x: Tensor, context: Tensor, control: list[Tensor] | None = None) -> Tensor:
        return self.out(self.trunk(x, context, control))
