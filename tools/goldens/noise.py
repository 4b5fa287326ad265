# SPDX-License-Identifier: Apache-2.0
"""Goldens of PyTorch's CPU noise (diffusion/noise.cpp). Values are float32 bit patterns, large draws a hash."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import torch

SEEDS = [0, 1, 42, 905056445574169, 2**32 + 42, 2**63, 2**64 - 1]
SIZES = [[1], [7], [15], [16], [17], [31], [32], [100], [1, 4, 64, 64], [1, 4, 9, 13]]
#: Sizes of successive draws from one generator; the odd scalar draws leave half a pair behind.
SEQUENCE = [[3], [1, 4, 8, 8], [2], [17], [1], [1, 4, 8, 8]]
WHOLE = 100


def fnv1a64(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
    return value


def describe(draw: torch.Tensor) -> dict[str, Any]:
    bits = [b & 0xFFFFFFFF for b in draw.flatten().view(torch.int32).tolist()]
    entry: dict[str, Any] = {"shape": list(draw.shape), "hash": f"{fnv1a64(draw.numpy().tobytes()):016x}"}
    if len(bits) <= WHOLE:
        entry["bits"] = bits
    else:
        entry["first"], entry["last"] = bits[:4], bits[-4:]
    return entry


def make(out_dir: pathlib.Path) -> None:
    single = []
    for seed in SEEDS:
        for size in SIZES:
            torch.manual_seed(seed)
            single.append({"seed": str(seed), **describe(torch.randn(size))})
    sequences = []
    for seed in SEEDS:
        generator = torch.Generator("cpu").manual_seed(seed)
        draws = [describe(torch.randn(size, generator=generator)) for size in SEQUENCE]
        sequences.append({"seed": str(seed), "draws": draws})
    golden = {"torch": torch.__version__, "single": single, "sequences": sequences}
    (out_dir / "noise.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
