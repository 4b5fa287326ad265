# SPDX-License-Identifier: Apache-2.0
"""The arithmetic around a depth network in the node DepthAnythingTensorrt, with OpenCV's own resize."""

from __future__ import annotations

import pathlib

import cv2
import numpy as np
import numpy.typing as npt
import torch

from goldens import depth_anything
from goldens.networks import Arrays, save_golden, synth_state
from goldens.synth import synth_tensor

# Height and width of the depth, then of the map: ordinary sizes, 2:1 in both and in one direction, equal, larger, tiny.
RESIZES = [
    ((518, 518), (288, 400)),
    ((518, 518), (90, 161)),
    ((56, 70), (33, 100)),
    ((70, 42), (35, 21)),
    ((42, 42), (21, 42)),
    ((28, 28), (28, 28)),
    ((28, 42), (97, 150)),
    ((14, 28), (61, 3)),
    ((518, 14), (1, 1)),
]


def to_bytes(depth: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.uint8]:
    """[N, 1, h, w] -> [N, height, width], a frame at a time as the node does it; a constant frame is 0."""
    frames = []
    for frame in depth[:, 0]:
        lowest, highest = frame.min(), frame.max()
        scaled = (frame - lowest) / (highest - lowest) * 255.0 if highest > lowest else np.zeros_like(frame)
        frames.append(cv2.resize(scaled.astype(np.uint8), (width, height)))
    return np.stack(frames)


def resize_cases() -> Arrays:
    arrays: Arrays = {}
    for (h, w), (height, width) in RESIZES:
        depth = synth_tensor(f"depth.{h}x{w}", (2, 1, h, w), seed=1, kind="embedding")
        depth[1] = 0.25 if h < 100 else depth[1]
        arrays[f"map.{h}x{w}.{height}x{width}"] = to_bytes(depth[: 1 if h >= 100 else 2], height, width)
    return arrays


def make(out_dir: pathlib.Path) -> None:
    save_golden(out_dir / "depth_map_resize.safetensors", {}, 1, resize_cases())

    case = next(case for case in depth_anything.CASES if case.name == "v2_official")
    shapes = depth_anything.official_shapes(case)
    model = depth_anything.make_model(case, depth_anything.to_transformers(synth_state(shapes, depth_anything.SEED)))
    images = torch.rand(3, 45, 80, 3, generator=torch.Generator().manual_seed(8))
    side = case.grid * depth_anything.PATCH
    picture = torch.nn.functional.interpolate(
        images.permute(0, 3, 1, 2), size=(side, side), mode="bilinear", align_corners=False
    )
    bias = depth_anything.lift(model, picture).numpy()
    depth = depth_anything.depth(model, picture).numpy()
    arrays: Arrays = {
        "weight:depth_head.scratch.output_conv2.2.bias": bias,
        "images": images.numpy(),
        "map": to_bytes(depth, 45, 80),
    }
    save_golden(out_dir / "depth_map_network.safetensors", shapes, depth_anything.SEED, arrays)
