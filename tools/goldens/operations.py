# SPDX-License-Identifier: Apache-2.0
"""Every operation of the graph that computes, by PyTorch in float64: batches of 8 of small odd sizes."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.numpy import save_file

BATCH = 8
SEED = 77
Tensors = dict[str, torch.Tensor]


def make_inputs() -> Tensors:
    """One row per frame except where a name says otherwise: w_* and row_* are shared by all frames."""
    generator = torch.Generator().manual_seed(SEED)

    def noise(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return scale * torch.randn(*shape, generator=generator)

    return {
        "x": noise(BATCH, 4, 5, 3, scale=2.0),
        "y": noise(BATCH, 4, 5, 3),
        "tokens": noise(BATCH, 7, 5),
        "flat": noise(BATCH, 5, scale=3.0),
        "q": noise(BATCH, 2, 5, 6),
        "k": noise(BATCH, 2, 7, 6),
        "v": noise(BATCH, 2, 7, 3),
        "mask": noise(BATCH, 1, 5, 7, scale=2.0),
        "square_k": noise(BATCH, 2, 5, 6),
        "square_v": noise(BATCH, 2, 5, 3),
        "timesteps": torch.tensor([0.0, 1.0, 37.5, 499.0, 500.25, 801.0, 998.0, 999.0]),
        "w_k": noise(1, 2, 7, 6),
        "w_v": noise(1, 2, 7, 3),
        "w_mask": noise(5, 7),
        "w_conv": noise(6, 4, 3, 2),
        "w_conv_groups": noise(6, 2, 2, 3),
        "w_conv_depth": noise(8, 1, 3, 3),
        "w_conv_1x1": noise(3, 4, 1, 1),
        "w_up": noise(4, 3, 2, 3),
        "w_up_groups": noise(4, 2, 3, 3),
        "w_linear": noise(6, 5),
        "w_matmul": noise(4, 3, 6),
        "b_6": noise(6),
        "b_8": noise(8),
        "b_3": noise(3),
        "b_4": noise(4),
        "norm_4": noise(4),
        "norm_5": noise(5),
        "shift_5": noise(5),
        "row_channel": noise(4, 1, 1),
        "row_width": noise(3),
        "map_small": noise(BATCH, 2, 3, 5),
        "wide": noise(BATCH, 3, 3, 19),
        "w_conv_wide": noise(5, 3, 3, 3),
        "w_linear_wide": noise(19, 5),
        "long_q": noise(BATCH, 1, 6, 5),
        "long_k": noise(BATCH, 1, 21, 5),
        "long_v": noise(BATCH, 1, 21, 11),
    }


def attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, mask: torch.Tensor | None = None
) -> torch.Tensor:
    scores = q @ k.transpose(-1, -2) * scale
    return torch.softmax(scores if mask is None else scores + mask, -1) @ v


def timestep_embedding(t: torch.Tensor, dim: int, flip: bool, shift: float) -> torch.Tensor:
    """diffusers.models.embeddings.get_timestep_embedding, whose frequencies are float32 whatever t is."""
    half = dim // 2
    exponent = -np.log(10000.0) * torch.arange(half, dtype=torch.float32) / (half - shift)
    angles = (t.float()[:, None] * torch.exp(exponent)[None, :]).double()
    parts = [torch.cos(angles), torch.sin(angles)] if flip else [torch.sin(angles), torch.cos(angles)]
    return F.pad(torch.cat(parts, -1), (0, dim % 2))


def linear_cases(i: Tensors) -> Tensors:
    x = i["x"]
    causal = torch.full((5, 5), -torch.inf, dtype=torch.float64).triu(1)
    return {
        "conv2d": F.conv2d(x, i["w_conv"], i["b_6"]),
        "conv2d_stride_pad": F.conv2d(F.pad(x, (2, 1, 1, 0)), i["w_conv"], stride=(2, 1)),
        "conv2d_groups_dilation": F.conv2d(F.pad(x, (1, 2, 0, 0)), i["w_conv_groups"], i["b_6"], 1, 0, (3, 2), 2),
        "conv2d_depthwise": F.conv2d(x, i["w_conv_depth"], i["b_8"], padding=1, groups=4),
        "conv2d_wide": F.conv2d(i["wide"], i["w_conv_wide"], None, padding=1),
        "conv2d_wide_dilation": F.conv2d(F.pad(i["wide"], (0, 3, 1, 0)), i["w_conv_wide"], None, 1, 0, (1, 2)),
        "conv2d_1x1": F.conv2d(x, i["w_conv_1x1"], i["b_3"], stride=2),
        "conv_transpose2d": F.conv_transpose2d(x, i["w_up"], i["b_3"]),
        "conv_transpose2d_stride": F.conv_transpose2d(x, i["w_up"], None, stride=3, padding=1),
        "conv_transpose2d_groups": F.conv_transpose2d(x, i["w_up_groups"], i["b_4"], stride=2, padding=1, groups=2),
        "linear": F.linear(i["tokens"], i["w_linear"], i["b_6"]),
        "linear_wide": F.linear(i["tokens"], i["w_linear_wide"]),
        "linear_plain": F.linear(i["flat"], i["w_linear"]),
        "matmul": x @ i["w_matmul"],
        "matmul_transposed": i["q"] @ i["k"].transpose(-1, -2),
        "attention": attention(i["q"], i["k"], i["v"], 0.4),
        "attention_long": attention(i["long_q"], i["long_k"], i["long_v"], 0.5),
        "attention_shared": attention(i["q"], i["w_k"], i["w_v"], 0.4),
        "attention_causal": attention(i["q"], i["square_k"], i["square_v"], 0.7, causal),
        "attention_mask": attention(i["q"], i["k"], i["v"], 0.4, i["mask"]),
        "attention_shared_mask": attention(i["q"], i["w_k"], i["v"], 1.0, i["w_mask"]),
    }


def math_cases(i: Tensors) -> Tensors:
    x, y = i["x"], i["y"]
    unary: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "silu": F.silu,
        "gelu": F.gelu,
        "gelu_tanh": lambda a: F.gelu(a, approximate="tanh"),
        "quick_gelu": lambda a: a * torch.sigmoid(1.702 * a),
        "relu": F.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "floor": torch.floor,
        "round": torch.round,
        "exp": torch.exp,
        "neg": torch.neg,
        "abs": torch.abs,
    }
    cases = {name: function(x) for name, function in unary.items()}
    positive = y.abs() + 0.125
    return cases | {
        "log": torch.log(positive),
        "sqrt": torch.sqrt(positive),
        "group_norm": F.group_norm(x, 2, i["norm_4"], i["b_4"], 1e-5),
        "group_norm_each": F.group_norm(x, 4, i["norm_4"], i["b_4"], 1e-3),
        "group_norm_all": F.group_norm(x.reshape(BATCH, 4, 15), 1, i["norm_4"], i["b_4"], 1e-6),
        "layer_norm": F.layer_norm(i["tokens"], (5,), i["norm_5"], i["shift_5"], 1e-5),
        "add": x + y,
        "sub": x - i["row_channel"],
        "mul": i["row_width"] * x,
        "div": x / positive,
        "min": torch.minimum(x, y),
        "max": torch.maximum(x, i["row_channel"] * i["row_width"]),
        "pow": positive**y,
        "clamp": x.clamp(-0.75, 1.5),
        "select": torch.where(x < y, x, i["row_width"]),
        "softmax_last": F.softmax(x, -1),
        "softmax_channel": F.softmax(20 * x, 1),
        "reduce_min": x.amin((2, 3), keepdim=True),
        "reduce_max": x.amax((1,), keepdim=True),
        "reduce_mean": x.mean((1, 3), keepdim=True),
        "reduce_sum": x.sum((1, 2, 3), keepdim=True),
        "timestep_embedding": timestep_embedding(i["timesteps"], 10, True, 0.0),
        "timestep_embedding_odd": timestep_embedding(i["timesteps"], 7, False, 1.0),
    }


def resize_cases(i: Tensors) -> Tensors:
    """In float32, as positions are computed in it."""
    x = i["map_small"].float()
    cases = {}
    for height, width in [(3, 5), (6, 10), (7, 4), (2, 2), (1, 1), (5, 13)]:
        size = f"{height}x{width}"
        for mode in ["nearest", "nearest-exact"]:
            cases[f"resize_{mode}_{size}"] = F.interpolate(x, (height, width), mode=mode)
        for mode in ["bilinear", "bicubic"]:
            for align in [False, True]:
                name = f"resize_{mode}_{size}" + ("_corners" if align else "")
                cases[name] = F.interpolate(x, (height, width), mode=mode, align_corners=align)
    return cases


def make(out_dir: pathlib.Path) -> None:
    inputs = make_inputs()
    exact = {name: value.double() for name, value in inputs.items()}
    cases = linear_cases(exact) | math_cases(exact) | resize_cases(inputs)
    arrays = {f"in:{name}": value.numpy() for name, value in inputs.items()}
    arrays |= {f"out:{name}": np.ascontiguousarray(value.float().numpy()) for name, value in cases.items()}
    path = out_dir / "operations.safetensors"
    save_file(arrays, path)
    path.chmod(0o644)
