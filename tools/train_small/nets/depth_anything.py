# SPDX-License-Identifier: Apache-2.0
"""Depth Anything V2's network (Yang et al. 2024: DINOv2's ViT and DPT's head) under the official files' names.

Pictures are [B, 3, H, W] in 0..1, H and W multiples of 14; the result [B, 1, H, W] is relative nearness.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.layers import Scale, attend, conv

PATCH = 14


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // 64
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=2)
        return self.proj(attend(query, key, value, self.heads))


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width)
        self.ls1 = Scale(width, 0.5)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        self.ls2 = Scale(width, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)


class Backbone(nn.Module):
    def __init__(self, width: int, layers: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, grid * grid + 1, width) * 0.02)
        self.patch_embed = PatchEmbed(width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.taps = [layers // 4 - 1, layers // 2 - 1, layers * 3 // 4 - 1, layers - 1]

    def positions(self, rows: int, columns: int) -> Tensor:
        if (rows, columns) == (self.grid, self.grid):
            return self.pos_embed
        plane = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (self.grid, self.grid))
        plane = functional.interpolate(plane.float(), (rows, columns), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], plane.flatten(2).transpose(1, 2)], dim=1)

    def forward(self, picture: Tensor) -> list[Tensor]:
        plane = self.patch_embed.proj(picture)
        rows, columns = plane.shape[2:]
        tokens = plane.flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(tokens), -1, -1).to(tokens.dtype), tokens], dim=1)
        x = x + self.positions(rows, columns)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                taps.append(self.norm(x)[:, 1:].transpose(1, 2).unflatten(2, (rows, columns)))
        return taps


class ResidualUnit(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width)
        self.conv2 = conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(torch.relu(self.conv1(torch.relu(x)))) + x


@functools.cache
def between(inputs: int, outputs: int, device: torch.device) -> Tensor:
    """The matrix [inputs, outputs] of linear interpolation between corners."""
    at = torch.arange(outputs, device=device) * ((inputs - 1) / (outputs - 1))
    return (1 - (at[None] - torch.arange(inputs, device=device)[:, None]).abs()).clamp_min(0)


def enlarge(x: Tensor, size: Sequence[int]) -> Tensor:
    if x.is_cuda and x.requires_grad:  # interpolate's gradient is made of atomic additions: slow
        rows = between(x.shape[2], size[0], x.device).t()
        return rows @ (x.contiguous() @ between(x.shape[3], size[1], x.device))
    return functional.interpolate(x, list(size), mode="bilinear", align_corners=True)


class Fusion(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.resConfUnit1 = ResidualUnit(width)
        self.resConfUnit2 = ResidualUnit(width)
        self.out_conv = conv(width, width, 1)

    def forward(self, path: Tensor | None, skip: Tensor, size: Sequence[int]) -> Tensor:
        x = skip if path is None else path + self.resConfUnit1(skip)
        return self.out_conv(enlarge(self.resConfUnit2(x), size))


class Scratch(nn.Module):
    def __init__(self, neck: Sequence[int], width: int, head: int) -> None:
        super().__init__()
        for index, channels in enumerate(neck, 1):
            self.add_module(f"layer{index}_rn", conv(channels, width, bias=False))
            self.add_module(f"refinenet{index}", Fusion(width))
        self.output_conv1 = conv(width, width // 2)
        self.output_conv2 = nn.Sequential(conv(width // 2, head), nn.ReLU(), conv(head, 1, 1))


class Head(nn.Module):
    def __init__(self, width: int, neck: Sequence[int], fusion: int, head: int) -> None:
        super().__init__()
        self.projects = nn.ModuleList(conv(width, channels, 1) for channels in neck)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(neck[0], neck[0], 4, 4),
                nn.ConvTranspose2d(neck[1], neck[1], 2, 2),
                nn.Identity(),
                conv(neck[3], neck[3], 3, 2),
            ]
        )
        self.scratch = Scratch(neck, fusion, head)

    def forward(self, taps: list[Tensor], size: Sequence[int]) -> Tensor:
        scratch = self.scratch
        maps = []
        for index, tap in enumerate(taps):
            skip = self.resize_layers[index](self.projects[index](tap))
            maps.append(scratch.get_submodule(f"layer{index + 1}_rn")(skip))
        path = None
        for index in (3, 2, 1, 0):
            rows, columns = maps[max(index - 1, 0)].shape[2:]
            target = (rows, columns) if index > 0 else (2 * rows, 2 * columns)
            path = scratch.get_submodule(f"refinenet{index + 1}")(path, maps[index], target)
        return scratch.output_conv2(enlarge(scratch.output_conv1(path), size))


class DepthAnything(nn.Module):
    def __init__(self, width: int, layers: int, grid: int, neck: Sequence[int], fusion: int, head: int) -> None:
        super().__init__()
        self.pretrained = Backbone(width, layers, grid)
        self.depth_head = Head(width, neck, fusion, head)
        nn.init.constant_(self.depth_head.scratch.output_conv2[2].bias, 0.3)

    def forward(self, picture: Tensor) -> Tensor:
        """Without the ReLU that the file's reader puts behind it: its gradient would die where it is 0."""
        return self.depth_head(self.pretrained(picture), picture.shape[2:])
