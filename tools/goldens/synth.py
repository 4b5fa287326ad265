# SPDX-License-Identifier: Apache-2.0
"""Deterministic random weights, bit for bit those of models/weights/synth_values.cpp."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UNIT = np.float32(2.642805e-05)
MASK = (1 << 64) - 1


def fnv1a64(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def splitmix64(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def guess_kind(name: str, shape: tuple[int, ...]) -> str:
    if any(part in name for part in ("embedding", "pos_embed", "cls_token", "mask_token")):
        return "embedding"
    if len(shape) == 1:
        return "norm_scale" if name.endswith("weight") or ".gamma" in name else "bias"
    return "matrix"


def synth_tensor(
    name: str, shape: tuple[int, ...], seed: int, gain: float = 1.0, kind: str | None = None
) -> npt.NDArray[np.float32]:
    """The tensor `name` of a model: see synth_values.hpp for the formula."""
    kind = kind or guess_kind(name, shape)
    count = int(np.prod(shape, dtype=np.int64))
    g = np.float32(gain)
    if kind == "matrix":
        row = max(count // shape[0], 1) if shape else 1
        spread = g / np.sqrt(np.float32(row))
    else:
        spread = {"bias": np.float32(0.05), "norm_scale": np.float32(0.1), "embedding": np.float32(0.5)}[kind] * g
    key = fnv1a64(name) ^ ((seed * 0x9E3779B97F4A7C15) & MASK)
    with np.errstate(over="ignore"):
        bits = splitmix64(np.arange(count, dtype=np.uint64) + np.uint64(key))
    total = np.zeros(count, dtype=np.int64)
    for shift in (0, 16, 32, 48):
        total += ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
    values = (total - 131070).astype(np.float32) * np.float32(spread * UNIT)
    if kind == "norm_scale":
        values = values + np.float32(1.0)
    return values.astype(np.float32).reshape(shape)
