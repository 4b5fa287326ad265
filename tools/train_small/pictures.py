# SPDX-License-Identifier: Apache-2.0
"""What happens to pictures: cameras' faults, colour changes, the depth node's arithmetic, sheets of tiles."""

from __future__ import annotations

import pathlib

import torch
import torch.nn.functional as functional
from torch import Tensor


def uniform(x: Tensor, low: float, high: float, channels: int = 1) -> Tensor:
    return torch.rand(len(x), channels, 1, 1, device=x.device) * (high - low) + low


def maybe(x: Tensor, changed: Tensor, probability: float) -> Tensor:
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < probability, changed, x)


def recolour(x: Tensor, strength: float = 1.0) -> Tensor:
    """Other exposure, contrast, white balance and saturation for each picture."""
    x = x.clamp(0, 1)
    x = x ** torch.exp(uniform(x, -0.6, 0.6) * strength)
    x = x * torch.exp(uniform(x, -0.5, 0.5) * strength + uniform(x, -0.25, 0.25, 3) * strength)
    grey = (x * x.new_tensor([0.3, 0.59, 0.11])[:, None, None]).sum(1, keepdim=True)
    x = grey + (x - grey) * uniform(x, 1 - 0.7 * strength, 1 + 0.5 * strength)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(x, 1 - 0.4 * strength, 1 + 0.4 * strength)
    return x.clamp(0, 1)


def turn_colours(x: Tensor) -> Tensor:
    """Palette changes that leave form alone: channels exchanged, greys, negatives' hues, and recolour's."""
    order = torch.argsort(torch.rand(len(x), 3, device=x.device), dim=1)
    x = maybe(x, torch.gather(x, 1, order[:, :, None, None].expand_as(x)), 0.7)
    x = maybe(x, x.mean(1, keepdim=True).expand_as(x), 0.25)
    return recolour(x)


def photograph(x: Tensor) -> Tensor:
    """As a cheap camera and a codec leave it."""
    x = recolour(x)
    x = maybe(x, x.mean(1, keepdim=True).expand_as(x), 0.08)
    soft = functional.avg_pool2d(functional.pad(x, [1] * 4, mode="replicate"), 3, 1)
    softer = functional.avg_pool2d(functional.pad(soft, [2] * 4, mode="replicate"), 5, 1)
    x = maybe(maybe(x, soft, 0.35), softer, 0.15)
    sharp = (2 * x - soft).clamp(0, 1)
    x = maybe(x, sharp, 0.2)
    small = functional.interpolate(x, scale_factor=0.5, mode="area")
    x = maybe(x, functional.interpolate(small, x.shape[2:], mode="bilinear"), 0.15)
    x = x + torch.randn_like(x) * uniform(x, 0.0, 1.0) ** 3 * 0.08
    coarse = torch.randn(len(x), 3, x.shape[2] // 4, x.shape[3] // 4, device=x.device)
    x = x + functional.interpolate(coarse, x.shape[2:], mode="bilinear") * uniform(x, 0.0, 1.0) ** 3 * 0.06
    return x.clamp(0, 1)


def zoom_plan(count: int, device: torch.device) -> Tensor:
    """Affine maps [B, 2, 3] for `zoom`: mirrored, cut out, a little turned."""
    scale = 1 - 0.35 * torch.rand(count, device=device) ** 2
    mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    angle = torch.randn(count, device=device) * 0.04
    shift = (torch.rand(count, 2, device=device) * 2 - 1) * (1 - scale)[:, None]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [torch.stack([cos * mirror, -sin, shift[:, 0]], 1), torch.stack([sin * mirror, cos, shift[:, 1]], 1)]
    return torch.stack(rows, dim=1)


def zoom(x: Tensor, plan: Tensor, size: tuple[int, int]) -> Tensor:
    grid = functional.affine_grid(plan, [len(x), x.shape[1], *size], align_corners=False)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def depth_input(picture: Tensor, side: int) -> Tensor:
    """The depth node's resize: bilinear without smoothing."""
    return functional.interpolate(picture, (side, side), mode="bilinear", align_corners=False)


def depth_map(nearness: Tensor, size: tuple[int, int]) -> Tensor:
    """The depth node's map: between the picture's lowest and highest, in whole 255ths, resized."""
    nearness = nearness.float().clamp_min(0)
    low = nearness.amin((1, 2, 3), keepdim=True)
    span = (nearness.amax((1, 2, 3), keepdim=True) - low).clamp_min(1e-6)
    steps = torch.floor((nearness - low) / span * 255)
    return torch.round(functional.interpolate(steps, size, mode="bilinear", align_corners=False)) / 255


def tile(rows: list[Tensor]) -> Tensor:
    """Batches [B, 3 or 1, H, W] of the same B, one a row -> one picture [3, ., .]."""
    lines = [torch.cat(list(row.expand(-1, 3, -1, -1).float().cpu()), dim=2) for row in rows]
    return torch.cat(lines, dim=1).clamp(0, 1)


def save_picture(picture: Tensor, path: pathlib.Path) -> None:
    from PIL import Image

    data = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(data).save(path, quality=90)
