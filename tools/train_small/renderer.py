# SPDX-License-Identifier: Apache-2.0
"""Procedural scenes as pictures: the native renderer, built where it runs (nvcc for a GPU, g++ for a CPU)."""

from __future__ import annotations

import ctypes
import hashlib
import pathlib
import subprocess
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

SOURCES = pathlib.Path(__file__).parent / "render"
STYLES = (
    *("illustration", "watercolour", "ink", "neon", "snow", "desert", "lava", "underwater"),
    *("gold", "wood", "clay", "mosaic", "glass", "blueprint", "jade"),
)
TYPES = (
    *("street", "park", "room", "portrait", "plant", "land", "blocks", "plaza", "medley"),
    *("foliage", "crowd", "court", "temple", "yard", "playground"),
)
SEEN_TYPES, LATER_TYPES = tuple(range(9)), (9, 10, 11)  # both are trained on
UNSEEN_TYPES, LAST_TYPES = (12, 13), (14,)  # neither is


def build(cache: pathlib.Path, cuda: bool) -> pathlib.Path:
    """The library's path; made once per state of the sources."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.read_bytes())
    path = cache / f"render-{'cuda' if cuda else 'cpu'}-{digest.hexdigest()[:12]}.so"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    if cuda:
        tools = ["nvcc", "-O3", "-std=c++17", "-arch=sm_90", "--use_fast_math", "-shared", "-Xcompiler", "-fPIC"]
    else:
        tools = [
            "g++",
            "-x",
            "c++",
            "-O2",
            "-march=native",
            "-ffast-math",
            "-std=c++17",
            "-fopenmp",
            "-shared",
            "-fPIC",
        ]
    subprocess.run([*tools, "-o", str(temporary), str(SOURCES / "render.cu")], check=True)
    temporary.replace(path)
    return path


@dataclass
class Scenes:
    """What one call rendered. nearness: 1 / distance along the view, 0 in the sky."""

    photo: Tensor  # [B, 3, H, W]
    nearness: Tensor  # [B, 1, H, W]
    painted: Tensor | None  # [B, 3, H, W] in `styles`
    styles: Tensor | None  # [B]
    hint: Tensor  # [B, 1, H, W]: nearness between the picture's lowest and highest, 0..1


def blur(x: Tensor, radius: int) -> Tensor:
    """Three box filters: nearly a Gaussian."""
    for _ in range(3):
        x = functional.avg_pool2d(functional.pad(x, [radius] * 4, mode="replicate"), 2 * radius + 1, 1)
    return x


class Renderer:
    def __init__(self, device: torch.device, cache: pathlib.Path) -> None:
        self.device = device
        self.library = ctypes.CDLL(str(build(cache, device.type == "cuda")))
        for name in ("render_scene_bytes", "render_sample_bytes"):
            getattr(self.library, name).restype = ctypes.c_int64
        if self.library.render_style_count() != len(STYLES):
            raise RuntimeError("renderer.py and render/style.h name different numbers of styles")

    def call(self, name: str, *arguments: Tensor | int) -> None:
        values: list[ctypes.c_void_p | ctypes.c_int] = []
        for argument in arguments:
            if isinstance(argument, Tensor):
                values.append(ctypes.c_void_p(argument.data_ptr()))
            else:
                values.append(ctypes.c_int(argument))
        stream = torch.cuda.current_stream().cuda_stream if self.device.type == "cuda" else 0
        failed = getattr(self.library, name)(*values, ctypes.c_void_p(stream))
        if failed:
            raise RuntimeError(f"{name}: CUDA error {failed}")

    def empty(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=self.device)

    def render(
        self,
        seeds: Tensor,
        size: tuple[int, int],
        noise: Tensor | None = None,
        styles: Tensor | None = None,
        types: Tensor | None = None,
    ) -> Scenes:
        """Pictures of size (height, width) of the scenes of `seeds`; painted in `styles` where they are given, with
        the grain of `noise` [B, 4, height / 8, width / 8] (then both sizes are multiples of 32)."""
        count, (height, width) = len(seeds), size
        seeds = seeds.to(self.device, torch.int32)
        types = torch.full_like(seeds, -1) if types is None else types.to(self.device, torch.int32)
        scenes = self.empty(count * self.library.render_scene_bytes(), dtype=torch.uint8)
        samples = self.empty(count * 4 * height * width * self.library.render_sample_bytes(), dtype=torch.uint8)
        colours = self.empty(count, 2 * height, 2 * width, 3)
        nearness = self.empty(count, 1, height, width)
        photo = self.empty(count, 3, height, width)
        self.call("render_build", scenes, seeds, types, count)
        self.call("render_trace", scenes, samples, colours, nearness, photo, count, height, width)
        del colours
        span = torch.stack([nearness.amin((1, 2, 3)), nearness.amax((1, 2, 3))], dim=1).contiguous()
        low, high = span[:, 0, None, None, None], span[:, 1, None, None, None]
        hint = (nearness - low) / (high - low).clamp_min(1e-6)
        edge, opened = self.empty(count, 1, height, width), self.empty(count, 1, height, width)
        self.call("render_outline", scenes, samples, span, edge, opened, count, height, width)
        photo = photo * (0.45 + 0.55 * opened)
        if noise is None or styles is None:
            return Scenes(photo, nearness, None, None, hint)
        scale = max(1, height // 256)
        halo, aura = blur(edge, 2 * scale).contiguous(), blur(edge, 9 * scale).contiguous()
        coarse = (functional.avg_pool2d(noise.float(), 4) * 4).contiguous()
        styles = styles.to(self.device, torch.int32)
        painted = self.empty(count, 3, height, width)
        fine = noise.float().contiguous()
        self.call(
            "render_paint",
            *(scenes, samples, span, edge, opened, halo, aura, fine, coarse, styles, painted, count, height, width),
        )
        return Scenes(photo, nearness, painted, styles, hint)
